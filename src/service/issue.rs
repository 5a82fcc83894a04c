//! `POST /v1/sessions`: begins a session.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::{self, Refusals};
use super::metrics::Made;
use super::problem::Problem;
use super::{Shared, body, limits};
use crate::answer::{AnyJson, JsonText, SessionAnswer};
use crate::credential::Role;
use crate::session::RawState;
use crate::token::format::Protection;
use crate::tokens::NewSession;

/// The session that is to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IssueRequest)]
pub(super) struct Asked<'a> {
    /// Who the token is for; the service's own where it is absent.
    #[serde(borrow, default)]
    #[schema(value_type = Option<contract::AudienceName>)]
    audience: Option<Cow<'a, str>>,
    /// Whose session it is: at most 255 bytes of UTF-8.
    #[serde(borrow, default)]
    #[schema(min_length = 1, max_length = 255)]
    subject: Option<Cow<'a, str>>,
    /// The application's own data.
    #[serde(borrow, default)]
    #[schema(value_type = AnyJson)]
    state: Option<&'a RawValue>,
    /// Seconds until the token ends, unless it is renewed; at most the policy's `max_token_lifetime`.
    #[serde(default, deserialize_with = "body::whole")]
    #[schema(minimum = 1, maximum = 3_155_760_000_u64)]
    lifetime: Option<u64>,
    /// Seconds until the session ends, renewed or not; at most the policy's `max_session_lifetime`.
    #[serde(default, deserialize_with = "body::whole")]
    #[schema(minimum = 1, maximum = 3_155_760_000_u64)]
    session_lifetime: Option<u64>,
    /// `sealed` where it is absent: nobody without the key can read or change the token.
    #[serde(default)]
    protection: Option<AskedProtection>,
    /// What both sides know and the token does not carry: base64url of at most 1,024 bytes.
    #[serde(borrow, default)]
    #[schema(value_type = Option<contract::Binding>)]
    binding: Option<Cow<'a, str>>,
}

/// Who can read a token: anybody (`signed`, `jwt`), or nobody without the key (`sealed`).
// Read by hand: serde would also take an object with the name for its one member.
#[derive(Clone, Copy, ToSchema)]
#[schema(as = Protection, rename_all = "lowercase")]
pub(super) enum AskedProtection {
    Signed,
    Sealed,
    Jwt,
}

impl<'de> Deserialize<'de> for AskedProtection {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        match &*Cow::<str>::deserialize(input)? {
            "signed" => Ok(Self::Signed),
            "sealed" => Ok(Self::Sealed),
            "jwt" => Ok(Self::Jwt),
            other => Err(D::Error::unknown_variant(other, &["signed", "sealed", "jwt"])),
        }
    }
}

impl From<AskedProtection> for Protection {
    fn from(asked: AskedProtection) -> Self {
        match asked {
            AskedProtection::Signed => Self::Signed,
            AskedProtection::Sealed => Self::Sealed,
            AskedProtection::Jwt => Self::Jwt,
        }
    }
}

/// A token that was made, and its session.
#[derive(Serialize, ToSchema)]
#[schema(as = IssueAnswer)]
pub(super) struct Answer<'a> {
    /// The token: text for a header, a cookie or a body.
    #[schema(pattern = "^[A-Za-z0-9_.-]+$", max_length = 4_000)]
    pub(super) token: &'a str,
    pub(super) session: SessionAnswer<'a>,
}

/// Begins a session
///
/// The token carries the whole session; nothing is kept here. Takes the role `issue`.
#[utoipa::path(
    post,
    path = "/v1/sessions",
    tag = "sessions",
    request_body(content = Asked, example = json!({
        "subject": "alice",
        "state": {"cart": ["apples", "pears"], "locale": "de-CH"},
        "lifetime": 900,
        "session_lifetime": 86_400,
        "protection": "sealed"
    })),
    responses((status = 201, description = "The token and its session.", body = Answer), Refusals),
    security(("bearer" = []))
)]
pub(super) async fn issue(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(&request, Role::Issue, Schemes::Bearer, UnixTime::now())?;
    let text = body::read(request, limits::BODY, service.limits.body_within).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.tokens(asked.audience.as_deref(), &caller, binding)?;

    let state = asked.state.map_or_else(|| Ok(RawState::none()), body::state)?;
    let shown = state.to_json().map(JsonText).map_err(|error| Problem::internal(&error))?;
    let protection = asked.protection.map_or(Protection::Sealed, Protection::from);
    let mut session = NewSession::raw(state).protection(protection);
    if let Some(subject) = asked.subject.as_deref() {
        session = session.subject(subject);
    }
    if let Some(seconds) = asked.lifetime {
        session = session.lifetime(seconds);
    }
    if let Some(seconds) = asked.session_lifetime {
        session = session.session_lifetime(seconds);
    }
    let issued = tokens.issue_at(session, UnixTime::now());
    let issued = issued.inspect_err(|error| service.metrics.tokens.not_made(error))?;
    service.metrics.tokens.made(Made::Issued, protection, &issued.token);
    let audience = tokens.audience().as_str();
    let session = SessionAnswer::new(&issued.info, audience, asked.subject.as_deref(), &shown);
    Ok(body::answer(StatusCode::CREATED, &Answer { token: &issued.token, session }))
}
