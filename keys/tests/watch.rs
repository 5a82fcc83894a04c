//! The watch: what changes at the source is soon in use, and nothing that goes wrong there takes the
//! last good ring away.

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
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{
    CountingStore, Polled, folder_with_ring, named_ring, redigested, ring, ring_of, save_next,
    text, wait_until, write_raw,
};
use saddlebag_keys::{FileStore, HighWater, KeyRingHandle, Store, UnixTime, Watch, WatchOptions};

#[test]
fn a_changed_file_is_in_use_within_2_seconds() {
    let (_folder, store) = folder_with_ring();
    let handle = Watch::new(store.clone(), WatchOptions::default()).start().unwrap();
    in_use_within_2_seconds(&handle, &store);
}

#[test]
fn a_changed_file_is_in_use_within_2_seconds_where_no_notice_comes() {
    let (_folder, store) = folder_with_ring();
    let watch = Watch::new(Polled(store.clone()), WatchOptions::default());
    in_use_within_2_seconds(&watch.start().unwrap(), &store);
}

fn in_use_within_2_seconds(handle: &KeyRingHandle, store: &FileStore) {
    assert_eq!(generation(handle), Some(1));
    for _ in 0..3 {
        let saved = save_next(store);
        let start = Instant::now();
        while generation(handle) != Some(saved) {
            assert!(start.elapsed() < Duration::from_secs(2), "generation {saved} is not in use");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(handle.ring().as_deref(), Some(&ring(saved)));
    }
}

#[test]
fn notices_alone_show_a_change_however_it_is_made() {
    let (folder, store) = folder_with_ring();
    let handle = Watch::new(store.clone(), notices_only()).start().unwrap();
    save_next(&store);
    in_use(&handle, 2);
    // Written in place, as `cp` does.
    write_raw(store.path(), &text(&ring(3)), 0o600);
    in_use(&handle, 3);
    // Renamed over, as an editor does.
    write_raw(&folder.path().join("draft"), &text(&ring(4)), 0o600);
    fs::rename(folder.path().join("draft"), store.path()).unwrap();
    in_use(&handle, 4);
    // Made readable only afterwards.
    write_raw(&folder.path().join("draft"), &text(&ring(5)), 0o644);
    fs::rename(folder.path().join("draft"), store.path()).unwrap();
    refused(&handle, "mode 644 gives others access");
    write_raw(store.path(), &text(&ring(5)), 0o600);
    in_use(&handle, 5);
}

/// T56.
#[test]
fn the_swap_of_a_kubernetes_mount_is_seen_by_notices_alone() {
    let folder = tempfile::tempdir().unwrap();
    swap_as_kubelet(folder.path(), 1);
    symlink("..data/ring.json", folder.path().join("ring.json")).unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    let handle = Watch::new(store, notices_only()).start().unwrap();
    for generation in 2..6 {
        swap_as_kubelet(folder.path(), generation);
        in_use(&handle, generation);
    }
}

/// T56.
#[test]
fn the_swap_of_a_kubernetes_mount_is_seen_by_looking_alone() {
    let folder = tempfile::tempdir().unwrap();
    swap_as_kubelet(folder.path(), 1);
    symlink("..data/ring.json", folder.path().join("ring.json")).unwrap();
    let store = Polled(FileStore::new(folder.path().join("ring.json")));
    let handle = Watch::new(store, often()).start().unwrap();
    swap_as_kubelet(folder.path(), 2);
    in_use(&handle, 2);
}

/// What kubelet's atomic writer does: a new folder, a new link renamed over the old, the old folder gone.
fn swap_as_kubelet(mount: &Path, generation: u64) {
    let old = fs::read_link(mount.join("..data")).ok();
    let new = format!("..2026_11_{generation}");
    fs::create_dir(mount.join(&new)).unwrap();
    write_raw(&mount.join(&new).join("ring.json"), &text(&ring(generation)), 0o600);
    symlink(&new, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(mount.join(old)).unwrap();
    }
}

#[test]
fn a_folder_that_was_replaced_is_watched_in_its_new_place() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("ring");
    fs::create_dir(&folder).unwrap();
    let store = FileStore::new(folder.join("ring.json"));
    store.save(&ring(1), None).unwrap();
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    fs::rename(&folder, parent.path().join("old")).unwrap();
    refused(&handle, "there is no ring");
    assert_eq!(generation(&handle), Some(1));
    fs::create_dir(&folder).unwrap();
    store.save(&ring(2), None).unwrap();
    in_use(&handle, 2);
    save_next(&store);
    in_use(&handle, 3);
}

