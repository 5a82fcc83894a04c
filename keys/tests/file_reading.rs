//! Which files are read as rings: whole ones, that nobody else can have written, in their folder.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use common::{
    as_user, folder_with_ring, in_time, must_pass, needs_root, part, ring, ring_of, text, write_raw,
};
use saddlebag_keys::{FileStore, Store, StoreError, StoreErrorKind};

/// T56.
#[test]
fn a_file_cut_at_any_byte_is_no_ring() {
    let (_folder, store) = folder_with_ring();
    let whole = text(&ring(1));
    // The line feed at the end may be missing: nothing that was written is.
    for length in 0..whole.len() - 1 {
        write_raw(store.path(), &whole[..length], 0o600);
        refused_as_no_ring(&store, length);
    }
    write_raw(store.path(), &whole[..whole.len() - 1], 0o600);
    assert_eq!(store.load().unwrap(), ring(1));
}

/// T56.
#[test]
fn a_file_that_is_half_one_ring_and_half_another_is_neither() {
    let (_folder, store) = folder_with_ring();
    let (old, new) = (ring_of("old", 10), ring_of("new", 11));
    let (old_text, new_text) = (text(&old), text(&new));
    assert_eq!(old_text.len(), new_text.len());
    let mut refused = 0;
    for cut in 0..=old_text.len() {
        let torn = [&new_text[..cut], &old_text[cut..]].concat();
        write_raw(store.path(), &torn, 0o600);
        if torn == old_text {
            assert_eq!(store.load().unwrap(), old);
        } else if torn == new_text {
            assert_eq!(store.load().unwrap(), new);
        } else {
            refused_as_no_ring(&store, cut);
            refused += 1;
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn a_file_with_a_block_of_zeros_is_no_ring() {
    // What a file system that lost power may leave of a file that was not synced.
    let (_folder, store) = folder_with_ring();
    let whole = text(&ring(1));
    for start in (0..whole.len() - 1).step_by(64) {
        let mut torn = whole.clone();
        torn[start..].fill(0);
        write_raw(store.path(), &torn, 0o600);
        refused_as_no_ring(&store, start);
    }
}

fn refused_as_no_ring(store: &FileStore, place: usize) {
    let error = store.load().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Invalid(_)), "byte {place}: {error}");
}

/// T60.
#[test]
fn a_broken_ring_is_never_saved_over() {
    let (_folder, store) = folder_with_ring();
    let half = &text(&ring(1))[..300];
    write_raw(store.path(), half, 0o600);
    for expected in [None, Some(1)] {
        let error = store.save(&ring(2), expected).unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Invalid(_)), "{error}");
        assert_eq!(fs::read(store.path()).unwrap(), half);
    }
}

/// T57.
#[test]
fn access_for_others_or_writing_by_the_group_is_refused_with_the_remedy() {
    let (_folder, store) = folder_with_ring();
    let lax = store.clone().allow_group_read();
    for (mode, remedy) in [
        (0o604, "mode 604 gives others access: chmod o-rwx"),
        (0o602, "mode 602 gives others access: chmod o-rwx"),
        (0o601, "mode 601 gives others access: chmod o-rwx"),
        (0o644, "mode 644 gives others access: chmod o-rwx"),
        (0o620, "mode 620 lets the group write: chmod g-w"),
        (0o660, "mode 660 lets the group write: chmod g-w"),
        (0o1666, "mode 666 gives others access: chmod o-rwx"),
    ] {
        set_mode(&store, mode);
        for store in [&store, &lax] {
            refused(store.load(), remedy);
            // A writer trusts no more than a reader.
            refused(store.save(&ring(2), Some(1)), remedy);
        }
    }
    for mode in [0o600, 0o400, 0o700] {
        set_mode(&store, mode);
        assert_eq!(store.load().unwrap(), ring(1), "{mode:o}");
    }
}

#[test]
fn the_group_may_read_what_root_owns() {
    needs_root();
    let (_folder, store) = folder_with_ring();
    set_mode(&store, 0o640);
    assert_eq!(store.load().unwrap(), ring(1));
}

