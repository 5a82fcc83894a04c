//! What the program tells of sessions and rings, as JSON: the same over HTTP and on the command line.
//!
//! Times are RFC 3339, ids base64url, lifetimes whole seconds. The application's state goes through as
//! JSON text, without a value in between.

use std::borrow::Cow;
use std::fmt::Display;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use saddlebag_keys::rotation::next_due;
use saddlebag_keys::{Key, KeyRing, Policy, UnixTime, document};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::session::{SessionInfo, Verified};
use crate::token::state::{RAW_VALUE, StateError};

/// The answer to a token: its session, or that it is not active, and never why.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifyAnswer)]
#[serde(untagged)]
pub(crate) enum VerifyAnswer<'a> {
    Active(Active<'a>),
    Inactive(Inactive),
}

/// That it is a session's token, and which.
#[derive(Serialize, ToSchema)]
#[schema(as = ActiveSession)]
pub(crate) struct Active<'a> {
    /// It is a session's token.
    active: Always<true>,
    session: SessionAnswer<'a>,
}

/// That it is no session's token, and nothing more.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct Inactive {
    /// It is none.
    active: Always<false>,
}

impl<'a> VerifyAnswer<'a> {
    pub(crate) fn active(session: SessionAnswer<'a>) -> Self {
        Self::Active(Active { active: Always, session })
    }

    pub(crate) fn inactive() -> Self {
        Self::Inactive(Inactive::default())
    }
}

/// A boolean that is always the same, by which programs tell one shape from another.
#[derive(Clone, Copy, Default)]
pub(crate) struct Always<const VALUE: bool>;

impl<const VALUE: bool> Serialize for Always<VALUE> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.serialize_bool(VALUE)
    }
}

impl<const VALUE: bool> ToSchema for Always<VALUE> {
    fn name() -> Cow<'static, str> {
        if VALUE { "True" } else { "False" }.into()
    }
}

impl<const VALUE: bool> PartialSchema for Always<VALUE> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).into()
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionAnswer<'a> {
    /// The same through every renewal: base64url of 12 random bytes.
    #[schema(min_length = 16, max_length = 16)]
    id: String,
    /// Whose it is, where somebody is.
    #[schema(required)]
    subject: Option<&'a str>,
    /// Who its token is for.
    audience: &'a str,
    /// When it began.
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    started_at: UnixTime,
    /// When this token was issued.
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    issued_at: UnixTime,
    /// When this token ends, unless it is renewed.
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: UnixTime,
    /// When the session ends, renewed or not.
    #[serde(serialize_with = "time")]
    #[schema(value_type = String, format = DateTime)]
    ends_at: UnixTime,
    /// How often it was renewed.
    revision: u32,
    /// The application's own data.
    #[schema(value_type = AnyJson)]
    state: &'a JsonText,
}

impl<'a> SessionAnswer<'a> {
    pub(crate) fn new(
        info: &SessionInfo,
        audience: &'a str,
        subject: Option<&'a str>,
        state: &'a JsonText,
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
    pub(crate) fn of(verified: &'a Verified, state: &'a JsonText) -> Self {
        Self::new(verified.info(), verified.audience(), verified.subject(), state)
    }
}

/// The state of a verified token as JSON. Whoever hands state out treats a token without one as invalid.
///
/// # Errors
///
/// [`StateError`] where the state breaks a rule of the format.
pub(crate) fn state_of(verified: &Verified) -> Result<JsonText, StateError> {
    verified.state_json().map(JsonText)
}

/// JSON text of our own making, which stands in an answer as it is. serde_json's own type for that, `RawValue`,
/// reads all of it again first, which takes as long as to open a token.
pub(crate) struct JsonText(pub(crate) String);

impl JsonText {
    pub(crate) fn get(&self) -> &str {
        &self.0
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        as_it_is(&self.0, output)
    }
}

/// As `RawValue` tells serde_json's serializer.
fn as_it_is<S: Serializer>(json: &str, output: S) -> Result<S::Ok, S::Error> {
    let mut told = output.serialize_struct(RAW_VALUE, 1)?;
    told.serialize_field(RAW_VALUE, json)?;
    told.end()
}

/// Serializes a time in the form of RFC 3339: of its characters JSON escapes none.
fn time<S: Serializer>(time: &UnixTime, output: S) -> Result<S::Ok, S::Error> {
    let mut quoted = *b"\"0000-00-00T00:00:00Z\"";
    let inside = quoted.get_mut(1..21).zip(time.rfc3339());
    let known = inside.map(|(inside, shown)| inside.copy_from_slice(&shown));
    match (known, str::from_utf8(&quoted)) {
        (Some(()), Ok(json)) => as_it_is(json, output),
        // An issuer that has the ring and another policy may write a later one. RFC 3339 has four digits for the year.
        _ => as_it_is("\"9999-12-31T23:59:59Z\"", output),
    }
}

/// A ring without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(as = Ring)]
pub(crate) struct RingAnswer<'a> {
    name: &'a str,
    /// Its version, which only grows.
    generation: u64,
    /// Whose it is alone, where it is scoped.
    #[schema(required)]
    audience: Option<&'a str>,
    policy: PolicyAnswer,
    /// The key that signs.
    #[schema(required)]
    active: Option<String>,
    /// The key that will be next.
    #[schema(required)]
    standby: Option<String>,
    /// When `rotate` has something to do; not after now where it has already.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyAnswer {
    id: String,
    /// What it may do now.
    #[schema(pattern = "^(staged|active|draining|retired|revoked)$")]
    state: &'static str,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    created_at: UnixTime,
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    activates_at: UnixTime,
    #[serde(serialize_with = "text_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    drains_until: Option<UnixTime>,
    #[serde(serialize_with = "text_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
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
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
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

/// Any JSON, under the rules of the token's format: a state, as the contract describes it.
pub(crate) struct AnyJson;

impl ToSchema for AnyJson {}

impl PartialSchema for AnyJson {
    fn schema() -> RefOr<Schema> {
        let told =
            "Any JSON: 32 levels deep at most, integers from -2^63 to 2^64-1, no name twice.";
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(told)).into()
    }
}

/// By which two copies of a ring are known to be the same.
pub(crate) fn digest_text(ring: &KeyRing) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(document::digest(ring))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is serde_json's own affair.
    #[test]
    fn json_text_stands_in_an_answer_as_it_is() {
        for text in ["null", r#"{"a":[1,"\u0001",2.50]}"#] {
            let raw = serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
            let ours = serde_json::to_string(&[JsonText(text.to_owned())]).unwrap();
            assert_eq!(ours, format!("[{text}]"));
            assert_eq!(ours, serde_json::to_string(&[raw]).unwrap());
        }
    }

    #[test]
    fn a_time_is_told_as_text() {
        #[derive(Serialize)]
        struct Told(#[serde(serialize_with = "time")] UnixTime);

        let last: u64 = 253_402_300_799;
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_244_400, "2026-11-21T07:00:00Z"),
            (last, "9999-12-31T23:59:59Z"),
            // It was told as `@` and seconds, which is no `date-time`.
            (last + 1, "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            let told = serde_json::to_string(&Told(UnixTime::from_secs(seconds))).unwrap();
            assert_eq!(told, format!("\"{shown}\""));
        }
    }
}
