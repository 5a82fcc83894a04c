//! Bugs that were, each with a line on it.

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
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{
    CountingStore, as_user, folder_with_ring, in_time, mounted, must_pass, needs_root, part, ring,
    temporaries, text, wait_until, with_fault, write_raw,
};
use saddlebag_keys::{
    FileStore, HighWater, Store, StoreErrorKind, UnixTime, Watch, WatchOptions, rotation,
};

/// T58: the lock was opened with waiting: a FIFO of its name held a writer up for ever.
#[test]
fn a_fifo_in_place_of_the_lock_is_refused_without_waiting() {
    let (folder, store) = folder_with_ring();
    let lock = folder.path().join(".ring.json.lock");
    fs::remove_file(&lock).unwrap();
    assert!(Command::new("mkfifo").arg(&lock).status().unwrap().success());
    let error = in_time("a save", move || store.save(&ring(2), Some(1))).unwrap_err();
    assert!(error.to_string().contains(".ring.json.lock: "), "{error}");
}

/// A rotation run by root made a lock that the service, which owns the ring, could not open.
#[test]
fn a_lock_made_by_root_belongs_to_the_owner_of_the_ring() {
    const USER: u32 = 40_001;
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("own/ring.json"));
        if rustix::process::geteuid().is_root() {
            // It may not read a ring of that user's, and must not be kept from locking by that.
            store.save(&ring(2), Some(1)).unwrap_err();
        } else {
            store.save(&ring(2), Some(1)).unwrap();
        }
        return;
    }
    needs_root();
    let name = "a_lock_made_by_root_belongs_to_the_owner_of_the_ring";
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    write_raw(&own.join("ring.json"), &text(&ring(1)), 0o600);
    for path in [&own, &own.join("ring.json")] {
        std::os::unix::fs::chown(path, Some(USER), Some(USER)).unwrap();
    }
    must_pass(&mut common::again::<&str>(&[], name, folder.path()));
    assert_eq!(fs::metadata(own.join(".ring.json.lock")).unwrap().uid(), USER);
    must_pass(&mut as_user(USER, name, folder.path()));
}

/// A lock that was there already must not be given away: it may be a link to anything.
#[test]
fn a_lock_that_was_there_keeps_its_owner() {
    needs_root();
    let (folder, store) = folder_with_ring();
    std::os::unix::fs::chown(store.path(), Some(40_001), None).unwrap();
    store.save(&ring(2), Some(1)).unwrap_err();
    let lock = fs::metadata(folder.path().join(".ring.json.lock")).unwrap();
    assert_eq!(lock.uid(), 0);
}

/// "Permission denied" alone did not tell that the lock was in the way, nor where it is.
#[test]
fn a_lock_of_another_user_is_named_in_the_error() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("own/ring.json"));
        let error = store.save(&ring(2), Some(1)).unwrap_err();
        let reason = "own/.ring.json.lock: Permission denied (os error 13)";
        assert!(error.to_string().ends_with(reason), "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "a_lock_of_another_user_is_named_in_the_error";
    let mut command = as_user(40_001, name, folder.path());
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    write_raw(&own.join("ring.json"), &text(&ring(1)), 0o600);
    write_raw(&own.join(".ring.json.lock"), b"", 0o600);
    for path in [&own, &own.join("ring.json")] {
        std::os::unix::fs::chown(path, Some(40_001), Some(40_001)).unwrap();
    }
    must_pass(&mut command);
}

/// The first save needed hard links, which FAT and some network file systems do not have.
#[test]
fn a_first_save_works_where_there_are_no_hard_links() {
    let name = "a_first_save_works_where_there_are_no_hard_links";
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        store.save(&ring(1), None).unwrap();
        return;
    }
    for call in ["link", "linkat"] {
        for error in ["EPERM", "EOPNOTSUPP", "ENOSYS"] {
            let folder = tempfile::tempdir().unwrap();
            let output = with_fault(call, &format!("error={error}"), name, folder.path());
            assert!(output.status.success(), "{error}: {output:?}");
            let store = FileStore::new(folder.path().join("ring.json"));
            assert_eq!(store.load().unwrap(), ring(1));
            assert_eq!(temporaries(folder.path()), [""; 0]);
        }
    }
}

