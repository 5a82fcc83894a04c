//! The five durations of a policy, as `init`, `policy` and `plan` take them.

use std::fmt;

use clap::Args;
use saddlebag_keys::Policy;

use crate::cli::duration::Duration;

/// A policy, or a part of one.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct PolicyArgs {
    /// How long a key signs [init: 30d]
    #[arg(long, value_name = "DURATION")]
    rotate_every: Option<Duration>,

    /// How long a key is published before it signs, at least [init: 1d]
    #[arg(long, value_name = "DURATION")]
    publish_ahead: Option<Duration>,

    /// The longest lifetime of a token [init: 30d]
    #[arg(long, value_name = "DURATION")]
    max_token_lifetime: Option<Duration>,

    /// The longest lifetime of a session [init: 365d]
    #[arg(long, value_name = "DURATION")]
    max_session_lifetime: Option<Duration>,

    /// How far two clocks may be apart, at most 300s [init: 60s]
    #[arg(long, value_name = "DURATION")]
    clock_skew: Option<Duration>,
}

impl PolicyArgs {
    /// `base` with what was typed.
    pub(super) fn over(self, base: Policy) -> Policy {
        let or = |typed: Option<Duration>, base| typed.map_or(base, |Duration(seconds)| seconds);
        Policy {
            rotate_every: or(self.rotate_every, base.rotate_every),
            publish_ahead: or(self.publish_ahead, base.publish_ahead),
            max_token_lifetime: or(self.max_token_lifetime, base.max_token_lifetime),
            max_session_lifetime: or(self.max_session_lifetime, base.max_session_lifetime),
            clock_skew: or(self.clock_skew, base.clock_skew),
        }
    }

    /// Whether nothing was typed.
    pub(super) fn is_empty(&self) -> bool {
        [
            self.rotate_every,
            self.publish_ahead,
            self.max_token_lifetime,
            self.max_session_lifetime,
            self.clock_skew,
        ]
        .iter()
        .all(Option::is_none)
    }
}

/// A policy in one line.
pub(super) struct Told<'a>(pub(super) &'a Policy);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Policy {
            rotate_every,
            publish_ahead,
            max_token_lifetime,
            max_session_lifetime,
            clock_skew,
        } = *self.0;
        write!(
            f,
            "rotate every {}, publish {} ahead, tokens up to {}, sessions up to {}, clock skew {}",
            Duration(rotate_every),
            Duration(publish_ahead),
            Duration(max_token_lifetime),
            Duration(max_session_lifetime),
            Duration(clock_skew)
        )
    }
}
