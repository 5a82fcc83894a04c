//! Renewal: another token for the same session, or for the one that a login makes of it.

use std::borrow::Cow;
use std::fmt;

use saddlebag_keys::{Policy, UnixTime};
use serde::Serialize;

use super::issue::{IssueError, Issued, halves, random_error};
use super::keys::AudienceKeys;
use super::{Refused, Tokens};
use crate::lifetime::{self, Times};
use crate::session::{RawState, SessionInfo, Verified};
use crate::token::apart::Apart;
use crate::token::claims::Claims;
use crate::token::random::draw;
use crate::token::reason::Reason;
use crate::token::state::StateError;

/// What a renewal changes; nothing, unless told.
#[derive(Clone, Default)]
pub struct Renewal<'a> {
    state: Option<Result<RawState, StateError>>,
    subject: Option<Option<&'a str>>,
    rotate_id: bool,
}

impl<'a> Renewal<'a> {
    /// Keeps everything, the state to the byte.
    pub fn keep() -> Self {
        Self::default()
    }

    /// Replaces the state.
    #[must_use]
    pub fn state<T: Serialize + ?Sized>(self, state: &T) -> Self {
        Self { state: Some(RawState::of(state)), ..self }
    }

    /// Replaces the state by one that is encoded already.
    #[must_use]
    pub fn raw_state(self, state: RawState) -> Self {
        Self { state: Some(Ok(state)), ..self }
    }

    /// Says whose it is from now on. Another subject makes it another session: new id, new start.
    #[must_use]
    pub fn subject(self, subject: Option<&'a str>) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// Makes it another session, with a new id and a new start: at login and at every change of
    /// privilege, so that nobody keeps an id that somebody planted. Its absolute end starts anew too: an
    /// application that does this on every request has none.
    #[must_use]
    pub fn rotate_id(self) -> Self {
        Self { rotate_id: true, ..self }
    }
}

/// Whose it will be stays out of logs, as what it holds does.
impl fmt::Debug for Renewal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal")
            .field("state", &self.state)
            .field("rotate_id", &self.rotate_id)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// Renews a verified token at the machine's time.
    ///
    /// # Errors
    ///
    /// [`RenewError`].
    pub fn renew(&self, verified: &Verified, renewal: Renewal<'_>) -> Result<Issued, RenewError> {
        self.renew_at(verified, renewal, UnixTime::now())
    }

    /// [`renew`](Self::renew) at a time of the caller's.
    ///
    /// # Errors
    ///
    /// [`RenewError`].
    pub fn renew_at(
        &self,
        verified: &Verified,
        renewal: Renewal<'_>,
        now: UnixTime,
    ) -> Result<Issued, RenewError> {
        if verified.audience() != self.shared.audience.as_str() {
            return Err(RenewError::OtherAudience);
        }
        // Once: where the ring changes meanwhile, a key that it revokes would be found good, and another seal.
        let keys = self.keys();
        let keys = still_verifies(keys.as_deref(), verified, now)?;
        let policy = keys.ring().policy();
        let state =
            renewal.state.transpose().map_err(|error| IssueError::State(error).into_renew())?;
        let subject = renewal.subject.unwrap_or(verified.subject());
        let another = renewal.rotate_id || subject != verified.subject();
        let random: [u8; 24] = draw().map_err(|error| random_error(error).into_renew())?;
        let (id, nonce) = halves(random);
        // Also where another session is begun: nothing follows one that has ended but a new one.
        let continued = continued(&verified.info, policy, now)?;
        let claims = Claims {
            subject,
            state: state.as_ref().map_or(verified.state_cbor(), RawState::as_cbor),
            ..if another { self.begun_again(id, policy, now)? } else { continued }
        };
        let state_json = verified.state_as_written().filter(|_| state.is_none());
        let (protection, binding) = (verified.protection, verified.binding());
        self.seal_claims(keys, &claims, protection, binding, state_json, nonce, now)
            .map_err(IssueError::into_renew)
    }

