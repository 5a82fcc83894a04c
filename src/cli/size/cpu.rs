//! CPU time of issuing and verifying on this machine, measured on the spot.
//!
//! The clock is the thread's own CPU time: what else the machine does is not counted. Kinds take turns within a round,
//! so that a machine that is slow for a while is slow for all of them, and the median of the rounds is taken.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

use super::issue::{Issuer, KINDS, Made};
use crate::cli::failure::Failure;
use crate::session::RawState;
use crate::token::format::Protection;

/// Nanoseconds for one token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cpu {
    pub(super) verify: f64,
    pub(super) issue: f64,
}

/// Measures each kind, in the order of [`KINDS`], for about a second in all; `None` where there is no state that has a
/// token.
pub(super) fn measure(
    issuer: &Issuer<'_>,
    states: Vec<&RawState>,
) -> Result<Option<[Cpu; 3]>, Failure> {
    let mut lanes = KINDS.map(Lane::new);
    for state in picked(states) {
        add(&mut lanes, issuer, state)?;
    }
    if lanes.iter().any(|lane| lane.work.is_empty()) {
        return Ok(None);
    }
    lanes.iter_mut().for_each(|lane| lane.calibrate(issuer));
    let began = clock();
    for round in 0..MOST_ROUNDS {
        if round >= LEAST_ROUNDS && clock().saturating_sub(began) > BUDGET {
            break;
        }
        lanes.iter_mut().for_each(|lane| lane.round(issuer));
    }
    Ok(Some(lanes.map(|lane| lane.result())))
}

/// Adds a state to every lane, where each kind has a token for it.
fn add(lanes: &mut [Lane; 3], issuer: &Issuer<'_>, state: &RawState) -> Result<(), Failure> {
    let mut tokens = Vec::with_capacity(KINDS.len());
    for kind in KINDS {
        let Made::Token(issued) = issuer.issue(state, kind)? else { return Ok(()) };
        issuer.tokens.verify_at(&issued.token, issuer.now).map_err(Failure::bug)?;
        tokens.push(issued.token);
    }
    for (lane, token) in lanes.iter_mut().zip(tokens) {
        lane.work.push((state.clone(), token));
    }
    Ok(())
}

/// Some states from the smallest to the largest, evenly, so that their mean is near that of the sample.
fn picked(mut sorted: Vec<&RawState>) -> Vec<&RawState> {
    sorted.sort_by_key(|raw| raw.as_cbor().len());
    let count = sorted.len().min(MOST_STATES);
    let middle_of_part = |part: usize| {
        let halves = part.saturating_mul(2).saturating_add(1);
        halves.saturating_mul(sorted.len()).checked_div(count.saturating_mul(2))
    };
    (0..count).filter_map(|part| sorted.get(middle_of_part(part)?).copied()).collect()
}

/// What is done over and over with tokens of one kind.
struct Lane {
    kind: Protection,
    work: Vec<(RawState, String)>,
    verify: Timing,
    issue: Timing,
}

impl Lane {
    fn new(kind: Protection) -> Self {
        Self { kind, work: Vec::new(), verify: Timing::new(), issue: Timing::new() }
    }

    fn calibrate(&mut self, issuer: &Issuer<'_>) {
        self.round(issuer);
        for timing in [&mut self.verify, &mut self.issue] {
            let pass = timing.rounds.drain(..).fold(1.0, f64::max);
            timing.repeats = (ROUND / pass).clamp(1.0, MOST_REPEATS) as u32;
        }
    }

    fn round(&mut self, issuer: &Issuer<'_>) {
        let Self { kind, work, verify, issue } = self;
        verify.time(|| {
            for (_, token) in &*work {
                let _ = black_box(issuer.tokens.verify_at(black_box(token), issuer.now));
            }
        });
        issue.time(|| {
            for (state, _) in &*work {
                let _ = black_box(issuer.issue(black_box(state), *kind));
            }
        });
    }

    fn result(self) -> Cpu {
        let tokens = self.work.len().max(1) as f64;
        Cpu { verify: self.verify.median() / tokens, issue: self.issue.median() / tokens }
    }
}

/// One thing that is timed.
struct Timing {
    repeats: u32,
    /// Nanoseconds of one pass over the work, a round each.
    rounds: Vec<f64>,
}

impl Timing {
    fn new() -> Self {
        Self { repeats: 1, rounds: Vec::new() }
    }

    fn time(&mut self, pass: impl Fn()) {
        let began = clock();
        (0..self.repeats).for_each(|_| pass());
        let took = clock().saturating_sub(began);
        self.rounds.push(took as f64 / f64::from(self.repeats));
    }

    fn median(mut self) -> f64 {
        self.rounds.sort_by(f64::total_cmp);
        let middle = self.rounds.len().div_euclid(2);
        self.rounds.get(middle).copied().unwrap_or_default()
    }
}

/// Nanoseconds of CPU time that this thread has taken.
fn clock() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let whole = |number| u64::try_from(number).unwrap_or_default();
    let (seconds, nanoseconds) = (whole(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.unwrap_or_default())
}

/// States that are measured at most.
const MOST_STATES: usize = 64;
/// Nanoseconds of all rounds.
const BUDGET: u64 = 1_000_000_000;
/// Nanoseconds of one thing in one round, so that reading the clock is nothing beside it.
const ROUND: f64 = 1_000_000.0;
const MOST_REPEATS: f64 = 1e6;
const LEAST_ROUNDS: u32 = 5;
const MOST_ROUNDS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use saddlebag_keys::UnixTime;

    use super::*;
    use crate::token::jwt::JwtAlgorithm;

    fn state(length: usize) -> RawState {
        RawState::of(&"x".repeat(length)).unwrap()
    }

    #[test]
    fn every_kind_takes_time_and_a_larger_state_takes_more() {
        let issuer = Issuer::new("default", JwtAlgorithm::Hs256, None, UnixTime::now()).unwrap();
        let [small, large] =
            [10, 20_000].map(|length| measure(&issuer, vec![&state(length)]).unwrap().unwrap());
        for (small, large) in small.iter().zip(large) {
            assert!(small.verify > 0.0 && small.issue > 0.0, "{small:?}");
            assert!(small.verify < large.verify && small.issue < large.issue, "{large:?}");
        }
        assert_eq!(measure(&issuer, vec![&state(70_000)]).unwrap(), None);
        assert_eq!(measure(&issuer, vec![]).unwrap(), None);
    }

    #[test]
    fn states_are_picked_evenly_by_size() {
        let states: Vec<RawState> = (0..640).rev().map(state).collect();
        let picked: Vec<usize> = picked(states.iter().collect())
            .iter()
            .map(|raw| raw.to_json().unwrap().len() - 2)
            .collect();
        assert_eq!(picked.len(), MOST_STATES);
        assert_eq!((picked[0], picked[1], picked[63]), (5, 15, 635));
        assert_eq!(super::picked(vec![&state(1)]).len(), 1);
    }
}
