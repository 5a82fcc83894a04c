//! What happened to sessions, for the application's metrics.

use crate::carrier::Unread;
use crate::token::reason::Reason;

/// One thing that happened to the session of a request. [`code`](Self::code) is a label from a closed set; nothing
/// here tells whose session it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The request carried a valid token.
    Verified,
    /// It carried none.
    Absent,
    /// It carried one that is not valid.
    Refused(Reason),
    /// It carried several that differ.
    Ambiguous,
    /// It carried pieces of a token that are not one complete set.
    BrokenSet,
    /// It carried the token of a session that had just been ended in this browser.
    Ended,
    /// Its token is valid, and its state is not what this application reads.
    State,
    /// A new session was begun.
    Issued {
        /// Characters of its token.
        length: usize,
    },
    /// A session was renewed or changed.
    Renewed {
        /// Characters of its token.
        length: usize,
    },
    /// A session was ended by the application.
    Destroyed,
    /// A token is too long for the limit of its [`Tokens`](crate::Tokens) or for its carrier: the answer became a 500.
    TooLarge {
        /// Characters of the token, or bytes of its cookies with their names.
        length: usize,
        /// As many as it may have.
        most: usize,
    },
    /// A changed session could not be issued for another reason: the answer became a 500.
    NotIssued,
    /// A renewal that nobody had asked for could not be issued or carried, or a session changed that was over by then; the
    /// answer went out without it.
    NotRenewed,
    /// A change is lost: the session had come by a carrier which no answer can use, and the application did not take
    /// its token; or it changed after the answer had begun.
    NotCarried,
}

impl SessionEvent {
    /// The event's name, which never changes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Absent => "absent",
            Self::Refused(reason) => reason.code(),
            Self::Ambiguous => "ambiguous",
            Self::BrokenSet => "broken_set",
            Self::Ended => "ended",
            Self::State => "state",
            Self::Issued { .. } => "issued",
            Self::Renewed { .. } => "renewed",
            Self::Destroyed => "destroyed",
            Self::TooLarge { .. } => "too_large",
            Self::NotIssued => "not_issued",
            Self::NotRenewed => "not_renewed",
            Self::NotCarried => "not_carried",
        }
    }
}

impl From<Unread> for SessionEvent {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Ambiguous => Self::Ambiguous,
            Unread::BrokenSet => Self::BrokenSet,
        }
    }
}