    /// Whether a token that this node verified should be renewed now that it is used.
    pub fn renewal_is_due(&self, verified: &Verified) -> bool {
        self.renewal_is_due_at(verified, UnixTime::now())
    }

    /// [`renewal_is_due`](Self::renewal_is_due) at a time of the caller's.
    pub fn renewal_is_due_at(&self, verified: &Verified, now: UnixTime) -> bool {
        let ring = self.shared.ring.load();
        let Some(ring) = ring.as_ref() else {
            return false;
        };
        let Some(key) = ring.key(verified.key) else {
            return false;
        };
        let rule = &self.shared.config.renewal;
        lifetime::renewal_is_due(&times(&verified.info), ring.state(key, now), rule, now)
    }

    fn begun_again(
        &self,
        id: [u8; 12],
        policy: &Policy,
        now: UnixTime,
    ) -> Result<Claims<'static>, RenewError> {
        let (expires, ends) = self.new_times(policy, None, None).map_err(IssueError::into_renew)?;
        let started = now.as_secs();
        Ok(Claims { id, started, issued: 0, expires, ends, revision: 0, subject: None, state: &[] })
    }
}

/// The claims that come after these in their session, but for whose it is and what it holds.
fn continued(
    info: &SessionInfo,
    policy: &Policy,
    now: UnixTime,
) -> Result<Claims<'static>, RenewError> {
    let renewed = lifetime::of_renewal(&times(info), policy, now);
    let (issued, expires) = renewed.ok_or(RenewError::Ended { ends_at: info.ends_at })?;
    Ok(Claims {
        id: info.id.to_bytes(),
        started: info.started_at.as_secs(),
        issued,
        expires,
        ends: info.ends_at.since(info.started_at),
        revision: info.revision.checked_add(1).ok_or(RenewError::Revisions)?,
        subject: None,
        state: &[],
    })
}

/// What was verified a while ago may have ended since, or lost its key.
fn still_verifies<'k>(
    keys: Option<&'k Apart<AudienceKeys>>,
    verified: &Verified,
    now: UnixTime,
) -> Result<&'k AudienceKeys, RenewError> {
    let refused = |reason| RenewError::Refused(Refused::under(reason, verified.key));
    let keys = keys.ok_or(refused(Reason::NoRing))?;
    keys.verifying(verified.key, now).map_err(refused)?;
    let skew = keys.ring().policy().clock_skew;
    if now >= verified.info.expires_at.saturating_add(skew) {
        return Err(refused(Reason::Expired));
    }
    Ok(keys)
}

pub(super) fn times(info: &SessionInfo) -> Times {
    Times {
        started: info.started_at.as_secs(),
        issued_at: info.issued_at.as_secs(),
        expires: info.expires_at.since(info.issued_at),
        ends_at: info.ends_at.as_secs(),
    }
}

impl IssueError {
    fn into_renew(self) -> RenewError {
        RenewError::Issue(self)
    }
}

/// A token that was not renewed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RenewError {
    /// It was verified by the tokens of another audience.
    OtherAudience,
    /// It does not verify any more.
    Refused(Refused),
    /// The session has ended; only a new one can follow.
    Ended {
        /// When it did.
        ends_at: UnixTime,
    },
    /// The session was renewed 2^32 - 1 times.
    Revisions,
    /// The renewed token could not be issued.
    Issue(IssueError),
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::OtherAudience => Cow::Borrowed("the token is another audience's"),
            Self::Refused(refused) => refused.to_string().into(),
            Self::Ended { ends_at } => format!("the session ended at {ends_at}").into(),
            Self::Revisions => "the session was renewed too often".into(),
            Self::Issue(error) => error.to_string().into(),
        })
    }
}

impl std::error::Error for RenewError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refused) => Some(refused),
            Self::Issue(error) => Some(error),
            _ => None,
        }
    }
}
