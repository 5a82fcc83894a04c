//! How often keys change and how long what they protect may live.

use std::fmt;

/// The policy of a ring. Every field is whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a key is active.
    pub rotate_every: u64,
    /// The least time between a key's publication and an unforced activation; also the longest that
    /// a node which lost its source goes on issuing.
    pub publish_ahead: u64,
    /// The longest `expires` of a token.
    pub max_token_lifetime: u64,
    /// The longest `ends` of a session.
    pub max_session_lifetime: u64,
    /// How far two clocks may be apart, 0 to 300.
    pub clock_skew: u64,
}

/// A new key every 30 days, published a day ahead; tokens of at most 30 days, sessions of a year.
impl Default for Policy {
    fn default() -> Self {
        Self {
            rotate_every: 30 * DAY,
            publish_ahead: DAY,
            max_token_lifetime: 30 * DAY,
            max_session_lifetime: 365 * DAY,
            clock_skew: 60,
        }
    }
}

impl Policy {
    /// How many keys a ring that follows this policy holds at most.
    pub fn keys_needed(&self) -> u64 {
        self.drain_time().div_ceil(self.rotate_every.max(1)).saturating_add(2)
    }

    /// How long a key verifies after its successor became active.
    pub(crate) fn drain_time(&self) -> u64 {
        self.publish_ahead
            .saturating_add(self.max_token_lifetime)
            .saturating_add(self.clock_skew.saturating_mul(2))
    }

    /// The larger of each value: what a change of policy reckons with.
    pub(crate) fn larger_of_each(&self, other: &Self) -> Self {
        Self {
            rotate_every: self.rotate_every.max(other.rotate_every),
            publish_ahead: self.publish_ahead.max(other.publish_ahead),
            max_token_lifetime: self.max_token_lifetime.max(other.max_token_lifetime),
            max_session_lifetime: self.max_session_lifetime.max(other.max_session_lifetime),
            clock_skew: self.clock_skew.max(other.clock_skew),
        }
    }

    /// The limits every ring keeps, wherever it comes from.
    pub(crate) fn check_ranges(&self) -> Result<(), InvalidPolicy> {
        for (field, value) in [
            ("rotate_every", self.rotate_every),
            ("publish_ahead", self.publish_ahead),
            ("max_token_lifetime", self.max_token_lifetime),
            ("max_session_lifetime", self.max_session_lifetime),
        ] {
            if !(1..=LONGEST).contains(&value) {
                return Err(InvalidPolicy::OutOfRange { field, value, least: 1, most: LONGEST });
            }
        }
        if self.clock_skew > MOST_SKEW {
            return Err(InvalidPolicy::OutOfRange {
                field: "clock_skew",
                value: self.clock_skew,
                least: 0,
                most: MOST_SKEW,
            });
        }
        Ok(())
    }

    /// The limits of a policy that somebody sets today.
    pub(crate) fn check(&self) -> Result<(), InvalidPolicy> {
        self.check_ranges()?;
        if self.rotate_every < self.publish_ahead {
            return Err(InvalidPolicy::RotatesBeforePublished {
                rotate_every: self.rotate_every,
                publish_ahead: self.publish_ahead,
            });
        }
        if self.keys_needed() > MOST_KEYS {
            return Err(InvalidPolicy::TooManyKeys { needed: self.keys_needed() });
        }
        Ok(())
    }
}

/// A policy that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPolicy {
    /// A duration outside its range, in seconds.
    OutOfRange {
        /// Its name in the document.
        field: &'static str,
        /// What was given.
        value: u64,
        /// The smallest that is taken.
        least: u64,
        /// The largest that is taken.
        most: u64,
    },
    /// Keys would be due before the key before them was published long enough.
    RotatesBeforePublished {
        /// Seconds between two keys.
        rotate_every: u64,
        /// Seconds a key is published ahead.
        publish_ahead: u64,
    },
    /// So many keys would drain at once that the ring gets no room for an emergency.
    TooManyKeys {
        /// Keys that the policy needs; 24 are allowed.
        needed: u64,
    },
}

impl fmt::Display for InvalidPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, value, least, most } => {
                write!(f, "{field} is {value} s; it may be {least} to {most} s")
            }
            Self::RotatesBeforePublished { rotate_every, publish_ahead } => write!(
                f,
                "rotate_every ({rotate_every} s) is less than publish_ahead ({publish_ahead} s)"
            ),
            Self::TooManyKeys { needed } => write!(
                f,
                "the policy needs {needed} keys at a time, more than {MOST_KEYS}: rotate less \
                 often, or lower max_token_lifetime"
            ),
        }
    }
}

impl std::error::Error for InvalidPolicy {}

const DAY: u64 = 86_400;
/// 100 years of 365.25 days.
const LONGEST: u64 = 3_155_760_000;
const MOST_SKEW: u64 = 300;
const MOST_KEYS: u64 = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_needs_four_keys() {
        // ceil((1 d + 30 d + 120 s) / 30 d) + 2
        assert_eq!(Policy::default().keys_needed(), 4);
        assert_eq!(Policy::default().check(), Ok(()));
    }

    #[test]
    fn a_policy_of_more_than_24_keys_is_refused_with_their_number() {
        let policy = Policy { rotate_every: DAY, ..Policy::default() };
        assert_eq!(policy.check(), Err(InvalidPolicy::TooManyKeys { needed: 34 }));
        assert_eq!(policy.check_ranges(), Ok(()));
    }

    #[test]
    fn rotating_faster_than_publishing_is_refused() {
        let policy = Policy { rotate_every: DAY - 1, max_token_lifetime: 60, ..Policy::default() };
        let refusal = policy.check().unwrap_err().to_string();
        assert_eq!(refusal, "rotate_every (86399 s) is less than publish_ahead (86400 s)");
    }

    #[test]
    fn the_ranges_are_inclusive() {
        let longest = Policy {
            rotate_every: LONGEST,
            publish_ahead: LONGEST,
            max_token_lifetime: LONGEST,
            max_session_lifetime: LONGEST,
            clock_skew: 300,
        };
        assert_eq!(longest.check_ranges(), Ok(()));
        for broken in [
            Policy { rotate_every: 0, ..longest },
            Policy { publish_ahead: LONGEST + 1, ..longest },
            Policy { max_token_lifetime: 0, ..longest },
            Policy { max_session_lifetime: LONGEST + 1, ..longest },
            Policy { clock_skew: 301, ..longest },
        ] {
            assert!(broken.check_ranges().is_err(), "{broken:?}");
        }
    }
}
