//! What the program answers about sessions and rings, the same over HTTP and on the command line.

use saddlebag_keys::{KeyRing, Policy, UnixTime};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::session::SessionInfo;
use crate::token::format;

/// A session as JSON: times as RFC 3339, `id` as base64url, the state as it is.
#[derive(Debug, Serialize)]
pub(crate) struct SessionAnswer<'a> {
    id: String,
    subject: Option<&'a str>,
    audience: &'a str,
    started_at: String,
    issued_at: String,
    expires_at: String,
    ends_at: String,
    revision: u32,
    state: Box<RawValue>,
}

impl<'a> SessionAnswer<'a> {
    /// `None` where a time is beyond the year 9999 or the state is no JSON: nobody could read it.
    pub(crate) fn new(
        info: &SessionInfo,
        audience: &'a str,
        subject: Option<&'a str>,
        state_json: String,
    ) -> Option<Self> {
        Some(Self {
            id: format::encode(&info.id.to_bytes()),
            subject,
            audience,
            started_at: info.started_at.to_rfc3339()?,
            issued_at: info.issued_at.to_rfc3339()?,
            expires_at: info.expires_at.to_rfc3339()?,
            ends_at: info.ends_at.to_rfc3339()?,
            revision: info.revision,
            state: RawValue::from_string(state_json).ok()?,
        })
    }
}

/// The answer about a token: a session, or nothing but that there is none.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyAnswer<'a> {
    pub(crate) active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionAnswer<'a>>,
}

/// A ring without its secrets.
#[derive(Debug, Serialize)]
pub(crate) struct RingAnswer {
    name: String,
    generation: u64,
    audience: Option<String>,
    policy: PolicyAnswer,
    keys: Vec<KeyAnswer>,
}

#[derive(Debug, Serialize)]
struct PolicyAnswer {
    rotate_every: u64,
    publish_ahead: u64,
    max_token_lifetime: u64,
    max_session_lifetime: u64,
    clock_skew: u64,
}

#[derive(Debug, Serialize)]
struct KeyAnswer {
    id: String,
    state: &'static str,
    created_at: String,
    activates_at: String,
    drains_until: Option<String>,
    revoked_at: Option<String>,
}

impl RingAnswer {
    /// What each key may do at `now`, in the order in which they activate.
    pub(crate) fn new(ring: &KeyRing, now: UnixTime) -> Self {
        let mut keys: Vec<_> = ring.keys().iter().collect();
        keys.sort_by_key(|key| key.activates_at());
        let keys = keys.into_iter().map(|key| KeyAnswer {
            id: key.id().to_string(),
            state: ring.state(key, now).as_str(),
            created_at: key.created_at().to_string(),
            activates_at: key.activates_at().to_string(),
            drains_until: key.drains_until().map(|time| time.to_string()),
            revoked_at: key.revoked_at().map(|time| time.to_string()),
        });
        Self {
            name: ring.name().to_owned(),
            generation: ring.generation(),
            audience: ring.scope().map(ToString::to_string),
            policy: PolicyAnswer::from(ring.policy()),
            keys: keys.collect(),
        }
    }
}

impl From<&Policy> for PolicyAnswer {
    fn from(policy: &Policy) -> Self {
        Self {
            rotate_every: policy.rotate_every,
            publish_ahead: policy.publish_ahead,
            max_token_lifetime: policy.max_token_lifetime,
            max_session_lifetime: policy.max_session_lifetime,
            clock_skew: policy.clock_skew,
        }
    }
}
