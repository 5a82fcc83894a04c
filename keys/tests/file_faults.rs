//! The file store when it is killed, when the disk is full, when a call fails: the old ring or the new
//! one, whole, and nothing left behind.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{
    Call, again, faultable, folder_with_ring, mark, mounted, names, needs_root, part, ring,
    ring_of, save_next, temporaries, trace, with_fault,
};
use rand::TryRng;
use saddlebag_keys::{FileStore, Store, StoreErrorKind};

/// T55.
#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_ring_that_never_goes_back() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        loop {
            let saved = match store.load() {
                Ok(_) => save_next(&store),
                Err(_) => store.save(&ring(1), None).map(|()| 1).unwrap(),
            };
            // Standard output keeps lines whole.
            println!("saved {saved}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    let name = "a_writer_killed_at_any_moment_leaves_a_whole_ring_that_never_goes_back";
    let (mut highest, mut torn_writes) = (0, 0);
    for kills in 0..400 {
        // On a fast disk few moments are in the middle of a write.
        if kills >= 100 && torn_writes > 0 {
            break;
        }
        let mut command = again::<&str>(&[], name, folder.path());
        let mut writer = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(writer.stdout.take().unwrap());
        // From its first save on, or most would die before it; within the time that two saves take on
        // this machine now.
        let mut said = String::new();
        let mut wait_for_saves = |saves: usize| {
            while said.matches("saved ").count() < saves {
                assert_ne!(output.read_line(&mut said).unwrap(), 0, "{said}");
            }
        };
        wait_for_saves(1);
        let start = Instant::now();
        wait_for_saves(2);
        let two_saves = u64::try_from(start.elapsed().as_micros() * 2).unwrap();
        let pause = rand::rngs::SysRng.try_next_u64().unwrap() % two_saves.max(1);
        std::thread::sleep(Duration::from_micros(pause));
        writer.kill().unwrap();
        assert_eq!(writer.wait().unwrap().signal(), Some(9));
        output.read_to_string(&mut said).unwrap();
        let reported =
            said.lines().filter_map(|line| line.split_once("saved ")?.1.parse::<u64>().ok());
        highest = reported.chain([highest]).max().unwrap();

        let found = store.load().unwrap().generation();
        assert!(found == highest || found == highest + 1, "{found}, after {highest}");
        torn_writes += temporaries(folder.path()).len();
        highest = save_next(&store);
        assert_eq!(temporaries(folder.path()), [""; 0]);
    }
    assert!(torn_writes > 0, "no writer was killed while it wrote: this shows nothing");
}

/// T55.
#[test]
fn a_writer_killed_at_each_of_its_calls_leaves_the_old_ring_or_the_new_one() {
    if let Some(folder) = part() {
        traced_save(&folder, Some(1));
        return;
    }
    let name = "a_writer_killed_at_each_of_its_calls_leaves_the_old_ring_or_the_new_one";
    killed_at_each_call(name, Some(1));
}

/// T55.
#[test]
fn a_writer_killed_at_each_call_of_the_first_save_leaves_nothing_or_the_ring() {
    if let Some(folder) = part() {
        traced_save(&folder, None);
        return;
    }
    let name = "a_writer_killed_at_each_call_of_the_first_save_leaves_nothing_or_the_ring";
    killed_at_each_call(name, None);
}

fn killed_at_each_call(name: &str, expected: Option<u64>) {
    let (mut old, mut new) = (0, 0);
    for call in save_calls(name, expected) {
        let (folder, store) = prepared(expected);
        let fault = format!("signal=SIGKILL:when={}", call.nth);
        let output = with_fault(&call.name, &fault, name, folder.path());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "it survived {}: {said}", call.line);
        assert!(!said.contains("saved"), "it had saved before {}", call.line);
        match store.load().map(|ring| ring.generation()) {
            Ok(2) => new += 1,
            Ok(1) if expected.is_some() => old += 1,
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound) => {
                assert_eq!(expected, None, "the ring is gone after {}", call.line);
                old += 1;
                store.save(&ring(2), None).unwrap();
            }
            other => panic!("{other:?} after {}", call.line),
        }
        save_next(&store);
        assert_eq!(names(folder.path()), [".ring.json.lock", "ring.json"], "{}", call.line);
    }
    assert!(old > 5 && new > 0, "{old} old, {new} new: the kills missed the save");
}

