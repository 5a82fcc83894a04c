//! What a plan does to tokens that are alive, said before it is done.

use std::fmt;

use crate::clock::UnixTime;
use crate::key::{KeyId, KeyState};

/// What a plan does to tokens that are alive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Harm {
    /// Nodes that have not read the ring since the key was made refuse the tokens it issues.
    NotPublished {
        /// The key.
        id: KeyId,
        /// By when every node has read it or has stopped issuing.
        until: UnixTime,
    },
    /// Every token under this key is refused from now on.
    TokensRefused {
        /// The key.
        id: KeyId,
        /// What it was.
        state: KeyState,
    },
    /// What was revoked since this generation is not known: such keys are taken again.
    Forgotten {
        /// The newest generation that is known.
        generation: u64,
    },
}

impl Harm {
    /// The key whose tokens suffer, where it is one.
    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::NotPublished { id, .. } | Self::TokensRefused { id, .. } => Some(*id),
            Self::Forgotten { .. } => None,
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublished { id, until } => write!(
                f,
                "nodes that have not read the ring since key {id} was made refuse what it issues, \
                 until {until} at the latest"
            ),
            Self::TokensRefused { id, state } => {
                write!(f, "every token under the {state} key {id} is refused at once")
            }
            Self::Forgotten { generation } => write!(
                f,
                "keys revoked since generation {generation} are taken again, and keys made since are not \
                 known any more"
            ),
        }
    }
}
