//! Two threads beside one: what they verify together.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use saddlebag::{NewSession, Tokens};

use super::Finding;
use crate::contenders::floor;
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
    let bare = floor::shared(&PAYLOADS[1]);
    let [each, same, floor, loops] = trios(
        plan,
        [
            &|thread| verify(&own[thread]),
            &|_| verify(&own[0]),
            &|_| {
                black_box(bare());
            },
            &|_| arithmetic(),
        ],
    );
    let told = |what: &str, trios: &Trios| {
        Finding::told("two threads", what, trios.ratio(), "times one thread").note(trios.note())
    };
    vec![
        told("verify, each its own token", &each).at_least(1.9),
        told("verify, both the same token", &same).at_least(1.9),
        told("the bare primitive: what the machine has to give to such work", &floor),
        told("arithmetic alone: what it has to give to any", &loops),
    ]
}

/// Calls a second of one thread alone, of both at once, and of the other one alone: three windows one behind the other.
///
/// A neighbour on this machine's cores makes a processor slower for seconds, and not both alike: what two of them do at once
/// is to be held against what each does alone just before and behind it, and the ratios' median to be taken, not the ratio of
/// medians.
struct Trios(Vec<[f64; 3]>);

type Call<'a> = &'a (dyn Fn(usize) + Sync);

/// Two threads, each on a processor of its own, as long-lived as a server's.
fn trios<const N: usize>(plan: Plan, calls: [Call<'_>; N]) -> [Trios; N] {
    let length = (plan.batch * 2).max(Duration::from_millis(1));
    let meet = Barrier::new(2);
    let windows = |thread: usize| -> Vec<[[f64; 3]; N]> {
        keep_to(thread);
        let window = |call: Call<'_>, runs: bool| {
            meet.wait();
            if !runs {
                std::thread::sleep(length / 8 + length);
                return 0.0;
            }
            rate(length / 8, || call(thread));
            rate(length, || call(thread))
        };
        let rounds = 0..plan.rounds * 5;
        let trio = |call| [thread == 0, true, thread == 1].map(|runs| window(call, runs));
        rounds.map(|_| calls.map(trio)).collect()
    };
    let [first, second] = std::thread::scope(|scope| {
        let running = [0, 1].map(|thread| scope.spawn(move || windows(thread)));
        running.map(|thread| thread.join().expect("a thread"))
    });
    std::array::from_fn(|call| {
        let both = first.iter().zip(&second).map(|(first, second)| (first[call], second[call]));
        Trios(both.map(|(a, b)| [a[0], a[1] + b[1], b[2]]).collect())
    })
}

impl Trios {
    fn ratio(&self) -> f64 {
        let ratios = self.0.iter().map(|[first, both, second]| both / ((first + second) / 2.0));
        median(&ratios.collect::<Vec<_>>())
    }

    fn note(&self) -> String {
        let of = |at: usize| median(&self.0.iter().map(|trio| trio[at]).collect::<Vec<_>>());
        format!("{:.2} by the windows' medians", of(1) / ((of(0) + of(2)) / 2.0))
    }
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

/// Calls a second, for so long.
pub fn rate(length: Duration, call: impl Fn()) -> f64 {
    let started = Instant::now();
    let mut calls = 0.0;
    loop {
        for _ in 0..64 {
            call();
        }
        calls += 64.0;
        let elapsed = started.elapsed();
        if elapsed >= length {
            return calls / elapsed.as_secs_f64();
        }
    }
}

/// Keeps this thread to one of the processors that the process may use; with fewer of them, to none.
fn keep_to(number: usize) {
    let mut allowed = sched_getaffinity(None).expect("the processors");
    let mut wanted = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let Some(cpu) = wanted.nth(number) else {
        return;
    };
    allowed.clear();
    allowed.set(cpu);
    sched_setaffinity(None, &allowed).expect("a processor");
}
