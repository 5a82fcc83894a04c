//! Why a call was not made.

use std::fmt;

use saddlebag_keys::Audience;

use crate::tokens::ChildError;

/// A call that was not made, because the session could not be passed on as it was told to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PropagateError {
    /// No child could be made for the next audience.
    Child {
        /// Who it was for.
        audience: Audience,
        /// Why.
        error: ChildError,
    },
    /// The token is no value of a header.
    Unwritable,
}

impl fmt::Display for PropagateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child { audience, error } => {
                write!(f, "the session cannot be passed on to {audience}: {error}")
            }
            Self::Unwritable => f.write_str("the session's token is no value of a header"),
        }
    }
}

impl std::error::Error for PropagateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Child { error, .. } => Some(error),
            Self::Unwritable => None,
        }
    }
}