/// The way around hard links must not lead over a ring that somebody has put there meanwhile.
#[test]
fn a_first_save_without_hard_links_replaces_nothing() {
    let name = "a_first_save_without_hard_links_replaces_nothing";
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        // The first look at the ring is made to find none.
        let error = store.save(&ring(1), None).unwrap_err();
        assert_eq!(error.conflict(), Some(Some(7)), "{error}");
        println!("conflict");
        return;
    }
    let (folder, store) = folder_with_ring();
    store.save(&ring(7), Some(1)).unwrap();
    let output = common::run(&mut common::again(
        &[
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=openat2,link,linkat",
            "-e",
            "inject=openat2:error=ENOENT:when=1",
            "-e",
            "inject=link,linkat:error=EPERM",
        ],
        name,
        folder.path(),
    ));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(store.load().unwrap(), ring(7));
    assert_eq!(temporaries(folder.path()), [""; 0]);
}

/// File systems that cannot sync a folder made a save that had been done an error.
#[test]
fn a_folder_that_cannot_be_synced_is_no_error() {
    let name = "a_folder_that_cannot_be_synced_is_no_error";
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("ring.json"));
        store.save(&ring(2), Some(1)).unwrap();
        return;
    }
    let (folder, store) = folder_with_ring();
    let output = with_fault("fsync", "error=EINVAL:when=2", name, folder.path());
    assert!(output.status.success(), "{output:?}");
    assert_eq!(store.load().unwrap(), ring(2));
}

/// Docker before 20.10 forbids calls that it does not know, and openat2 is one.
#[test]
fn a_sandbox_without_openat2_reads_by_the_same_rules() {
    let name = "a_sandbox_without_openat2_reads_by_the_same_rules";
    if let Some(folder) = part() {
        assert_eq!(FileStore::new(folder.join("ring.json")).load().unwrap(), ring(1));
        let escape = FileStore::new(folder.join("escape")).load().unwrap_err();
        assert!(matches!(escape.kind(), StoreErrorKind::Unsafe(_)), "{escape}");
        return;
    }
    let (folder, _) = folder_with_ring();
    std::os::unix::fs::symlink("/etc/shadow", folder.path().join("escape")).unwrap();
    for error in ["EPERM", "ENOSYS"] {
        let output = with_fault("openat2", &format!("error={error}"), name, folder.path());
        assert!(output.status.success(), "{error}: {output:?}");
    }
}

/// A lease on the file (a file server's, say) had the look-up asked again without end or pause.
#[test]
fn a_look_up_that_is_always_asked_again_ends() {
    let name = "a_look_up_that_is_always_asked_again_ends";
    if let Some(folder) = part() {
        let error = FileStore::new(folder.join("ring.json")).load().unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Read(_)), "{error}");
        return;
    }
    let (folder, _) = folder_with_ring();
    let path = folder.path().to_owned();
    let output = in_time("a load", move || with_fault("openat2", "error=EAGAIN", name, &path));
    assert!(output.status.success(), "{output:?}");
}

/// A mount that can only be read refused the lock first, and the error did not say what to do.
#[test]
fn saving_to_a_read_only_mount_says_where_to_change_the_ring() {
    if let Some(folder) = part() {
        let error = FileStore::new(folder.join("ring.json")).save(&ring(2), Some(1)).unwrap_err();
        assert!(error.to_string().ends_with("change it at its source"), "{error}");
        return;
    }
    let (folder, store) = folder_with_ring();
    fs::rename(store.path(), folder.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data", store.path()).unwrap();
    mounted(
        "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"",
        "saving_to_a_read_only_mount_says_where_to_change_the_ring",
        folder.path(),
    );
}

/// The watch looked for the end of its handle only after its pause, however long that was.
#[test]
fn the_watch_ends_with_its_handle_however_long_its_pause() {
    let store = CountingStore::holding(&ring(1));
    let handle = Watch::new(store.clone(), seldom()).start().unwrap();
    assert!(store.is_watched());
    drop(handle);
    wait_until("the thread lets go of the store", || !store.is_watched());
}

/// A folder made anew often has the inode number of the one before, and was taken for watched.
#[test]
fn a_folder_made_anew_is_watched_anew() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("ring");
    let store = FileStore::new(folder.join("ring.json"));
    fs::create_dir(&folder).unwrap();
    store.save(&ring(1), None).unwrap();
    let handle = Watch::new(store.clone(), seldom()).start().unwrap();
    let generation = || handle.load().as_ref().unwrap().generation();
    let mut clock = 1_800_000_000;
    for round in 1..5 {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        store.save(&ring(round * 2), None).unwrap();
        wait_until("the new folder's ring is in use", || {
            // Looks, since the folder may have been seen while it was not there.
            clock += 10;
            handle.unknown_key(UnixTime::from_secs(clock));
            generation() == round * 2
        });
        store.save(&ring(round * 2 + 1), Some(round * 2)).unwrap();
        wait_until("a notice comes from the new folder", || generation() == round * 2 + 1);
    }
}

