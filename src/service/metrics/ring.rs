//! What there is to watch of a key ring: how fresh it is, what its keys may do, what comes next.

use prometheus::{Error, IntCounterVec, IntGaugeVec, Opts};
use saddlebag_keys::rotation::next_due;
use saddlebag_keys::{KeyRingHandle, KeyState, UnixTime};

use super::families::{Families, signed};
use crate::service::clock::ahead_of_clock;

/// Gauges that are set when somebody asks, by ring.
pub(super) struct RingMetrics {
    generation: IntGaugeVec,
    age: IntGaugeVec,
    issuing: IntGaugeVec,
    clock_skew: IntGaugeVec,
    stale_after: IntGaugeVec,
    keys: IntGaugeVec,
    next_activation: IntGaugeVec,
    next_rotation: IntGaugeVec,
    ahead_of_clock: IntGaugeVec,
    load_errors: IntCounterVec,
}

impl RingMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        let gauges = |name: &str, help: &str| family.gauges(name, help, "ring");
        let keys = Opts::new("saddlebag_ring_keys", "Keys of the ring, by what they may do.");
        let load_errors = Opts::new(
            "saddlebag_ring_load_errors_total",
            "Looks at the ring's source that gave no ring to take.",
        );
        Ok(Self {
            generation: gauges("saddlebag_ring_generation", "The ring's version in use.")?,
            age: gauges("saddlebag_ring_age_seconds", "Since the ring's source was read well.")?,
            issuing: gauges(
                "saddlebag_ring_issuing",
                "1 where the ring is fresh enough to issue.",
            )?,
            clock_skew: gauges(
                "saddlebag_ring_clock_skew_seconds",
                "What the policy allows clocks to differ.",
            )?,
            stale_after: gauges(
                "saddlebag_ring_stale_after_seconds",
                "The age at which nothing is issued any more.",
            )?,
            keys: family.register(IntGaugeVec::new(keys, &["ring", "state"]))?,
            next_activation: gauges(
                "saddlebag_ring_next_activation_seconds",
                "Until the standby activates; absent where no key is staged.",
            )?,
            next_rotation: gauges(
                "saddlebag_ring_next_rotation_seconds",
                "Until a rotation has something to do; negative once it is overdue.",
            )?,
            ahead_of_clock: gauges(
                "saddlebag_ring_ahead_of_clock_seconds",
                "How far the newest key's creation lies in this clock's future.",
            )?,
            load_errors: family.register(IntCounterVec::new(load_errors, &["ring"]))?,
        })
    }

    /// Says how it is with a ring at `now`.
    pub(super) fn set(&self, name: &str, handle: &KeyRingHandle, now: UnixTime) {
        let freshness = handle.freshness(now);
        let set = |gauge: &IntGaugeVec, value| gauge.with_label_values(&[name]).set(value);
        let errors = self.load_errors.with_label_values(&[name]);
        errors.inc_by(freshness.failures.saturating_sub(errors.get()));
        // Credentials are issued elsewhere.
        if name == SESSIONS {
            set(&self.issuing, freshness.issuing.into());
        }
        let Some(ring) = handle.ring() else {
            return;
        };
        set(&self.generation, signed(ring.generation()));
        set(&self.clock_skew, signed(ring.policy().clock_skew));
        if let Some(checked_at) = freshness.checked_at {
            set(&self.age, signed(now.since(checked_at)));
        }
        if let Some(stale_after) = freshness.stale_after {
            set(&self.stale_after, signed(stale_after));
        }
        for state in STATES {
            let count = ring.keys().iter().filter(|key| ring.state(key, now) == state).count();
            self.keys.with_label_values(&[name, state.as_str()]).set(signed(count));
        }
        match ring.standby(now) {
            Some(standby) => set(&self.next_activation, signed(standby.activates_at().since(now))),
            // Fails where it is not there, which is as well.
            None => drop(self.next_activation.remove_label_values(&[name])),
        }
        // From the beginning of time on: later than now is never overdue.
        let due = next_due(&ring, UnixTime::default());
        set(&self.next_rotation, signed(due.since(now)).saturating_sub(signed(now.since(due))));
        set(&self.ahead_of_clock, signed(ahead_of_clock(&ring, now)));
    }
}

/// The ring that sessions live by.
pub(super) const SESSIONS: &str = "sessions";

/// The ring that callers are checked with, where it is another.
pub(super) const CREDENTIALS: &str = "credentials";

const STATES: [KeyState; 5] =
    [KeyState::Staged, KeyState::Active, KeyState::Draining, KeyState::Retired, KeyState::Revoked];