/// T55.
#[test]
fn a_save_of_which_any_call_fails_says_so_and_leaves_the_old_ring_or_the_new_one() {
    if let Some(folder) = part() {
        traced_save(&folder, Some(1));
        return;
    }
    let name = "a_save_of_which_any_call_fails_says_so_and_leaves_the_old_ring_or_the_new_one";
    every_call_fails(name, Some(1));
}

/// T55.
#[test]
fn a_first_save_of_which_any_call_fails_says_so_and_leaves_nothing_or_the_ring() {
    if let Some(folder) = part() {
        traced_save(&folder, None);
        return;
    }
    let name = "a_first_save_of_which_any_call_fails_says_so_and_leaves_nothing_or_the_ring";
    every_call_fails(name, None);
}

fn every_call_fails(name: &str, expected: Option<u64>) {
    let mut failures = 0;
    for call in save_calls(name, expected) {
        // Not the store's: a thread ends, memory is mapped.
        if !FALLIBLE.contains(&call.name.as_str()) {
            continue;
        }
        let (folder, store) = prepared(expected);
        let fault = format!("error=EIO:when={}", call.nth);
        let output = with_fault(&call.name, &fault, name, folder.path());
        let said = String::from_utf8_lossy(&output.stdout);
        let place = &call.line;
        assert!(output.status.success(), "{place}: {said} {output:?}");
        let found = store.load();
        if said.contains("saved") {
            assert_eq!(found.unwrap(), ring(2), "{place}");
        } else {
            failures += 1;
            let in_place = said.contains("the new ring is in place");
            assert!(
                said.contains("failed file:") && said.contains("os error 5"),
                "{place}: {said}"
            );
            match found {
                Ok(found) if in_place => assert_eq!(found, ring(2), "{place}"),
                Ok(found) => assert_eq!(Some(found.generation()), expected, "{place}"),
                Err(error) => assert_eq!(expected, None, "{place}: {error}"),
            }
        }
        // One that cannot be removed stays until the next save.
        if !call.name.starts_with("unlink") {
            assert_eq!(temporaries(folder.path()), [""; 0], "{place}: {said}");
        }
    }
    assert!(failures >= 5, "{failures}: the faults missed the save");
}

/// The part of the tests above: one save between two marks.
fn traced_save(folder: &Path, expected: Option<u64>) {
    let store = FileStore::new(folder.join("ring.json"));
    warm_up();
    mark("begin");
    let saved = store.save(&ring(2), expected);
    mark("end");
    match saved {
        Ok(()) => println!("saved"),
        Err(error) => println!("failed {error}"),
    }
}

/// Faults are counted in each thread, and the harness has one, too: so that the faults meant for the
/// save cannot strike there, the save's calls must all be later ones of their name.
fn warm_up() {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    for _ in 0..WARM_UP {
        store.save(&ring(1), None).unwrap();
        store.save(&ring(2), Some(1)).unwrap();
        fs::remove_file(store.path()).unwrap();
    }
}

fn prepared(expected: Option<u64>) -> (tempfile::TempDir, FileStore) {
    let (folder, store) = folder_with_ring();
    if expected.is_none() {
        fs::remove_file(store.path()).unwrap();
    }
    (folder, store)
}

fn save_calls(name: &str, expected: Option<u64>) -> Vec<Call> {
    let (folder, store) = prepared(expected);
    let mut calls = faultable(trace(name, folder.path()));
    // Only debug builds ask whether a file is open before they close it.
    calls.retain(|call| call.name != "fcntl");
    assert_eq!(store.load().unwrap(), ring(2));
    let publish = if expected.is_some() { "rename" } else { "link" };
    for wanted in ["write", "fsync", publish] {
        let made = calls.iter().any(|call| call.name.starts_with(wanted));
        assert!(made, "no {wanted} in {calls:#?}");
    }
    calls
}

/// T55.
#[test]
fn a_new_ring_is_synced_before_it_is_published_and_its_folder_after() {
    if let Some(folder) = part() {
        traced_save(&folder, Some(1));
        return;
    }
    let name = "a_new_ring_is_synced_before_it_is_published_and_its_folder_after";
    let calls = save_calls(name, Some(1));
    let order: Vec<&str> = calls
        .iter()
        .filter(|call| ["write", "fsync", "fdatasync", "rename"].contains(&&*call.name))
        .map(|call| &*call.name)
        .collect();
    assert_eq!(order, ["write", "fsync", "rename", "fsync"]);
}