/// Any file that somebody wrote in the ring's folder had the ring read again, hundreds of times a second.
#[test]
fn a_busy_folder_does_not_keep_the_watch_busy() {
    let (folder, store) = folder_with_ring();
    let counting = CountingIn(CountingStore::holding(&ring(1)), folder.path().to_owned());
    let loads = counting.0.clone();
    let _handle = Watch::new(counting, seldom()).start().unwrap();
    let start = Instant::now();
    for n in 0..400 {
        fs::write(folder.path().join("log"), format!("{n}")).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    // The pauses between are slept, so that this holds on the slowest machine.
    let most = u64::try_from(start.elapsed().as_millis()).unwrap() / 50 + 2;
    assert!(loads.loads() <= most, "{} looks, at most {most}", loads.loads());
    assert!(loads.loads() >= 2, "no notice came at all");
    drop(store);
}

struct CountingIn(CountingStore, std::path::PathBuf);

impl Store for CountingIn {
    fn load(&self) -> Result<saddlebag_keys::KeyRing, saddlebag_keys::StoreError> {
        self.0.load()
    }

    fn save(
        &self,
        ring: &saddlebag_keys::KeyRing,
        expected: Option<u64>,
    ) -> Result<(), saddlebag_keys::StoreError> {
        self.0.save(ring, expected)
    }

    fn location(&self) -> String {
        self.0.location()
    }

    fn folder(&self) -> Option<std::path::PathBuf> {
        Some(self.1.clone())
    }
}

/// A high-water mark that could not be written once was never written: a restart took the older ring.
#[test]
fn a_high_water_mark_that_could_not_be_written_is_written_later() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    // In the way of the folder.
    fs::write(&state, "").unwrap();
    let options = || WatchOptions {
        high_water: Some(HighWater::new(&state)),
        refresh_every: Duration::from_millis(10),
        ..WatchOptions::default()
    };
    let store = CountingStore::holding(&ring(5));
    // Not a folder: the mark cannot even be looked for, and that is no "never used here".
    assert!(Watch::new(store.clone(), options()).start().is_err());
    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    let handle = Watch::new(store.clone(), options()).start().unwrap();
    // Generation 6 comes while there is no room for its mark.
    let mark = common::names(&state)[0].clone();
    fs::remove_dir_all(&state).unwrap();
    std::os::unix::fs::symlink("nowhere", &state).unwrap();
    store.put(&ring(6));
    wait_until("generation 6", || handle.load().as_ref().unwrap().generation() == 6);
    fs::remove_file(&state).unwrap();
    wait_until("the mark", || state.join(&mark).exists());
    drop(handle);
    let refusal = Watch::new(CountingStore::holding(&ring(5)), options()).start().unwrap_err();
    assert!(refusal.to_string().contains("older than generation 6"), "{refusal}");
}

