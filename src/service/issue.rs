//! `POST /v1/sessions`: begins a session.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::problem::Problem;
use super::{Service, body};
use crate::answer::{self, SessionAnswer};
use crate::credential::Role;
use crate::session::RawState;
use crate::token::format::Protection;
use crate::tokens::NewSession;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow, default)]
    audience: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    state: Option<&'a RawValue>,
    #[serde(default)]
    lifetime: Option<u64>,
    #[serde(default)]
    session_lifetime: Option<u64>,
    #[serde(default)]
    protection: Option<AskedProtection>,
    #[serde(borrow, default)]
    binding: Option<Cow<'a, str>>,
}

/// Read by hand: serde would also take an object with the name for its one member.
#[derive(Clone, Copy)]
enum AskedProtection {
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
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) token: &'a str,
    pub(super) session: SessionAnswer<'a>,
}

pub(super) async fn issue(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let now = UnixTime::now();
    let caller = service.caller(request.headers(), Role::Issue, now)?;
    let text = body::read(request).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.audiences.of(asked.audience.as_deref(), &caller, binding)?;

    let state = asked.state.map_or_else(|| Ok(RawState::none()), body::state)?;
    let shown = state.to_json().and_then(answer::shown);
    let shown = shown.map_err(|error| Problem::internal(&error))?;
    let mut session = NewSession::raw(state);
    if let Some(subject) = asked.subject.as_deref() {
        session = session.subject(subject);
    }
    if let Some(seconds) = asked.lifetime {
        session = session.lifetime(seconds);
    }
    if let Some(seconds) = asked.session_lifetime {
        session = session.session_lifetime(seconds);
    }
    if let Some(protection) = asked.protection {
        session = session.protection(protection.into());
    }
    let issued = tokens.issue_at(session, UnixTime::now())?;
    let audience = tokens.audience().as_str();
    let session = SessionAnswer::new(&issued.info, audience, asked.subject.as_deref(), &shown);
    Ok(body::answer(StatusCode::CREATED, &Answer { token: &issued.token, session }))
}
