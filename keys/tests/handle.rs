//! The handle: readers that never wait and never see time go backwards, and a node that stops issuing
//! when it has lost its source.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use common::{CountingStore, SetClock, folder_with_ring, in_time, ring, save_next, wait_until};
use saddlebag_keys::{
    KeyRing, KeyRingHandle, Policy, Store, StoreError, UnixTime, Watch, WatchOptions,
};

/// T56.
#[test]
fn readers_see_every_generation_in_its_order_while_a_writer_saves() {
    let (_folder, store) = folder_with_ring();
    let options = WatchOptions { refresh_every: Duration::from_millis(5), ..options() };
    let handle = Watch::new(store.clone(), options).start().unwrap();
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let handle = handle.clone();
            thread::spawn(move || {
                let (mut last, mut seen, mut loads) = (0, 0_u64, 0_u64);
                while last < LAST {
                    let held = handle.load();
                    let now = held.as_ref().unwrap().generation();
                    assert!(now >= last, "{now} after {last}");
                    seen += u64::from(now > last);
                    last = now;
                    loads += 1;
                    // The writer shares these cores.
                    if loads.is_multiple_of(1_000) {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                (seen, loads)
            })
        })
        .collect();
    while save_next(&store) < LAST {
        thread::sleep(Duration::from_millis(10));
    }
    for reader in readers {
        let (seen, loads) = in_time("a reader", move || reader.join().unwrap());
        assert!(seen >= 2, "the ring never changed under the reader");
        assert!(loads > 1_000, "{loads}");
    }
}

/// T62.
#[test]
fn a_source_that_hangs_holds_up_no_reader() {
    let store = Hanging::default();
    let handle = Watch::new(store.clone(), options()).start().unwrap();
    store.hang(true);
    wait_until("the watch hangs", || store.0.hangs_now.load(Ordering::SeqCst));
    let reader = handle.clone();
    in_time("a reader", move || {
        for _ in 0..100_000 {
            assert_eq!(reader.load().as_ref().unwrap().generation(), 1);
            assert!(reader.may_issue(UnixTime::now()));
            reader.unknown_key(UnixTime::now());
        }
        reader.freshness(UnixTime::now())
    });
    store.hang(false);
}

#[test]
fn a_ring_that_was_taken_stays_whole_for_who_holds_it() {
    let store = CountingStore::holding(&ring(1));
    let handle = Watch::new(store.clone(), options()).start().unwrap();
    let kept = handle.ring().unwrap();
    let guard = handle.load();
    for generation in 2..20 {
        store.put(&ring(generation));
        store.wait_for_load();
    }
    assert_eq!(*kept, ring(1));
    assert_eq!(guard.as_deref(), Some(&ring(1)));
    assert_eq!(handle.ring().as_deref(), Some(&ring(19)));
}

#[test]
fn a_node_that_lost_its_source_stops_issuing_after_publish_ahead_and_goes_on_when_it_is_back() {
    stops_issuing_after(None, Policy::default().publish_ahead);
}

#[test]
fn stale_after_stops_issuing_sooner() {
    stops_issuing_after(Some(60), 60);
}

#[test]
fn stale_after_never_stops_issuing_later_than_publish_ahead() {
    stops_issuing_after(Some(u64::MAX - 1), Policy::default().publish_ahead);
}

fn stops_issuing_after(stale_after: Option<u64>, after: u64) {
    let clock = SetClock::at(START);
    let store = CountingStore::holding(&ring(1));
    let options = WatchOptions { stale_after, ..options() };
    let handle = Watch::with_clock(store.clone(), options, clock.clone()).start().unwrap();
    assert!(handle.may_issue(at(START)));
    store.lose(true);
    wait_until("the loss is noticed", || last_error(&handle).is_some());
    clock.set(START + after);
    store.wait_for_load();
    assert!(handle.may_issue(at(START + after - 1)));
    assert!(!handle.may_issue(at(START + after)));
    let freshness = handle.freshness(at(START + after));
    assert!(!freshness.issuing);
    assert_eq!(freshness.checked_at, Some(at(START)));
    // It goes on verifying.
    assert_eq!(freshness.generation, Some(1));
    assert_eq!(handle.ring().as_deref(), Some(&ring(1)));

    store.lose(false);
    wait_until("a good check", || checked_at(&handle) == Some(at(START + after)));
    assert!(handle.may_issue(at(START + after)));
    assert!(handle.may_issue(at(START + 2 * after - 1)));
    assert!(!handle.may_issue(at(START + 2 * after)));
    assert_eq!(last_error(&handle), None);
}

/// T51.
#[test]
fn an_older_ring_at_the_source_is_no_good_check() {
    let clock = SetClock::at(START);
    let store = CountingStore::holding(&ring(5));
    let handle = Watch::with_clock(store.clone(), options(), clock.clone()).start().unwrap();
    for bad in [ring(4), common::ring_of("other", 5), common::named_ring("other", "", 6)] {
        store.put(&bad);
        wait_until("the refusal", || last_error(&handle).is_some());
        clock.set(START + 100_000);
        store.wait_for_load();
        assert_eq!(checked_at(&handle), Some(at(START)), "{bad:?}");
        assert!(!handle.may_issue(at(START + 100_000)));
        clock.set(START);
        store.put(&ring(5));
        wait_until("recovery", || last_error(&handle).is_none());
    }
    store.put(&ring(4));
    wait_until("the refusal", || last_error(&handle).is_some());
    clock.set(START + 100_000);
    store.put(&ring(6));
    wait_until("a good check", || checked_at(&handle) == Some(at(START + 100_000)));
    assert!(handle.may_issue(at(START + 100_000)));
}

