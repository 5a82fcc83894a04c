//! Issuing: a new session's first token, and the sealing of any claims under the active key.

use std::fmt;

use saddlebag_keys::{Policy, UnixTime};
use serde::Serialize;

use super::Tokens;
use super::keys::AudienceKeys;
use super::verify::info;
use crate::lifetime::{self, Wish};
use crate::session::{RawState, SessionInfo};
use crate::size::{Heaviest, heaviest};
use crate::token::claims::Claims;
use crate::token::format::{self, HEADER_LEN, Protection, TAG_LEN};
use crate::token::random::draw;
use crate::token::sealed::{CLAIMS_AT, FreshNonce, NO_NONCE};
#[cfg(feature = "jwt")]
use crate::token::state;
use crate::token::state::StateError;

/// A session that is about to begin.
#[derive(Clone)]
pub struct NewSession<'a> {
    pub(super) subject: Option<&'a str>,
    pub(super) state: Result<RawState, StateError>,
    pub(super) lifetime: Option<u64>,
    pub(super) session_lifetime: Option<u64>,
    pub(super) protection: Option<Protection>,
}

impl<'a> NewSession<'a> {
    /// A session without state.
    pub fn empty() -> Self {
        Self::raw(RawState::none())
    }

    /// A session with this state: any type that `serde` takes.
    pub fn of<T: Serialize + ?Sized>(state: &T) -> Self {
        Self::with(RawState::of(state))
    }

    /// A session with state that is encoded already.
    pub fn raw(state: RawState) -> Self {
        Self::with(Ok(state))
    }

    fn with(state: Result<RawState, StateError>) -> Self {
        Self { subject: None, state, lifetime: None, session_lifetime: None, protection: None }
    }

    /// Says whose it is: 1 to 255 bytes.
    #[must_use]
    pub fn subject(self, subject: &'a str) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Ends its token after so many seconds, unless renewed; at most the policy's `max_token_lifetime`.
    #[must_use]
    pub fn lifetime(self, seconds: u64) -> Self {
        Self { lifetime: Some(seconds), ..self }
    }

    /// Ends it for good after so many seconds; at most the policy's `max_session_lifetime`.
    #[must_use]
    pub fn session_lifetime(self, seconds: u64) -> Self {
        Self { session_lifetime: Some(seconds), ..self }
    }

    /// Protects it otherwise than these tokens usually do.
    #[must_use]
    pub fn protection(self, protection: Protection) -> Self {
        Self { protection: Some(protection), ..self }
    }
}

/// Whose it will be stays out of logs, as what it holds does.
impl fmt::Debug for NewSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession")
            .field("state", &self.state)
            .field("lifetime", &self.lifetime)
            .field("session_lifetime", &self.session_lifetime)
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

/// A token that was made, and what it says of its session.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The text that travels. Whoever has it is in the session.
    pub token: String,
    /// The session's name and times.
    pub info: SessionInfo,
}

