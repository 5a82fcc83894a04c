//! What the program tells of sessions and rings, as JSON: the same over HTTP and on the command line.
//!
//! Times are RFC 3339, ids base64url, lifetimes whole seconds. The application's state goes through as
//! JSON text, without a value in between.

use std::fmt::Display;

use saddlebag_keys::rotation::next_due;
use saddlebag_keys::{Key, KeyRing, Policy, UnixTime};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::session::{SessionInfo, Verified};
use crate::token::state::{StateError, StateErrorKind};

/// The answer to a token: its session, or that it is not active, and never why.
#[derive(Serialize)]
pub(crate) struct VerifyAnswer<'a> {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionAnswer<'a>>,
}

impl<'a> VerifyAnswer<'a> {
    pub(crate) fn active(session: SessionAnswer<'a>) -> Self {
        Self { active: true, session: Some(session) }
    }

    pub(crate) fn inactive() -> Self {
        Self { active: false, session: None }
    }
}

/// A session.
#[derive(Serialize)]
pub(crate) struct SessionAnswer<'a> {
    id: String,
    subject: Option<&'a str>,
    audience: &'a str,
    #[serde(serialize_with = "text")]
    started_at: UnixTime,
    #[serde(serialize_with = "text")]
    issued_at: UnixTime,
    #[serde(serialize_with = "text")]
    expires_at: UnixTime,
    #[serde(serialize_with = "text")]
    ends_at: UnixTime,
    revision: u32,
    state: &'a RawValue,
}

impl<'a> SessionAnswer<'a> {
    pub(crate) fn new(
        info: &SessionInfo,
        audience: &'a str,
        subject: Option<&'a str>,
        state: &'a RawValue,
    ) -> Self {
        Self {
            id: info.id.to_string(),
            subject,
            audience,
            started_at: info.started_at,
            issued_at: info.issued_at,
            expires_at: info.expires_at,
            ends_at: info.ends_at,
            revision: info.revision,
            state,
        }
    }

    /// The session of a verified token, next to its state from [`state_of`].
    pub(crate) fn of(verified: &'a Verified, state: &'a RawValue) -> Self {
        Self::new(verified.info(), verified.audience().as_str(), verified.subject(), state)
    }
}

/// The state of a verified token as JSON. Whoever hands state out treats a token without one as invalid.
///
/// # Errors
///
/// [`StateError`] where the state breaks a rule of the format.
pub(crate) fn state_of(verified: &Verified) -> Result<Box<RawValue>, StateError> {
    shown(verified.state_json()?)
}

/// JSON text of our own making, ready to stand in an answer.
///
/// # Errors
///
/// [`StateError`] where it is none.
pub(crate) fn shown(json: String) -> Result<Box<RawValue>, StateError> {
    RawValue::from_string(json).map_err(|_| StateErrorKind::Json.into())
}

/// A ring without its secrets.
#[derive(Serialize)]
pub(crate) struct RingAnswer<'a> {
    name: &'a str,
    generation: u64,
    audience: Option<&'a str>,
    policy: PolicyAnswer,
    /// The key that signs.
    active: Option<String>,
    /// The key that will be next.
    standby: Option<String>,
    /// When `rotate` has something to do; not after now where it has already.
    #[serde(serialize_with = "text")]
    next_rotation: UnixTime,
    keys: Vec<KeyAnswer>,
}

impl<'a> RingAnswer<'a> {
    pub(crate) fn of(ring: &'a KeyRing, now: UnixTime) -> Self {
        Self {
            name: ring.name(),
            generation: ring.generation(),
            audience: ring.scope().map(saddlebag_keys::Audience::as_str),
            policy: PolicyAnswer::of(ring.policy()),
            active: ring.active(now).map(|key| key.id().to_string()),
            standby: ring.standby(now).map(|key| key.id().to_string()),
            next_rotation: next_due(ring, now),
            keys: ring.keys().iter().map(|key| KeyAnswer::of(ring, key, now)).collect(),
        }
    }
}

/// A key without its secret.
#[derive(Serialize)]
pub(crate) struct KeyAnswer {
    id: String,
    state: &'static str,
    #[serde(serialize_with = "text")]
    created_at: UnixTime,
    #[serde(serialize_with = "text")]
    activates_at: UnixTime,
    #[serde(serialize_with = "text_or_null")]
    drains_until: Option<UnixTime>,
    #[serde(serialize_with = "text_or_null")]
    revoked_at: Option<UnixTime>,
}

impl KeyAnswer {
    fn of(ring: &KeyRing, key: &Key, now: UnixTime) -> Self {
        Self {
            id: key.id().to_string(),
            state: ring.state(key, now).as_str(),
            created_at: key.created_at(),
            activates_at: key.activates_at(),
            drains_until: key.drains_until(),
            revoked_at: key.revoked_at(),
        }
    }
}

/// A policy, in seconds.
#[derive(Serialize)]
pub(crate) struct PolicyAnswer {
    rotate_every: u64,
    publish_ahead: u64,
    max_token_lifetime: u64,
    max_session_lifetime: u64,
    clock_skew: u64,
}

impl PolicyAnswer {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            rotate_every: policy.rotate_every,
            publish_ahead: policy.publish_ahead,
            max_token_lifetime: policy.max_token_lifetime,
            max_session_lifetime: policy.max_session_lifetime,
            clock_skew: policy.clock_skew,
        }
    }
}

/// Serializes what prints as text.
pub(crate) fn text<S: Serializer>(value: &impl Display, output: S) -> Result<S::Ok, S::Error> {
    output.collect_str(value)
}

/// Serializes what prints as text, where it is there.
pub(crate) fn text_or_null<S: Serializer>(
    value: &Option<impl Display>,
    output: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => output.collect_str(value),
        None => output.serialize_none(),
    }
}