/// T55.
#[test]
fn a_full_disk_fails_the_save_with_a_clear_error_and_keeps_the_ring() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        store.save(&ring(1), None).unwrap();
        // All of the disk, to the last byte.
        let mut filler = fs::File::create(folder.join("filler")).unwrap();
        while filler.write(&[1; 4096]).is_ok() {}
        drop(filler);
        let error = store.save(&ring(2), Some(1)).unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Write(_)), "{error}");
        assert!(
            error.to_string().ends_with("cannot be written: No space left on device (os error 28)"),
            "{error}"
        );
        assert_eq!(store.load().unwrap(), ring(1));
        assert_eq!(temporaries(&folder), [""; 0]);
        fs::remove_file(folder.join("filler")).unwrap();
        assert_eq!(save_next(&store), 2);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    mounted(
        "mount -t tmpfs -o size=16k saddlebag \"$1\"",
        "a_full_disk_fails_the_save_with_a_clear_error_and_keeps_the_ring",
        folder.path(),
    );
}

#[test]
fn a_disk_without_room_for_another_file_fails_the_save_and_keeps_the_ring() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        store.save(&ring(1), None).unwrap();
        let more = (0..).map(|n| fs::File::create(folder.join(format!("{n}"))));
        more.take_while(Result::is_ok).for_each(drop);
        let error = store.save(&ring(2), Some(1)).unwrap_err();
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert_eq!(store.load().unwrap(), ring(1));
        assert_eq!(temporaries(&folder), [""; 0]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    mounted(
        "mount -t tmpfs -o nr_inodes=8 saddlebag \"$1\"",
        "a_disk_without_room_for_another_file_fails_the_save_and_keeps_the_ring",
        folder.path(),
    );
}

#[test]
fn a_folder_that_can_only_be_read_is_read_and_never_written() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        assert_eq!(store.load().unwrap(), ring(1));
        let error = store.save(&ring(2), Some(1)).unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Write(_)), "{error}");
        assert!(
            error.to_string().ends_with(".ring.json.lock: Read-only file system (os error 30)"),
            "{error}"
        );
        let error = FileStore::new(folder.join("new.json")).save(&ring(1), None).unwrap_err();
        assert!(error.to_string().contains("Read-only file system"), "{error}");
        return;
    }
    let (folder, store) = folder_with_ring();
    mounted(
        "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"",
        "a_folder_that_can_only_be_read_is_read_and_never_written",
        folder.path(),
    );
    assert_eq!(store.load().unwrap(), ring(1));
    assert_eq!(names(folder.path()), [".ring.json.lock", "ring.json"]);
}

#[test]
fn a_folder_that_is_not_there_is_no_ring_and_takes_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("missing/ring.json"));
    assert!(matches!(store.load().unwrap_err().kind(), StoreErrorKind::NotFound));
    let error = store.save(&ring(1), None).unwrap_err();
    let reason = "missing/.ring.json.lock: No such file or directory (os error 2)";
    assert!(error.to_string().ends_with(reason), "{error}");
}

/// T59.
#[test]
fn of_50_processes_that_save_at_once_every_one_wins_or_is_told_who_did() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        println!("ready");
        // Until all are.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        for _ in 0..3 {
            let read = store.load().unwrap().generation();
            let mine = ring_of(&std::process::id().to_string(), read + 1);
            match store.save(&mine, Some(read)) {
                Ok(()) => println!("\nsaved {}", read + 1),
                Err(error) => {
                    let winner = error.conflict().flatten().expect("a conflict");
                    assert!(winner > read, "{winner} did not win over {read}");
                    println!("\nlost-to {winner}");
                }
            }
        }
        return;
    }
    let (folder, store) = folder_with_ring();
    let name = "of_50_processes_that_save_at_once_every_one_wins_or_is_told_who_did";
    let mut writers: Vec<_> = (0..50)
        .map(|_| {
            let mut command = again::<&str>(&[], name, folder.path());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut writer = command.spawn().unwrap();
            let output = BufReader::new(writer.stdout.take().unwrap());
            (writer, output)
        })
        .collect();
    for (_, output) in &mut writers {
        let mut said = String::new();
        while !said.contains("ready") {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "{said}");
        }
    }
    for (writer, _) in &mut writers {
        writer.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let (mut saved, mut winners) = (Vec::new(), Vec::new());
    for (mut writer, mut output) in writers {
        let mut said = String::new();
        output.read_to_string(&mut said).unwrap();
        assert!(writer.wait().unwrap().success(), "{said}");
        let after = |word: &str| -> Vec<u64> {
            let lines = said.lines().filter_map(|line| line.strip_prefix(word));
            lines.map(|number| number.trim().parse().unwrap()).collect()
        };
        saved.extend(after("saved "));
        winners.extend(after("lost-to "));
    }
    assert_eq!(saved.len() + winners.len(), 150);
    saved.sort_unstable();
    let every: Vec<u64> = (2..2 + saved.len() as u64).collect();
    assert_eq!(saved, every, "a generation was saved twice, or lost");
    assert_eq!(store.load().unwrap().generation(), 1 + saved.len() as u64);
    assert!(winners.iter().all(|winner| saved.contains(winner)));
    assert_eq!(names(folder.path()), [".ring.json.lock", "ring.json"]);
}