/// The token stays out of logs.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Tokens {
    /// Begins a session at the machine's time.
    ///
    /// # Errors
    ///
    /// [`IssueError`].
    pub fn issue(&self, session: NewSession<'_>) -> Result<Issued, IssueError> {
        self.issue_at(session, UnixTime::now())
    }

    /// [`issue`](Self::issue) at a time of the caller's.
    ///
    /// # Errors
    ///
    /// [`IssueError`].
    pub fn issue_at(&self, session: NewSession<'_>, now: UnixTime) -> Result<Issued, IssueError> {
        let state = session.state.map_err(IssueError::State)?;
        // Once, for all that is asked of a ring: each look costs atomic writes.
        let keys = self.keys();
        let keys = keys.as_deref().ok_or(IssueError::NoRing)?;
        let (expires, ends) =
            self.new_times(keys.ring().policy(), session.lifetime, session.session_lifetime)?;
        // One call for all that is random in the token: the operating system charges by the call.
        let random: [u8; 24] = draw().map_err(random_error)?;
        let (id, nonce) = halves(random);
        let claims = Claims {
            id,
            started: now.as_secs(),
            issued: 0,
            expires,
            ends,
            revision: 0,
            subject: session.subject,
            state: state.as_cbor(),
        };
        let protection = session.protection.unwrap_or(self.shared.config.protection);
        self.seal_claims(keys, &claims, protection, self.binding(), None, nonce, now)
    }

    /// `expires` and `ends` of a new session under a ring's policy.
    pub(super) fn new_times(
        &self,
        policy: &Policy,
        lifetime: Option<u64>,
        session_lifetime: Option<u64>,
    ) -> Result<(u64, u64), IssueError> {
        let idle = lifetime.map_or(self.shared.config.idle, Wish::Asked);
        let absolute = session_lifetime.map_or(self.shared.config.absolute, Wish::Asked);
        lifetime::of_new(idle, absolute, policy).map_err(IssueError::from)
    }

    /// Makes a token of claims whose state obeys the rules; `state_json` is how a jwt must spell it.
    #[allow(clippy::too_many_arguments)] // all of one token
    pub(super) fn seal_claims(
        &self,
        keys: &AudienceKeys,
        claims: &Claims<'_>,
        protection: Protection,
        binding: &[u8],
        state_json: Option<&str>,
        nonce: FreshNonce,
        now: UnixTime,
    ) -> Result<Issued, IssueError> {
        if !self.shared.ring.may_issue_under(keys.ring(), now) {
            return Err(match self.shared.ring.freshness(now).checked_at {
                Some(checked_at) => IssueError::Stale { checked_at },
                None => IssueError::NoRing,
            });
        }
        check_subject(claims.subject)?;
        claims.validate().map_err(|_| IssueError::Clock { now })?;
        let key = keys.active(now).ok_or(IssueError::Clock { now })?;
        let token = match protection {
            Protection::Signed => {
                let room = HEADER_LEN.saturating_add(claims.most_len()).saturating_add(TAG_LEN);
                let mut bytes = Vec::with_capacity(room);
                bytes.extend_from_slice(&format::header(format::SIGNED, key.id));
                claims.encode_into(&mut bytes);
                self.must_fit(format::text_len(bytes.len().saturating_add(TAG_LEN)), claims)?;
                key.signed.sign(&mut bytes, binding);
                format::encode(&bytes)
            }
            Protection::Sealed => {
                let room = CLAIMS_AT.saturating_add(claims.most_len()).saturating_add(TAG_LEN);
                let mut bytes = Vec::with_capacity(room);
                bytes.extend_from_slice(&format::header(format::SEALED, key.id));
                bytes.extend_from_slice(&NO_NONCE);
                claims.encode_into(&mut bytes);
                self.must_fit(format::text_len(bytes.len().saturating_add(TAG_LEN)), claims)?;
                let sealed = self.shared.sealer.seal(&key.sealed, &mut bytes, binding, nonce, now);
                sealed.map_err(random_error)?;
                format::encode(&bytes)
            }
            Protection::Jwt => {
                let token = self.jwt_of(claims, key, binding, state_json)?;
                self.must_fit(token.len(), claims)?;
                token
            }
        };
        Ok(Issued { token, info: info(claims) })
    }

    #[cfg(feature = "jwt")]
    fn jwt_of(
        &self,
        claims: &Claims<'_>,
        key: &super::keys::Suites,
        binding: &[u8],
        state_json: Option<&str>,
    ) -> Result<String, IssueError> {
        let jwt = key.jwt.as_ref().ok_or(IssueError::JwtNotConfigured)?;
        if !binding.is_empty() {
            return Err(IssueError::JwtBinding);
        }
        jwt.sign(&self.shared.audience, claims, |payload| match state_json {
            Some(text) => {
                payload.extend_from_slice(text.as_bytes());
                Ok(())
            }
            None => match state::to_json(claims.state, payload) {
                Ok(false) => Ok(()),
                Ok(true) => Err(IssueError::JwtBytes),
                Err(error) => Err(IssueError::State(error)),
            },
        })
    }

    #[cfg(not(feature = "jwt"))]
    fn jwt_of(
        &self,
        _: &Claims<'_>,
        _: &super::keys::Suites,
        _: &[u8],
        _: Option<&str>,
    ) -> Result<String, IssueError> {
        Err(IssueError::JwtNotConfigured)
    }

    fn must_fit(&self, length: usize, claims: &Claims<'_>) -> Result<(), IssueError> {
        let limit = self.shared.config.longest_issued;
        if length <= limit {
            return Ok(());
        }
        Err(IssueError::TooLong { length, limit, heaviest: heaviest(claims.state) })
    }
}