/// T60.
#[test]
fn nothing_that_happens_to_the_file_takes_the_last_good_ring_away() {
    let (folder, store) = folder_with_ring();
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    let good = text(&ring(2));
    let damage: [(&str, &dyn Fn()); 7] = [
        ("not a ring: line", &|| write_raw(store.path(), &good[..400], 0o600)),
        ("not a ring: line 1, column 0", &|| write_raw(store.path(), b"", 0o600)),
        ("the digest does not match", &|| {
            let edited = String::from_utf8(good.clone()).unwrap();
            let edited = edited.replace("\"generation\": 2", "\"generation\": 3");
            write_raw(store.path(), edited.as_bytes(), 0o600);
        }),
        ("mode 644 gives others access", &|| write_raw(store.path(), &good, 0o644)),
        ("more than the 65536 of a ring", &|| write_raw(store.path(), &[b' '; 70_000], 0o600)),
        ("there is no ring", &|| fs::remove_file(store.path()).unwrap()),
        ("it is not a regular file", &|| fs::create_dir(store.path()).unwrap()),
    ];
    for (reason, damage) in damage {
        damage();
        refused(&handle, reason);
        assert_eq!(handle.ring().as_deref(), Some(&ring(1)), "{reason}");
        assert!(handle.freshness(UnixTime::now()).issuing, "{reason}");
    }
    fs::remove_dir(store.path()).unwrap();
    write_raw(&folder.path().join("draft"), &good, 0o600);
    fs::rename(folder.path().join("draft"), store.path()).unwrap();
    in_use(&handle, 2);
    recovered(&handle);
}

/// T04: whatever the second one's state, and whichever of the two comes first.
#[test]
fn a_ring_that_has_one_key_twice_is_refused_and_the_old_one_kept() {
    let (_folder, store) = folder_with_ring();
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    let good: serde_json::Value = serde_json::from_slice(&text(&ring(2))).unwrap();
    let (early, late) = ("1970-01-01T00:20:00Z", "1970-01-02T00:00:00Z");
    for (member, value) in [
        ("activates_at", early),
        ("activates_at", late),
        ("revoked_at", early),
        ("drains_until", late),
    ] {
        for first in [false, true] {
            let mut document = good.clone();
            let keys = document["keys"].as_array_mut().unwrap();
            let mut twin = keys[0].clone();
            twin[member] = value.into();
            keys.insert(if first { 0 } else { 2 }, twin);
            write_raw(store.path(), &redigested(document), 0o600);
            refused(&handle, "two keys have the id");
            assert_eq!(handle.ring().as_deref(), Some(&ring(1)), "{member} {value}");
            // So that the next refusal is the next one's.
            write_raw(store.path(), &text(&ring(1)), 0o600);
            recovered(&handle);
        }
    }
    write_raw(store.path(), &redigested(good), 0o600);
    in_use(&handle, 2);
}

#[test]
fn the_same_ring_again_clears_the_error() {
    let (_folder, store) = folder_with_ring();
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    fs::remove_file(store.path()).unwrap();
    refused(&handle, "there is no ring");
    store.save(&ring(1), None).unwrap();
    recovered(&handle);
    assert_eq!(generation(&handle), Some(1));
}

/// T50.
#[test]
fn an_older_generation_and_another_one_of_the_same_number_are_refused_and_reported() {
    let store = CountingStore::holding(&ring(5));
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    store.put(&ring(4));
    refused(
        &handle,
        "memory: generation 4 is older than generation 5, which was in use here; --allow-rollback",
    );
    store.put(&ring_of("other", 5));
    refused(
        &handle,
        "memory: it has the generation 5 of the ring in use, and another content; --allow-rollback",
    );
    store.put(&named_ring("other", "", 6));
    refused(&handle, "it is another ring, \"other\"; a restart takes it");
    assert_eq!(handle.ring().as_deref(), Some(&ring(5)));
    store.put(&ring_of("other", 6));
    in_use(&handle, 6);
    recovered(&handle);
}