/// A mark that could not be written left its temporary file, and its folder was made with the umask's mode.
#[test]
fn a_failed_mark_leaves_nothing_and_its_folder_is_private() {
    if let Some(folder) = part() {
        rustix::process::umask(rustix::fs::Mode::empty());
        let options = |name: &str| WatchOptions {
            high_water: Some(HighWater::new(folder.join(name))),
            ..seldom()
        };
        let start = |options| Watch::new(CountingStore::holding(&ring(1)), options).start();
        drop(start(options("made/deep")).unwrap());
        for name in ["made", "made/deep"] {
            let mode = fs::metadata(folder.join(name)).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o700, "{name}");
        }
        let full = folder.join("full");
        fs::create_dir(&full).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4k", "x"]).arg(&full).status();
        assert!(mount.unwrap().success());
        fs::write(full.join("filler"), [1; 4096]).unwrap();
        // The ring is taken: it may hold a revocation.
        drop(start(options("full")).unwrap());
        assert_eq!(common::names(&full), ["filler"]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    mounted("true", "a_failed_mark_leaves_nothing_and_its_folder_is_private", folder.path());
}

fn seldom() -> WatchOptions {
    WatchOptions { refresh_every: Duration::from_secs(86_400), ..WatchOptions::default() }
}

/// Serde takes an array of the members' values for an object: such a document was a ring.
#[test]
fn a_document_of_arrays_is_no_ring() {
    use serde_json::Value;

    let values = |object: &Value, members: &[&str]| -> Value {
        members.iter().map(|member| object[member].clone()).collect()
    };
    let good: Value = serde_json::from_slice(&text(&ring(1))).unwrap();
    let key = ["id", "secret", "created_at", "activates_at", "drains_until", "revoked_at"];
    let policy = [
        "rotate_every",
        "publish_ahead",
        "max_token_lifetime",
        "max_session_lifetime",
        "clock_skew",
    ];
    let whole = ["format", "name", "generation", "audience", "policy", "keys", "digest"];
    let mut arrays = [good.clone(), good.clone(), values(&good, &whole)];
    arrays[0]["keys"][0] = values(&good["keys"][0], &key);
    arrays[1]["policy"] = values(&good["policy"], &policy);
    assert!(saddlebag_keys::document::parse(good.to_string().as_bytes()).is_ok());
    for array in arrays {
        let refusal = saddlebag_keys::document::parse(array.to_string().as_bytes()).unwrap_err();
        assert!(refusal.to_string().contains("expected an object"), "{refusal}");
    }
}

/// T63.
/// A ring's keys were moved about while it was read, and each move left their bytes on the heap for good.
#[test]
fn a_ring_that_was_dropped_is_not_on_the_heap() {
    use std::os::unix::fs::FileExt;

    const NAME: &str = "a_ring_that_was_dropped_is_not_on_the_heap";
    const MASK: u8 = 0x5a;
    let Some(folder) = part() else {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = rand::rngs::SysRng;
        let now = UnixTime::from_secs(1_800_000_000);
        let mut ring =
            rotation::init("heap", saddlebag_keys::Policy::default(), now, &mut rng).unwrap().ring;
        for _ in 0..10 {
            ring = rotation::stage(&ring, now, &mut rng).unwrap().ring;
        }
        // What to look for, spelled so that it is not what is looked for.
        let shop = saddlebag_keys::Audience::new("shop").unwrap();
        let secrets = ring.scoped_to(&shop).unwrap();
        let masked: Vec<u8> = secrets
            .audience(&shop)
            .unwrap()
            .iter()
            .flat_map(|(_, secret)| secret.expose().map(|byte| byte ^ MASK))
            .collect();
        fs::write(folder.path().join("masked"), masked).unwrap();
        write_raw(&folder.path().join("ring.json"), &text(&secrets), 0o600);
        // One heap, wherever the test's thread is.
        must_pass(common::again::<&str>(&[], NAME, folder.path()).env("MALLOC_ARENA_MAX", "1"));
        return;
    };
    let masked = fs::read(folder.join("masked")).unwrap();
    let store = FileStore::new(folder.join("ring.json"));
    for _ in 0..3 {
        let ring = store.load().unwrap();
        let keys = ring.audience(ring.scope().unwrap()).unwrap();
        assert_eq!(keys.len() * 32, masked.len());
        drop((ring.clone(), ring, keys));
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let heap = maps.lines().find(|line| line.ends_with("[heap]")).expect("a heap");
    let (start, end) = heap.split(' ').next().unwrap().split_once('-').unwrap();
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    let mut bytes = vec![0; (end - start) as usize];
    fs::File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, start).unwrap();
    let found = masked
        .chunks(32)
        .filter(|secret| {
            bytes.windows(32).any(|seen| seen.iter().zip(*secret).all(|(a, b)| a ^ MASK == *b))
        })
        .count();
    assert_eq!(found, 0, "of {} keys", masked.len() / 32);
}
