//! What differs between two generations, read off the rings themselves, so that no verb can do what
//! it does not say.

use std::fmt;

use crate::clock::UnixTime;
use crate::key::{KeyId, KeyState};
use crate::policy::Policy;
use crate::ring::KeyRing;

/// One difference between a ring and its next generation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A new key.
    Added {
        /// The key.
        id: KeyId,
        /// What it is now.
        state: KeyState,
        /// From when on it issues.
        activates_at: UnixTime,
    },
    /// A key issues from another time on.
    Activation {
        /// The key.
        id: KeyId,
        /// When it would have.
        from: UnixTime,
        /// When it does.
        to: UnixTime,
    },
    /// A key verifies until this time.
    Drains {
        /// The key.
        id: KeyId,
        /// When it retires.
        until: UnixTime,
    },
    /// A key is refused from now on.
    Revoked {
        /// The key.
        id: KeyId,
        /// What it was.
        was: KeyState,
    },
    /// A key left the ring.
    Dropped {
        /// The key.
        id: KeyId,
        /// What it was.
        was: KeyState,
    },
    /// The policy changed.
    Policy {
        /// What it was.
        from: Policy,
        /// What it is.
        to: Policy,
    },
}

pub(super) fn between(before: &KeyRing, after: &KeyRing, now: UnixTime) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.policy != after.policy {
        changes.push(Change::Policy { from: before.policy, to: after.policy });
    }
    for key in &before.keys {
        let (id, was) = (key.id, before.state(key, now));
        let Some(kept) = after.key(id) else {
            changes.push(Change::Dropped { id, was });
            continue;
        };
        if kept.is_revoked() && !key.is_revoked() {
            changes.push(Change::Revoked { id, was });
            continue;
        }
        if kept.activates_at != key.activates_at {
            let (from, to) = (key.activates_at, kept.activates_at);
            changes.push(Change::Activation { id, from, to });
        }
        if let Some(until) = kept.drains_until.filter(|until| key.drains_until != Some(*until)) {
            changes.push(Change::Drains { id, until });
        }
    }
    for key in after.keys.iter().filter(|key| before.key(key.id).is_none()) {
        let (state, activates_at) = (after.state(key, now), key.activates_at);
        changes.push(Change::Added { id: key.id, state, activates_at });
    }
    changes
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { id, state: KeyState::Staged, activates_at } => {
                write!(f, "key {id} is staged, and activates at {activates_at}")
            }
            Self::Added { id, state, activates_at } => {
                write!(f, "key {id} is new, and {state} from {activates_at} on")
            }
            Self::Activation { id, from, to } => {
                write!(f, "key {id} activates at {to}, not at {from}")
            }
            Self::Drains { id, until } => write!(f, "key {id} verifies until {until}"),
            Self::Revoked { id, was } => write!(f, "key {id}, which was {was}, is revoked"),
            Self::Dropped { id, was } => write!(f, "key {id}, which was {was}, is dropped"),
            Self::Policy { from, to } => {
                f.write_str("policy:")?;
                for (name, old, new) in [
                    ("rotate_every", from.rotate_every, to.rotate_every),
                    ("publish_ahead", from.publish_ahead, to.publish_ahead),
                    ("max_token_lifetime", from.max_token_lifetime, to.max_token_lifetime),
                    ("max_session_lifetime", from.max_session_lifetime, to.max_session_lifetime),
                    ("clock_skew", from.clock_skew, to.clock_skew),
                ] {
                    if old != new {
                        write!(f, " {name} {old} s -> {new} s")?;
                    }
                }
                Ok(())
            }
        }
    }
}