/// T57.
#[test]
fn under_umask_000_no_file_is_ever_wider_than_0600() {
    if let Some(folder) = part() {
        rustix::process::umask(rustix::fs::Mode::empty());
        let store = FileStore::new(folder.join("ring.json"));
        mark("begin");
        store.save(&ring(1), None).unwrap();
        store.save(&ring(2), Some(1)).unwrap();
        mark("end");
        fs::write(folder.join("control"), "").unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let calls = trace("under_umask_000_no_file_is_ever_wider_than_0600", folder.path());
    let mut made = 0;
    for call in &calls {
        assert!(!call.name.contains("chmod"), "{}", call.line);
        if call.line.contains("O_CREAT") {
            assert!(call.line.contains("O_EXCL") && call.line.contains(", 0600)"), "{}", call.line);
            made += u32::from(!call.line.contains(" = -1 "));
        }
    }
    assert_eq!(made, 3, "the lock and two temporary files: {calls:#?}");
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777;
    assert_eq!(mode("control"), 0o666, "the umask was not 000");
    assert_eq!(mode("ring.json"), 0o600);
    assert_eq!(mode(".ring.json.lock"), 0o600);
}

/// T57.
#[test]
fn a_save_keeps_owner_and_mode_and_never_widens_them() {
    needs_root();
    let (_folder, store) = folder_with_ring();
    let facts = || {
        let facts = fs::metadata(store.path()).unwrap();
        (facts.uid(), facts.gid(), facts.mode() & 0o7777)
    };
    for (mode, kept) in [(0o640, 0o640), (0o440, 0o640), (0o400, 0o600), (0o700, 0o600)] {
        std::os::unix::fs::chown(store.path(), Some(0), Some(40_001)).unwrap();
        fs::set_permissions(store.path(), fs::Permissions::from_mode(mode)).unwrap();
        save_next(&store);
        assert_eq!(facts(), (0, 40_001, kept), "{mode:o}");
    }
}

#[test]
fn saving_through_a_mounted_ring_is_refused_and_leaves_the_mount_as_it_was() {
    let (folder, store) = folder_with_ring();
    fs::rename(store.path(), folder.path().join("target.json")).unwrap();
    std::os::unix::fs::symlink("target.json", store.path()).unwrap();
    let before = names(folder.path());
    for expected in [Some(1), None] {
        let error = store.save(&ring(2), expected).unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Unsafe(_)), "{error}");
        let reason = "it is a symbolic link, a mounted ring: change it at its source";
        assert!(error.to_string().ends_with(reason), "{error}");
    }
    assert_eq!(store.load().unwrap(), ring(1));
    assert_eq!(names(folder.path()), before);
    assert!(fs::symlink_metadata(store.path()).unwrap().is_symlink());
}

/// T56.
#[test]
fn readers_of_the_file_meet_no_torn_ring_and_no_older_one() {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    let long = std::env::var_os("SADDLEBAG_LONG_TESTS").is_some_and(|value| value == "1");
    let least = if long { 100_000 } else { 200 };
    let (_folder, store) = folder_with_ring();
    let (done, loads) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let read = || {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let found = store.load().unwrap().generation();
                assert!(found >= last, "{found} after {last}");
                last = found;
                loads.fetch_add(1, Ordering::Relaxed);
            }
        };
        let readers: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
        let mut saves = 0;
        // One that failed is told when it is joined.
        let all_read = || readers.iter().all(|reader| !reader.is_finished());
        while saves < 40 || (loads.load(Ordering::Relaxed) < least && all_read()) {
            save_next(&store);
            saves += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(loads.into_inner() >= least);
}

const WARM_UP: usize = 30;
/// The calls of a save that can fail for reasons of the file system.
const FALLIBLE: [&str; 15] = [
    "open",
    "openat",
    "openat2",
    "read",
    "write",
    "fsync",
    "rename",
    "link",
    "linkat",
    "unlink",
    "flock",
    "statx",
    "getdents64",
    "getrandom",
    "renameat2",
];