#[test]
fn the_group_may_read_what_this_user_owns_only_where_the_store_allows_it() {
    if let Some(folder) = part() {
        let store = FileStore::new(folder.join("own/ring.json"));
        store.save(&ring(1), None).unwrap();
        set_mode(&store, 0o640);
        refused(store.load(), "mode 640 lets the group read: chmod g-r, or say --allow-group-read");
        let lax = store.allow_group_read();
        assert_eq!(lax.load().unwrap(), ring(1));
        // What is allowed stays allowed.
        lax.save(&ring(2), Some(1)).unwrap();
        assert_eq!(fs::metadata(lax.path()).unwrap().permissions().mode() & 0o777, 0o640);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let mut command = as_user(
        USER,
        "the_group_may_read_what_this_user_owns_only_where_the_store_allows_it",
        folder.path(),
    );
    fs::create_dir(&own).unwrap();
    std::os::unix::fs::chown(&own, Some(USER), Some(USER)).unwrap();
    must_pass(&mut command);
}

/// T57.
#[test]
fn a_file_of_another_user_is_refused_by_root() {
    needs_root();
    let (_folder, store) = folder_with_ring();
    std::os::unix::fs::chown(store.path(), Some(USER), None).unwrap();
    let reason = format!("it belongs to user {USER}, neither to root nor to user 0");
    refused(store.load(), &reason);
    refused(store.save(&ring(2), Some(1)), &reason);
}

/// T57.
#[test]
fn a_service_reads_roots_ring_and_its_own_but_no_other_users() {
    if let Some(folder) = part() {
        let load = |name: &str| FileStore::new(folder.join(name)).load();
        assert_eq!(load("roots").unwrap(), ring(1));
        assert_eq!(load("own").unwrap(), ring(1));
        let reason = format!("it belongs to user {OTHER}, neither to root nor to user {USER}");
        refused(load("others"), &reason);
        // Not readable at all: said as it is, not as "there is no ring".
        let error = load("secret").unwrap_err();
        assert!(matches!(error.kind(), StoreErrorKind::Read(_)), "{error}");
        assert!(error.to_string().contains("Permission denied"), "{error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "a_service_reads_roots_ring_and_its_own_but_no_other_users";
    let mut command = as_user(USER, name, folder.path());
    for (name, owner, group, mode) in [
        ("roots", 0, USER, 0o640),
        ("own", USER, USER, 0o600),
        ("others", OTHER, USER, 0o640),
        ("secret", 0, 0, 0o600),
    ] {
        let path = folder.path().join(name);
        write_raw(&path, &text(&ring(1)), mode);
        std::os::unix::fs::chown(&path, Some(owner), Some(group)).unwrap();
    }
    must_pass(&mut command);
}

/// T58.
#[test]
fn a_link_out_of_the_folder_is_refused_however_it_leads_out() {
    let (folder, store) = folder_with_ring();
    let inner = folder.path().join("inner");
    fs::create_dir_all(inner.join("deep")).unwrap();
    symlink("../ring.json", inner.join("relative")).unwrap();
    symlink(store.path(), inner.join("absolute")).unwrap();
    symlink("relative", inner.join("twice")).unwrap();
    symlink("deep/../../ring.json", inner.join("through")).unwrap();
    symlink("..", inner.join("up")).unwrap();
    symlink("up/ring.json", inner.join("by-folder")).unwrap();
    symlink("/etc/shadow", inner.join("shadow")).unwrap();
    symlink("/dev/zero", inner.join("zero")).unwrap();
    symlink("/proc/self/environ", inner.join("proc")).unwrap();
    for name in ["relative", "absolute", "twice", "through", "by-folder", "shadow", "zero", "proc"]
    {
        let store = FileStore::new(inner.join(name));
        refused(store.load(), "it is a symbolic link out of its folder");
    }
    symlink("round", inner.join("circle")).unwrap();
    symlink("circle", inner.join("round")).unwrap();
    let circle = FileStore::new(inner.join("circle"));
    refused(circle.load(), "its symbolic links go round in a circle");
}

#[test]
fn links_within_the_folder_are_followed_as_kubernetes_lays_them() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path();
    fs::create_dir(mount.join("..2026_11_21")).unwrap();
    write_raw(&mount.join("..2026_11_21/ring.json"), &text(&ring(7)), 0o600);
    symlink("..2026_11_21", mount.join("..data")).unwrap();
    symlink("..data/ring.json", mount.join("ring.json")).unwrap();
    assert_eq!(FileStore::new(mount.join("ring.json")).load().unwrap(), ring(7));
    // What is checked is the file, not the link, whose mode is always 0777.
    set_mode(&FileStore::new(mount.join("..2026_11_21/ring.json")), 0o644);
    refused(FileStore::new(mount.join("ring.json")).load(), "mode 644 gives others access");
}

#[test]
fn a_folder_that_is_itself_a_link_is_the_operators_choice() {
    let (folder, _) = folder_with_ring();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(folder.path(), elsewhere.path().join("link")).unwrap();
    let store = FileStore::new(elsewhere.path().join("link/ring.json"));
    assert_eq!(store.load().unwrap(), ring(1));
}

/// T58.
#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(path("fifo")).status();
    assert!(made.unwrap().success());
    fs::create_dir(path("folder")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    symlink("fifo", path("link-to-fifo")).unwrap();
    for name in ["fifo", "link-to-fifo", "folder", "socket"] {
        no_regular_file(&path(name));
    }
    for device in ["/dev/zero", "/dev/null", "/dev/random", "/dev/tty"] {
        let store = FileStore::new(device);
        let refusal = in_time(device, move || store.load()).unwrap_err();
        assert!(matches!(refusal.kind(), StoreErrorKind::Unsafe(_)), "{refusal}");
    }
}

fn no_regular_file(path: &Path) {
    let store = FileStore::new(path);
    let clone = store.clone();
    refused(in_time("a load", move || clone.load()), "it is not a regular file");
    refused(in_time("a save", move || store.save(&ring(1), None)), "");
}

/// T58.
#[test]
fn a_fifo_that_somebody_writes_to_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(&path).status();
    assert!(made.unwrap().success());
    // Both ends, so that it opens at once.
    let mut options = fs::OpenOptions::new();
    let mut fifo = options.read(true).write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut fifo, &text(&ring(1))).unwrap();
    let store = FileStore::new(path);
    refused(in_time("a load", move || store.load()), "it is not a regular file");
}

