//! Tokens for measuring: under a ring that nobody else has, and as long as any token may be.

use saddlebag_keys::{KeyRingHandle, Policy, UnixTime, rotation};

use crate::cli::failure::Failure;
use crate::session::RawState;
use crate::token::format::Protection;
use crate::token::jwt::JwtAlgorithm;
use crate::tokens::{IssueError, Issued, LONGEST, NewSession, Tokens};

/// The kinds of tokens, in the order in which they are shown.
pub(super) const KINDS: [Protection; 3] = [Protection::Signed, Protection::Sealed, Protection::Jwt];

/// Issues tokens of each kind.
pub(super) struct Issuer<'a> {
    pub(super) tokens: Tokens,
    pub(super) algorithm: JwtAlgorithm,
    pub(super) subject: Option<&'a str>,
    pub(super) now: UnixTime,
}

/// What became of one state.
pub(super) enum Made {
    Token(Issued),
    /// No verifier would look at it: the characters that it would have.
    TooLong(usize),
}

impl Made {
    pub(super) fn characters(&self) -> usize {
        match self {
            Self::Token(issued) => issued.token.len(),
            Self::TooLong(length) => *length,
        }
    }
}

impl<'a> Issuer<'a> {
    /// Makes the ring.
    pub(super) fn new(
        audience: &str,
        algorithm: JwtAlgorithm,
        subject: Option<&'a str>,
        now: UnixTime,
    ) -> Result<Self, Failure> {
        let ring = rotation::init("size", Policy::default(), now, &mut rand::rngs::SysRng);
        let ring = ring.map_err(Failure::bug)?.ring;
        let tokens = Tokens::builder(KeyRingHandle::fixed(ring))
            .audience(audience)
            .jwt(algorithm)
            .longest_issued(LONGEST)
            .longest_verified(LONGEST)
            .build()
            .map_err(|error| Failure::config(&error))?;
        Ok(Self { tokens, algorithm, subject, now })
    }

    /// Begins a session with this state.
    pub(super) fn issue(&self, state: &RawState, kind: Protection) -> Result<Made, Failure> {
        let mut session = NewSession::raw(state.clone()).protection(kind);
        if let Some(subject) = self.subject {
            session = session.subject(subject);
        }
        match self.tokens.issue_at(session, self.now) {
            Ok(issued) => Ok(Made::Token(issued)),
            Err(IssueError::TooLong { length, .. }) => Ok(Made::TooLong(length)),
            Err(error) => Err(Failure::issue(&error)),
        }
    }
}