/// T51.
#[test]
fn a_handle_never_goes_back_while_its_source_swings_between_two_replicas() {
    let store = CountingStore::holding(&ring(7));
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    for _ in 0..5 {
        store.put(&ring(6));
        store.wait_for_load();
        assert_eq!(generation(&handle), Some(7));
        store.put(&ring(7));
        store.wait_for_load();
        assert_eq!(generation(&handle), Some(7));
    }
    recovered(&handle);
}

/// T50.
#[test]
fn allow_rollback_takes_an_older_ring_and_another_one_of_the_same_generation() {
    let store = CountingStore::holding(&ring(5));
    let options = WatchOptions { allow_rollback: true, ..often() };
    let handle = Watch::new(store.clone(), options).start().unwrap();
    store.put(&ring(3));
    in_use(&handle, 3);
    store.put(&ring_of("other", 3));
    wait_until("the other ring is in use", || {
        handle.ring().as_deref() == Some(&ring_of("other", 3))
    });
    // For a restore, not for another ring.
    store.put(&named_ring("other", "", 9));
    refused(&handle, "it is another ring");
}

/// T50.
#[test]
fn after_a_restart_an_older_ring_is_refused_by_the_high_water_mark() {
    let state = tempfile::tempdir().unwrap();
    let options = || with_state(state.path());
    drop(Watch::new(CountingStore::holding(&ring(5)), options()).start().unwrap());

    for (offered, reason) in [
        (ring(4), "generation 4 is older than generation 5, which was in use here"),
        (ring_of("other", 5), "it has the generation 5 of the ring in use, and another content"),
    ] {
        let refusal = Watch::new(CountingStore::holding(&offered), options()).start().unwrap_err();
        assert!(refusal.to_string().contains(reason), "{refusal}");
    }
    // The same one, a newer one, and another ring altogether are taken.
    for taken in [ring(5), ring(6), named_ring("other", "", 1)] {
        Watch::new(CountingStore::holding(&taken), options()).start().unwrap();
    }
    // A scoped ring has a mark of its own.
    let shop = saddlebag_keys::Audience::new("shop").unwrap();
    let scoped = ring(2).scoped_to(&shop).unwrap();
    Watch::new(CountingStore::holding(&scoped), options()).start().unwrap();
    let refusal = Watch::new(CountingStore::holding(&ring(5)), options()).start().unwrap_err();
    assert!(refusal.to_string().contains("older than generation 6"), "{refusal}");
}

#[test]
fn a_service_that_waits_takes_no_ring_below_the_mark_and_then_a_newer_one() {
    let state = tempfile::tempdir().unwrap();
    drop(Watch::new(CountingStore::holding(&ring(5)), with_state(state.path())).start().unwrap());
    let store = CountingStore::holding(&ring(4));
    let (handle, first) = Watch::new(store.clone(), with_state(state.path())).start_waiting();
    assert!(first.is_err());
    refused(&handle, "generation 4 is older than generation 5");
    assert_eq!(generation(&handle), None);
    store.put(&ring(6));
    in_use(&handle, 6);
    recovered(&handle);
}

#[test]
fn allow_rollback_lowers_the_mark_so_that_it_is_needed_once() {
    let state = tempfile::tempdir().unwrap();
    let options = || with_state(state.path());
    drop(Watch::new(CountingStore::holding(&ring(5)), options()).start().unwrap());
    let allowed = WatchOptions { allow_rollback: true, ..options() };
    drop(Watch::new(CountingStore::holding(&ring(3)), allowed).start().unwrap());
    Watch::new(CountingStore::holding(&ring(3)), options()).start().unwrap();
    let refusal = Watch::new(CountingStore::holding(&ring(2)), options()).start().unwrap_err();
    assert!(refusal.to_string().contains("older than generation 3"), "{refusal}");
}

