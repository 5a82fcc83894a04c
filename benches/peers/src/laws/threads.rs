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
    let length = (plan.batch * 8).max(Duration::from_millis(1));
    let (mut same, mut each, mut machine) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let one = throughput(1, length, |_| verify(&own[0]));
        same.push(throughput(2, length, |_| verify(&own[0])) / one);
        each.push(throughput(2, length, |thread| verify(&own[thread])) / one);
        let alone = throughput(1, length, |_| arithmetic());
        machine.push(throughput(2, length, |_| arithmetic()) / alone);
    }
    let law = "two threads";
    let machine = median(&machine);
    let of = "times one thread";
    vec![
        Finding::told(law, "verify, each its own token", median(&each), of).at_least(1.9),
        Finding::told(law, "verify, both the same token", median(&same), of).at_least(1.9),
        Finding::told(law, "arithmetic alone: what the machine has to give", machine, of),
        Finding::told(
            law,
            "verify, each its own token, of what the machine gives",
            median(&each) / machine,
            "",
        ),
    ]
}

/// A pure loop of some 200 ns.
fn arithmetic() {
    let mut x = black_box(88_172_645_463_325_252_u64);
    for _ in 0..100 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x);
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
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        running.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    })
}
