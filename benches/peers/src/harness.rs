//! How things are timed: all in one run, in batches of some 25 ms, in rounds of shuffled order; medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;

/// Runs a contender's operation so many times.
pub type Runner = Box<dyn FnMut(u64)>;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A new session of a typed state: encoded, protected, with an id and times.
    Issue,
    /// The same of a state that is encoded already.
    IssueBytes,
    /// The state's bytes out of a token, after every check.
    VerifyBytes,
    /// The state with strings of its own.
    VerifyTyped,
    /// The state with strings borrowed from what was verified.
    VerifyBorrowed,
    /// The state as a `serde_json::Value`.
    VerifyValue,
}

impl Op {
    pub fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::IssueBytes => "issue_bytes",
            Self::VerifyBytes => "verify",
            Self::VerifyTyped => "typed",
            Self::VerifyBorrowed => "borrowed",
            Self::VerifyValue => "value",
        }
    }
}

/// One library's token of one state.
pub struct Contender {
    pub name: &'static str,
    pub kind: Kind,
    pub payload: &'static str,
    pub characters: usize,
    /// Its characters were it to carry everything that saddlebag's does: the session's start and end, a revision.
    pub full: usize,
    pub ops: Vec<(Op, Runner)>,
}

/// What a token does for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Neither read nor changed by others.
    Sealed,
    /// Not changed by others, under a shared key.
    Signed,
    /// Not changed by others, under a key pair.
    Public,
    /// The bare primitives of a sealed token.
    SealedFloor,
    /// The bare primitives of a signed token.
    SignedFloor,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Signed => "signed",
            Self::Public => "public key",
            Self::SealedFloor => "sealed floor",
            Self::SignedFloor => "signed floor",
        }
    }
}

/// An operation, ready to be timed; what it gives is not optimized away.
pub fn runner<R>(mut operation: impl FnMut() -> R + 'static) -> Runner {
    Box::new(move |times| {
        for _ in 0..times {
            black_box(operation());
        }
    })
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub batch: Duration,
    pub rounds: usize,
}

impl Plan {
    /// Every operation once, for the checks that come with it.
    pub const QUICK: Self = Self { batch: Duration::ZERO, rounds: 1 };
}

/// Nanoseconds an operation, one number a round, in the order of `runners`.
pub fn measure(runners: &mut [&mut Runner], plan: Plan) -> Vec<Vec<f64>> {
    let times: Vec<u64> = runners.iter_mut().map(|runner| batch_size(runner, plan)).collect();
    let mut order: Vec<usize> = (0..runners.len()).collect();
    let mut rounds = vec![Vec::with_capacity(plan.rounds); runners.len()];
    for _ in 0..plan.rounds {
        order.shuffle(&mut rand::rng());
        for &which in &order {
            let begin = Instant::now();
            runners[which](times[which]);
            rounds[which].push(begin.elapsed().as_nanos() as f64 / times[which] as f64);
        }
    }
    rounds
}

/// How many runs fill a batch.
fn batch_size(runner: &mut Runner, plan: Plan) -> u64 {
    let mut times = 1;
    loop {
        let begin = Instant::now();
        runner(times);
        let elapsed = begin.elapsed();
        if elapsed >= plan.batch / 4 {
            let fill = plan.batch.as_secs_f64() / elapsed.as_secs_f64().max(1e-9);
            return ((times as f64 * fill) as u64).max(1);
        }
        times *= 2;
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Lets a value live as long as the program: what closures share without counting.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The same text with one character changed, `from_end` characters before its end.
pub fn tampered(token: &str, from_end: usize) -> String {
    let mut text = token.as_bytes().to_vec();
    let place = text.len() - 1 - from_end;
    text[place] = if text[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(text).expect("ASCII")
}

/// What every contender must do before it is timed: give the state back, and refuse a token with one
/// changed character and one that has ended.
pub fn check(
    name: &str,
    token: &str,
    expired: &str,
    expected: &[u8],
    open: &dyn Fn(&str) -> Option<Vec<u8>>,
) {
    assert_eq!(open(token).as_deref(), Some(expected), "{name}: the state comes back");
    for from_end in [2, 3, token.len() / 4, token.len() / 2, token.len() - token.len() / 4] {
        assert!(
            open(&tampered(token, from_end)).is_none(),
            "{name}: a changed character {from_end} before the end"
        );
    }
    assert!(open(expired).is_none(), "{name}: an expired token");
}