/// T50.
#[test]
fn a_high_water_mark_that_cannot_be_read_is_reported_and_never_taken_for_none() {
    let state = tempfile::tempdir().unwrap();
    let options = || with_state(state.path());
    drop(Watch::new(CountingStore::holding(&ring(5)), options()).start().unwrap());
    let mark = only_file(state.path());
    let good = fs::read(&mark).unwrap();
    for length in 0..good.len() {
        fs::write(&mark, &good[..length]).unwrap();
        let refusal = Watch::new(CountingStore::holding(&ring(4)), options()).start().unwrap_err();
        let said = refusal.to_string();
        assert!(said.contains("the high-water mark cannot be read"), "{said}");
        assert!(said.contains(mark.to_str().unwrap()), "{said}");
        assert!(said.ends_with("--allow-rollback writes a new one"), "{said}");
    }
    let allowed = WatchOptions { allow_rollback: true, ..options() };
    drop(Watch::new(CountingStore::holding(&ring(5)), allowed).start().unwrap());
    assert_eq!(fs::read(&mark).unwrap(), good);
}

#[test]
fn without_a_ring_the_handle_is_empty_and_fills_when_the_file_appears() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    let (handle, first) = Watch::new(store.clone(), notices_only()).start_waiting();
    let now = UnixTime::now();
    assert!(first.unwrap_err().to_string().ends_with("there is no ring"));
    assert!(handle.ring().is_none() && handle.load().is_none() && !handle.may_issue(now));
    let freshness = handle.freshness(now);
    assert_eq!(freshness.generation, None);
    assert_eq!(freshness.checked_at, None);
    assert!(!freshness.issuing);
    assert!(freshness.last_error.unwrap().ends_with("there is no ring"));
    store.save(&ring(1), None).unwrap();
    in_use(&handle, 1);
    recovered(&handle);
    assert!(handle.may_issue(UnixTime::now()));
}

#[test]
fn a_folder_that_appears_later_is_watched_from_then_on() {
    let parent = tempfile::tempdir().unwrap();
    let store = FileStore::new(parent.path().join("later/ring.json"));
    let (handle, first) = Watch::new(store.clone(), often()).start_waiting();
    assert!(first.is_err());
    fs::create_dir(parent.path().join("later")).unwrap();
    store.save(&ring(1), None).unwrap();
    in_use(&handle, 1);
}

#[test]
fn the_watch_ends_with_the_last_handle() {
    let store = CountingStore::holding(&ring(1));
    let handle = Watch::new(store.clone(), often()).start().unwrap();
    let clone = handle.clone();
    drop(handle);
    store.wait_for_load();
    assert!(store.is_watched(), "a clone was left");
    drop(clone);
    wait_until("the thread lets go of the store", || !store.is_watched());
}

#[test]
fn a_start_that_fails_leaves_no_watch_behind() {
    let store = CountingStore::default();
    assert!(Watch::new(store.clone(), often()).start().is_err());
    wait_until("the thread lets go of the store", || !store.is_watched());
}

fn generation(handle: &KeyRingHandle) -> Option<u64> {
    handle.load().as_ref().map(|ring| ring.generation())
}

fn in_use(handle: &KeyRingHandle, wanted: u64) {
    wait_until(&format!("generation {wanted} is in use"), || generation(handle) == Some(wanted));
}

fn refused(handle: &KeyRingHandle, reason: &str) {
    let last = || handle.freshness(UnixTime::now()).last_error;
    wait_until(&format!("{reason:?} is reported"), || {
        last().is_some_and(|error| error.contains(reason))
    });
}

fn recovered(handle: &KeyRingHandle) {
    wait_until("the error is cleared", || handle.freshness(UnixTime::now()).last_error.is_none());
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let names = common::names(folder);
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

fn often() -> WatchOptions {
    WatchOptions { refresh_every: Duration::from_millis(20), ..WatchOptions::default() }
}

fn notices_only() -> WatchOptions {
    WatchOptions { refresh_every: Duration::from_secs(86_400), ..WatchOptions::default() }
}

fn with_state(folder: &Path) -> WatchOptions {
    WatchOptions { high_water: Some(HighWater::new(folder)), ..often() }
}
