//! What a request came with, for those who pass it on.

use std::fmt;
use std::sync::Arc;

use saddlebag_keys::UnixTime;

use crate::session::Verified;
use crate::tokens::{Refused, Tokens};

/// The session that a request came with: its token, as it came, and what was verified of it. A clone is cheap.
#[derive(Clone)]
pub struct Incoming {
    token: Arc<str>,
    verified: Arc<Verified>,
}

impl Incoming {
    /// Verifies a token that came another way than in a request to a layer, in a message of a queue say, at the
    /// machine's time.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify(tokens: &Tokens, token: &str) -> Result<Self, Refused> {
        Self::verify_at(tokens, token, UnixTime::now())
    }

    /// [`verify`](Self::verify) at a time of the caller's.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify_at(tokens: &Tokens, token: &str, now: UnixTime) -> Result<Self, Refused> {
        Ok(Self::new(token, tokens.verify_at(token, now)?.into()))
    }

    /// A token that was verified.
    pub(crate) fn new(token: &str, verified: Arc<Verified>) -> Self {
        Self { token: token.into(), verified }
    }

    /// The text that travels. Whoever has it is in the session.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What it says.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}

/// The token stays out of logs.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("verified", &self.verified).finish_non_exhaustive()
    }
}
