//! A reader, while somebody saves a new generation of the ring every millisecond.
//!
//! A watch is what swaps a ring, and it looks at its store some 55 times a second at most: how often the ring was
//! really swapped is told, and what a thousand swaps a second would cost is reckoned from what one costs.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use saddlebag::keys::{
    KeyRing, KeyRingHandle, MemoryStore, Store, StoreError, Watch, WatchOptions,
};
use saddlebag::{NewSession, Tokens};

use super::threads::rate;
use super::{Finding, compare};
use crate::harness::{Plan, leak, median, runner};
use crate::rings::of_keys;
use crate::states::PAYLOADS;

/// A store that the writer and the watch both have.
#[derive(Clone)]
struct Shared(Arc<MemoryStore>);

impl Store for Shared {
    fn load(&self) -> Result<KeyRing, StoreError> {
        self.0.load()
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        self.0.save(ring, expected)
    }

    fn location(&self) -> String {
        self.0.location()
    }
}

pub fn readers(plan: Plan) -> Vec<Finding> {
    let store = Shared(Arc::default());
    store.save(&of_keys(2, 1), None).expect("saved");
    let options = WatchOptions { refresh_every: Duration::ZERO, ..WatchOptions::default() };
    let handle = Watch::new(store.clone(), options).start().expect("a ring");
    let tokens = Tokens::builder(handle.clone()).build().expect("tokens");
    let token = tokens.issue(NewSession::of(&PAYLOADS[1].typed())).expect("a token").token;
    let verify = || {
        black_box(tokens.verify(black_box(&token)).expect("a token"));
    };
    let length = (plan.batch * 16).max(Duration::from_millis(50));
    let (mut loss, mut rates) = (Vec::new(), Vec::new());
    let mut generation = 1;
    for _ in 0..plan.rounds {
        let quiet = rate(length, verify);
        let (busy, swaps) = while_saving(&store, &handle, &mut generation, || rate(length, verify));
        loss.push(1.0 - busy / quiet);
        rates.push(swaps);
    }
    assert!(handle.load().as_ref().is_some_and(|ring| ring.generation() > 1), "it was swapped");
    let rate = median(&rates);
    let swap = one_swap(plan);
    let law = "a ring swapped every millisecond";
    vec![
        Finding::told(
            law,
            "reader's loss at the swaps that the watch made",
            median(&loss),
            "of no writer",
        )
        .at_most(0.05)
        .note(format!("{rate:.0} swaps a second, saved every millisecond")),
        Finding::told(
            law,
            "reader's loss at 1,000 swaps a second, reckoned",
            swap * 1_000.0 / 1e9,
            "of no writer",
        )
        .at_most(0.05)
        .note(format!(
            "from {swap:.0} ns a swap, all of whose keys are derived anew; keys that stay are kept"
        )),
    ]
}

/// Runs `reader` while a new generation is saved every millisecond; says how often a second it was swapped.
fn while_saving<R>(
    store: &Shared,
    handle: &KeyRingHandle,
    generation: &mut u64,
    reader: impl FnOnce() -> R,
) -> (R, f64) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let begin = Instant::now();
            let (mut swaps, mut seen) = (0.0, 0);
            while !stop.load(Ordering::Relaxed) {
                store.save(&of_keys(2, *generation + 1), Some(*generation)).expect("saved");
                *generation += 1;
                std::thread::sleep(Duration::from_millis(1));
                let held = handle.load().as_ref().map_or(0, |ring| ring.generation());
                swaps += if held == seen { 0.0 } else { 1.0 };
                seen = held;
            }
            swaps / begin.elapsed().as_secs_f64()
        });
        let read = reader();
        stop.store(true, Ordering::Relaxed);
        (read, writer.join().expect("a writer"))
    })
}

/// What the first verification under a ring of two keys costs above any other, in ns: an upper bound, for all of
/// its keys are new and the tokens are made.
fn one_swap(plan: Plan) -> f64 {
    let handle = KeyRingHandle::fixed(of_keys(2, 1));
    let build = |ring: &KeyRingHandle| {
        Tokens::builder(ring.clone()).derived_ciphers(1).build().expect("tokens")
    };
    let known: &'static Tokens = leak(build(&handle));
    let token: &'static str =
        known.issue(NewSession::of(&PAYLOADS[1].typed())).expect("a token").token.leak();
    let runners = vec![
        (runner(move || known.verify(black_box(token)).expect("a token")), 0),
        (runner(move || build(&handle).verify(black_box(token)).expect("a token")), 0),
    ];
    let measured = compare(runners, plan);
    measured[1].0 - measured[0].0
}
