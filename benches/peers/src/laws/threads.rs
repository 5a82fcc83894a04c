//! Two threads beside one: what they verify together.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use saddlebag::{NewSession, Tokens};

use super::Finding;
use crate::harness::{Plan, median};
use crate::rings::usual;
use crate::states::PAYLOADS;

pub fn scaling(plan: Plan) -> Vec<Finding> {
    let tokens = Tokens::builder(usual()).build().expect("tokens");
    let state = PAYLOADS[1].typed();
    let issue = || {
        let issuer = Tokens::builder(tokens.ring().clone()).build().expect("tokens");
        issuer.issue(NewSession::of(&state)).expect("a token").token
    };
    let own = [issue(), issue()];
    let verify = |token: &str| {
        black_box(tokens.verify(black_box(token)).expect("a token"));
    };
    let length = (plan.batch * 2).max(Duration::from_millis(1));
    let [mut one, mut same, mut each, mut alone, mut both] = [const { Vec::new() }; 5];
    for _ in 0..plan.rounds * 10 {
        one.push(throughput(1, length, |_| verify(&own[0])));
        same.push(throughput(2, length, |_| verify(&own[0])));
        each.push(throughput(2, length, |thread| verify(&own[thread])));
        alone.push(throughput(1, length, |_| arithmetic()));
        both.push(throughput(2, length, |_| arithmetic()));
    }
    let (law, of) = ("two threads", "times one thread");
    let ratio = |two: &[f64], one: &[f64]| median(two) / median(one);
    let best = |two: &[f64], one: &[f64]| {
        format!("{:.2} by the fastest windows", fastest(two) / fastest(one))
    };
    let judged = |what: &str, two: &[f64]| {
        Finding::told(law, what, ratio(two, &one), of).at_least(1.9).note(best(two, &one))
    };
    let machine = ratio(&both, &alone);
    vec![
        judged("verify, each its own token", &each),
        judged("verify, both the same token", &same),
        Finding::told(law, "arithmetic alone: what the machine has to give", machine, of)
            .note(best(&both, &alone)),
        Finding::told(
            law,
            "verify, each its own token, of what the machine gives",
            ratio(&each, &one) / machine,
            "",
        ),
    ]
}

/// What nineteen windows in twenty do not exceed: told beside the median, and not judged.
fn fastest(windows: &[f64]) -> f64 {
    let mut sorted = windows.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() * 19 / 20]
}

/// Pure loops that keep a core as busy as it can be: where two processors are threads of one core, or another's
/// neighbour is at work there, this is what shows it. A chain of which each step waits for the one before would not.
fn arithmetic() {
    let mut chains = black_box([88_172_645_463_325_252_u64, 3, 5, 7, 11, 13, 17, 19]);
    for _ in 0..50 {
        for x in &mut chains {
            *x ^= *x << 13;
            *x ^= *x >> 7;
            *x ^= *x << 17;
        }
    }
    black_box(chains);
}

/// Calls a second of all threads together.
pub fn throughput(threads: usize, length: Duration, call: impl Fn(usize) + Sync) -> f64 {
    let stop = AtomicBool::new(false);
    let begin = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (stop, begin, call) = (&stop, &begin, &call);
                scope.spawn(move || {
                    begin.wait();
                    // Until each thread has a processor of its own.
                    let settled = Instant::now();
                    while settled.elapsed() < length / 4 {
                        (0..64).for_each(|_| call(thread));
                    }
                    let started = Instant::now();
                    let mut calls = 0.0;
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..64 {
                            call(thread);
                        }
                        calls += 64.0;
                    }
                    calls / started.elapsed().as_secs_f64()
                })
            })
            .collect();
        begin.wait();
        std::thread::sleep(length + length / 4);
        stop.store(true, Ordering::Relaxed);
        running.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    })
}