/// Twelve random bytes for an id and twelve for a nonce.
pub(super) fn halves(random: [u8; 24]) -> ([u8; 12], FreshNonce) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, nonce @ ..] = random;
    ([a, b, c, d, e, f, g, h, i, j, k, l], FreshNonce::drawn(nonce))
}

pub(super) fn random_error(error: rand::rngs::SysError) -> IssueError {
    IssueError::Randomness(error.to_string())
}

/// A token that was not issued.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssueError {
    /// There is no ring yet.
    NoRing,
    /// The ring's source has not been read for too long: other nodes may have moved on.
    Stale {
        /// The last good look at it.
        checked_at: UnixTime,
    },
    /// This clock is before the ring's first key, or beyond what a token can carry.
    Clock {
        /// What it shows.
        now: UnixTime,
    },
    /// The subject is not 1 to 255 bytes.
    Subject {
        /// Its length in bytes.
        length: usize,
    },
    /// A lifetime of 0, or above the ring's policy.
    Lifetime {
        /// `lifetime` or `session_lifetime`.
        what: &'static str,
        /// Seconds asked for.
        asked: u64,
        /// Seconds that the policy allows.
        most: u64,
    },
    /// The state breaks a rule of the format.
    State(StateError),
    /// The token would be too long for its carrier.
    TooLong {
        /// Characters that it would have.
        length: usize,
        /// Characters that it may have.
        limit: usize,
        /// The fields of the state that weigh most, and their bytes.
        heaviest: Vec<(String, usize)>,
    },
    /// A jwt, where none is configured or the feature `jwt` is off.
    JwtNotConfigured,
    /// A jwt cannot carry a binding.
    JwtBinding,
    /// A jwt's state is JSON, and this one holds byte strings.
    JwtBytes,
    /// The operating system gave no random numbers.
    Randomness(String),
}

/// A subject is absent, or 1 to 255 bytes.
pub(crate) fn check_subject(subject: Option<&str>) -> Result<(), IssueError> {
    match subject.map(str::len) {
        Some(length @ (0 | 256..)) => Err(IssueError::Subject { length }),
        _ => Ok(()),
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRing => f.write_str("there is no key ring yet"),
            Self::Stale { checked_at } => write!(
                f,
                "the key ring was last read at {checked_at}, too long ago to issue under it"
            ),
            Self::Clock { now } => write!(
                f,
                "this clock shows {now}, before the ring's first key or beyond what a token carries"
            ),
            Self::Subject { length } => {
                write!(f, "the subject has {length} bytes; it may have 1 to 255")
            }
            Self::Lifetime { what, asked: 0, .. } => write!(f, "{what} is 0 s"),
            Self::Lifetime { what, asked, most } => {
                write!(f, "{what} is {asked} s; the ring's policy allows {most} s")
            }
            Self::State(error) => error.fmt(f),
            Self::TooLong { length, limit, heaviest } => {
                write!(f, "the token would have {length} characters, more than {limit}")?;
                if heaviest.is_empty() {
                    return Ok(());
                }
                write!(f, "; heaviest in its state: {}", Heaviest(heaviest))
            }
            Self::JwtNotConfigured => f.write_str("jwt tokens are not configured here"),
            Self::JwtBinding => f.write_str("a jwt cannot carry a binding"),
            Self::JwtBytes => f.write_str("a jwt's state is JSON, and this one holds byte strings"),
            Self::Randomness(error) => write!(f, "no random numbers: {error}"),
        }
    }
}

impl From<lifetime::Refused> for IssueError {
    fn from(refused: lifetime::Refused) -> Self {
        let lifetime::Refused { what, asked, most } = refused;
        Self::Lifetime { what, asked, most }
    }
}

impl std::error::Error for IssueError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::State(error) => Some(error),
            _ => None,
        }
    }
}
