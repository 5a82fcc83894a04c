//! Why a verb cannot be carried out, in words for whoever typed it.

use std::fmt;

use crate::audience::Audience;
use crate::clock::UnixTime;
use crate::key::{KeyId, KeyState};
use crate::policy::InvalidPolicy;
use crate::ring::InvalidRing;

/// A verb that cannot be carried out. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The ring holds one audience's derived keys; only its root ring changes.
    Scoped {
        /// The audience.
        audience: Audience,
    },
    /// No key has this id.
    UnknownKey {
        /// The id.
        id: KeyId,
    },
    /// Only a staged key can be activated.
    NotStaged {
        /// The key.
        id: KeyId,
        /// What it is.
        state: KeyState,
    },
    /// The key has not been published long enough.
    TooEarly {
        /// The key.
        id: KeyId,
        /// When it will have been.
        not_before: UnixTime,
    },
    /// The key is revoked already.
    AlreadyRevoked {
        /// The key.
        id: KeyId,
        /// Since when.
        at: UnixTime,
    },
    /// `publish_ahead` or `max_token_lifetime` cannot be lowered just before this key activates.
    AboutToActivate {
        /// The key.
        id: KeyId,
        /// When it activates.
        activates_at: UnixTime,
    },
    /// Another ring's document cannot be restored.
    OtherRing {
        /// Its name.
        name: String,
        /// The ring's.
        wanted: String,
    },
    /// Two rings of one name were made apart: one id, two secrets.
    TwoSecrets {
        /// The id.
        id: KeyId,
    },
    /// No key of the ring to restore may issue any more.
    NothingLeft,
    /// The policy cannot be followed.
    Policy(InvalidPolicy),
    /// 32 keys, none of them revoked, and none has drained.
    Full,
    /// The next ring would not be one: the times or the generation have run out of range.
    Ring(InvalidRing),
    /// The generator of random numbers failed.
    Randomness(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scoped { audience } => write!(
                f,
                "the ring is scoped to {audience}: change its root ring, and export it again"
            ),
            Self::UnknownKey { id } => write!(f, "the ring has no key {id}"),
            Self::NotStaged { id, state } => write!(f, "key {id} is {state}, not staged"),
            Self::TooEarly { id, not_before } => write!(
                f,
                "key {id} has not been published for publish_ahead yet; it can be activated from \
                 {not_before} on"
            ),
            Self::AlreadyRevoked { id, at } => write!(f, "key {id} is revoked since {at}"),
            Self::AboutToActivate { id, activates_at } => write!(
                f,
                "publish_ahead and max_token_lifetime cannot be lowered while key {id} is about to \
                 activate; try again after {activates_at}"
            ),
            Self::OtherRing { name, wanted } => {
                write!(f, "the document is of another ring, {name:?}, not {wanted:?}")
            }
            Self::TwoSecrets { id } => write!(f, "key {id} has another secret in the document"),
            Self::NothingLeft => f.write_str(
                "nothing is left to restore: since that generation every key of it that could sign was \
                 revoked or has drained",
            ),
            Self::Policy(invalid) => invalid.fmt(f),
            Self::Full => f.write_str(
                "the ring is full: 32 keys, none of them revoked; run prune after the next has drained",
            ),
            Self::Ring(invalid) => invalid.fmt(f),
            Self::Randomness(error) => write!(f, "no random numbers: {error}"),
        }
    }
}

impl std::error::Error for Refused {}
