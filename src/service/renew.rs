//! `POST /v1/sessions/renew`: another token for the same session, or for the one a login makes of it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::issue::Answer;
use super::problem::Problem;
use super::verify::{inactive, tell, verified};
use super::{Service, body};
use crate::answer::{self, SessionAnswer};
use crate::credential::Role;
use crate::tokens::{RenewError, Renewal};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default)]
    audience: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    binding: Option<Cow<'a, str>>,
    /// Absent keeps what was; `null` sets null.
    #[serde(borrow, default, deserialize_with = "body::present")]
    state: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "body::present")]
    subject: Option<Option<Cow<'a, str>>>,
    #[serde(default)]
    rotate_id: bool,
}

pub(super) async fn renew(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(request.headers(), Role::Issue, UnixTime::now())?;
    let text = body::read(request).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.audiences.of(asked.audience.as_deref(), &caller, binding)?;
    let state = asked.state.map(body::state).transpose()?;

    let now = UnixTime::now();
    let Some(verified) = verified(&tokens, &asked.token, now)? else {
        return Ok(inactive());
    };
    let shown = match &state {
        Some(state) => state.to_json().and_then(answer::shown),
        None => answer::state_of(&verified),
    };
    let Ok(shown) = shown else {
        return Ok(inactive());
    };
    let mut renewal = Renewal::keep();
    if let Some(state) = state {
        renewal = renewal.raw_state(state);
    }
    if let Some(subject) = &asked.subject {
        renewal = renewal.subject(subject.as_deref());
    }
    if asked.rotate_id {
        renewal = renewal.rotate_id();
    }
    let issued = match tokens.renew_at(&verified, renewal, now) {
        Ok(issued) => issued,
        Err(RenewError::Issue(error)) => return Err(error.into()),
        Err(error) => {
            if let RenewError::Refused(refused) = &error {
                tell(refused);
            }
            return Ok(inactive());
        }
    };
    let subject = match &asked.subject {
        Some(subject) => subject.as_deref(),
        None => verified.subject(),
    };
    let audience = tokens.audience().as_str();
    let session = SessionAnswer::new(&issued.info, audience, subject, &shown);
    Ok(body::answer(StatusCode::OK, &Answer { token: &issued.token, session }))
}
