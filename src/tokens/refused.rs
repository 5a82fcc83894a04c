//! What a caller learns of a refused token, and what an operator does.

use std::fmt;

use saddlebag_keys::{KeyId, UnixTime};

use crate::token::reason::Reason;

/// A token that was refused.
///
/// Its text is the same for every cause: which check failed is for logs and metrics, by
/// [`reason`](Self::reason), and never for an untrusted caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    reason: Reason,
    key: Option<KeyId>,
    times: Option<(UnixTime, UnixTime)>,
}

impl Refused {
    pub(crate) fn new(reason: Reason) -> Self {
        Self { reason, key: None, times: None }
    }

    pub(super) fn under(reason: Reason, key: KeyId) -> Self {
        Self { reason, key: Some(key), times: None }
    }

    pub(super) fn at_times(self, issued_at: UnixTime, expires_at: UnixTime) -> Self {
        Self { times: Some((issued_at, expires_at)), ..self }
    }

    /// Which check failed.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The key id that the token carries, where it got so far; authentic only in the cases in which
    /// [`issued_at`](Self::issued_at) is there.
    pub fn key_id(&self) -> Option<KeyId> {
        self.key
    }

    /// When an authentic token that has ended, or is from the future, was issued.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.times.map(|(issued_at, _)| issued_at)
    }

    /// When such a token ends or ended.
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.times.map(|(_, expires_at)| expires_at)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is not valid")
    }
}

impl std::error::Error for Refused {}