/// T58.
#[test]
fn a_file_of_a_gibibyte_is_refused_by_its_size() {
    let (_folder, store) = folder_with_ring();
    let file = fs::OpenOptions::new().write(true).open(store.path()).unwrap();
    file.set_len(1 << 30).unwrap();
    let read = bytes_read();
    refused(store.load(), "it has 1073741824 bytes, more than the 65536 of a ring");
    // Of this thread alone, and the look at the counter is in it.
    assert!(bytes_read() - read < 65_536, "it was read");
}

/// `rchar` of this thread.
fn bytes_read() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters.lines().find(|line| line.starts_with("rchar")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_largest_document_is_read_and_one_byte_more_is_not() {
    let (_folder, store) = folder_with_ring();
    let mut padded = text(&ring(1));
    padded.resize(65_536, b' ');
    write_raw(store.path(), &padded, 0o600);
    assert_eq!(store.load().unwrap(), ring(1));
    padded.push(b' ');
    write_raw(store.path(), &padded, 0o600);
    refused(store.load(), "it has 65537 bytes");
}

#[test]
fn paths_that_are_relative_or_not_utf_8_work_like_any_other() {
    use std::os::unix::ffi::OsStrExt;

    let folder = tempfile::tempdir_in(".").unwrap();
    let relative = Path::new(folder.path().file_name().unwrap());
    assert!(relative.is_relative());
    let odd = std::ffi::OsStr::from_bytes(b"r\xffng.json");
    for path in [relative.join("ring.json"), relative.join(odd), relative.join("./x/../y.json")] {
        let _ = fs::create_dir(relative.join("x"));
        let store = FileStore::new(&path);
        store.save(&ring(1), None).unwrap();
        store.save(&ring(2), Some(1)).unwrap();
        assert_eq!(store.load().unwrap(), ring(2), "{path:?}");
        assert!(path.exists());
        assert_eq!(common::temporaries(relative), [""; 0]);
    }
    // A bare name is one in the current folder; nothing is written, tests share it.
    let bare = FileStore::new("there-is-no-such-ring.json");
    assert!(matches!(bare.load().unwrap_err().kind(), StoreErrorKind::NotFound));
    assert_eq!(bare.folder().unwrap(), Path::new("."));
    for nameless in ["", "/", "..", "a/.."] {
        let store = FileStore::new(nameless);
        refused(store.load(), "the path does not name a file");
        refused(store.save(&ring(1), None), "the path does not name a file");
    }
}

fn set_mode(store: &FileStore, mode: u32) {
    fs::set_permissions(store.path(), fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>, reason: &str) {
    let error = result.unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::Unsafe(_)), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

/// T64.
#[test]
fn an_error_shows_no_byte_of_a_secret() {
    let (_folder, store) = folder_with_ring();
    let whole = text(&ring(1));
    let secret: String = secret_of(&whole).chars().take(8).collect();
    for length in (0..whole.len() - 1).step_by(7) {
        write_raw(store.path(), &whole[..length], 0o600);
        let error = store.load().unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!said.contains(&secret), "{said}");
    }
}

fn secret_of(document: &[u8]) -> String {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    document["keys"][0]["secret"].as_str().unwrap().to_owned()
}

const USER: u32 = 40_001;
const OTHER: u32 = 40_002;