/// T61.
#[test]
fn a_clock_that_is_set_back_or_far_ahead_breaks_nothing() {
    let clock = SetClock::at(START);
    let store = CountingStore::holding(&ring(1));
    let handle = Watch::with_clock(store.clone(), options(), clock.clone()).start().unwrap();
    for now in [START - 3_600, START + 3_600, START - 315_360_000, u64::MAX, 0, START] {
        clock.set(now);
        store.wait_for_load();
        let _ = (handle.may_issue(at(now)), handle.freshness(at(now)));
        handle.unknown_key(at(now));
        assert_eq!(handle.ring().as_deref(), Some(&ring(1)));
    }
    wait_until("the clock's time", || checked_at(&handle) == Some(at(START)));
    assert!(handle.may_issue(at(START)));
}

/// T03.
#[test]
fn ten_thousand_unknown_keys_cause_one_refresh_in_10_seconds() {
    let store = CountingStore::holding(&ring(1));
    let options = WatchOptions { refresh_every: Duration::from_secs(86_400), ..options() };
    let handle = Watch::new(store.clone(), options).start().unwrap();
    assert_eq!(store.loads(), 1);
    for (window, loads) in [(0, 2), (10, 3), (20, 4)] {
        // In waves, so that no queue swallows what should not have been asked.
        for wave in 0..20 {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for n in 0..125 {
                            handle.unknown_key(at(START + window + n % 10));
                        }
                    });
                }
            });
            if wave == 0 {
                wait_until("the refresh", || store.loads() >= loads);
            }
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(store.loads(), loads);
    }
}

#[test]
fn an_unknown_key_brings_the_ring_that_has_it() {
    let store = CountingStore::holding(&ring(1));
    let options = WatchOptions { refresh_every: Duration::from_secs(86_400), ..options() };
    let handle = Watch::new(store.clone(), options).start().unwrap();
    store.put(&ring(2));
    handle.unknown_key(at(START));
    wait_until("the newer ring", || handle.load().as_ref().unwrap().generation() == 2);
}

#[test]
fn a_clock_that_was_wrong_does_not_silence_unknown_keys_once_it_is_right() {
    let store = CountingStore::holding(&ring(1));
    let options = WatchOptions { refresh_every: Duration::from_secs(86_400), ..options() };
    let handle = Watch::new(store.clone(), options).start().unwrap();
    handle.unknown_key(at(START + 1_000_000_000));
    wait_until("a refresh", || store.loads() == 2);
    handle.unknown_key(at(START));
    wait_until("another", || store.loads() == 3);
}

#[test]
fn a_fixed_ring_never_goes_stale_and_asks_nobody() {
    let handle = KeyRingHandle::fixed(ring(3));
    handle.unknown_key(at(START));
    assert!(handle.may_issue(at(u64::MAX)));
    let freshness = handle.freshness(at(u64::MAX));
    assert_eq!(freshness.generation, Some(3));
    assert_eq!((freshness.checked_at, freshness.last_error), (None, None));
    assert!(freshness.issuing);
}

#[test]
fn what_a_handle_shows_of_itself_is_no_secret() {
    let handle = KeyRingHandle::fixed(ring(3));
    let name = "KeyRingHandle { ring: Some(\"test\"), generation: Some(3) }";
    assert_eq!(format!("{handle:?}"), name);
}

/// A store that does not come back until it is let go.
#[derive(Clone, Default)]
struct Hanging(Arc<Gate>);

#[derive(Default)]
struct Gate {
    hang: Mutex<bool>,
    let_go: Condvar,
    hangs_now: AtomicBool,
}

impl Hanging {
    fn hang(&self, hang: bool) {
        *self.0.hang.lock().unwrap() = hang;
        self.0.let_go.notify_all();
    }
}

impl Store for Hanging {
    fn load(&self) -> Result<KeyRing, StoreError> {
        let mut hang = self.0.hang.lock().unwrap();
        while *hang {
            self.0.hangs_now.store(true, Ordering::SeqCst);
            hang = self.0.let_go.wait(hang).unwrap();
        }
        Ok(ring(1))
    }

    fn save(&self, _: &KeyRing, _: Option<u64>) -> Result<(), StoreError> {
        Ok(())
    }

    fn location(&self) -> String {
        "hanging".to_owned()
    }
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

fn last_error(handle: &KeyRingHandle) -> Option<String> {
    handle.freshness(at(START)).last_error
}

fn checked_at(handle: &KeyRingHandle) -> Option<UnixTime> {
    handle.freshness(at(START)).checked_at
}

fn options() -> WatchOptions {
    WatchOptions { refresh_every: Duration::from_millis(10), ..WatchOptions::default() }
}

const START: u64 = 1_800_000_000;
const LAST: u64 = 60;
