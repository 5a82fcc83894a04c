//! `POST /v1/sessions/renew`: another token for the same session, or for the one a login makes of it.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::{self, Refusals};
use super::issue::Answer;
use super::metrics::{Made, Verdict};
use super::problem::Problem;
use super::verify::{inactive, tell};
use super::{Shared, body, limits};
use crate::answer::{self, AnyJson, Inactive, JsonText, SessionAnswer};
use crate::credential::Role;
use crate::tokens::{RenewError, Renewal, check_subject};

/// The token to follow, and what changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RenewRequest)]
pub(super) struct Asked<'a> {
    /// The token.
    #[serde(borrow)]
    token: Cow<'a, str>,
    /// Who it must be for; the service's own where it is absent.
    #[serde(borrow, default)]
    #[schema(value_type = Option<contract::AudienceName>)]
    audience: Option<Cow<'a, str>>,
    /// What both sides know and the token does not carry: base64url of at most 1,024 bytes.
    #[serde(borrow, default)]
    #[schema(value_type = Option<contract::Binding>)]
    binding: Option<Cow<'a, str>>,
    /// Another state; absent keeps what was, `null` sets null.
    #[serde(borrow, default, deserialize_with = "body::present")]
    #[schema(value_type = AnyJson, required = false)]
    state: Option<&'a RawValue>,
    /// Another subject, which makes it another session; absent keeps who it was, `null` is nobody. The
    /// state goes along unless another is given: right for a visitor who logs in, not for the next user.
    #[serde(borrow, default, deserialize_with = "body::present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 255, required = false)]
    subject: Option<Option<Cow<'a, str>>>,
    /// Makes it another session, with a new id and a new start: for logins. Another subject does so anyway.
    #[serde(default)]
    rotate_id: bool,
}

/// Renews a token
///
/// The same session under a new token, or, with another subject or `rotate_id`, another session. A token
/// that is not valid, or whose session is at its end, is `{"active": false}`. Takes the role `issue`.
#[utoipa::path(
    post,
    path = "/v1/sessions/renew",
    tag = "sessions",
    request_body(content = Asked, example = json!({
        "token": contract::TOKEN,
        "state": {"cart": ["apples"], "locale": "de-CH"}
    })),
    responses(
        (status = 200, description = "The next token and its session, or that there is none.", body = RenewAnswer),
        Refusals
    ),
    security(("bearer" = []))
)]
pub(super) async fn renew(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(&request, Role::Issue, Schemes::Bearer, UnixTime::now())?;
    let text = body::read(request, limits::BODY, service.limits.body_within).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.tokens(asked.audience.as_deref(), &caller, binding)?;
    let state = asked.state.map(body::state).transpose()?;
    // What is wrong with a request does not depend on its token.
    check_subject(asked.subject.as_ref().and_then(Option::as_deref))?;

    let now = UnixTime::now();
    let Some(verified) = service.verified(&tokens, &asked.token, now)? else {
        return Ok(inactive());
    };
    // What verification calls no session is none to renew either, whatever would replace its state.
    let shown = answer::state_of(&verified).and_then(|old| match &state {
        Some(state) => state.to_json().map(JsonText),
        None => Ok(old),
    });
    let Ok(shown) = shown else {
        service.metrics.tokens.verified(Verdict::BadState);
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
        Err(RenewError::Issue(error)) => {
            service.metrics.tokens.verified(Verdict::Active);
            service.metrics.tokens.not_made(&error);
            return Err(error.into());
        }
        Err(error) => {
            if let RenewError::Refused(refused) = &error {
                tell(refused);
            }
            service.metrics.tokens.verified(Verdict::NotRenewable);
            return Ok(inactive());
        }
    };
    service.metrics.tokens.verified(Verdict::Active);
    service.metrics.tokens.made(Made::Renewed, verified.protection(), &issued.token);
    let subject = match &asked.subject {
        Some(subject) => subject.as_deref(),
        None => verified.subject(),
    };
    let audience = tokens.audience().as_str();
    let session = SessionAnswer::new(&issued.info, audience, subject, &shown);
    Ok(body::answer(StatusCode::OK, &Answer { token: &issued.token, session }))
}

/// Either of two shapes.
#[derive(Serialize, ToSchema)]
#[schema(as = RenewAnswer)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the contract")]
pub(super) enum RenewAnswer<'a> {
    Renewed(Answer<'a>),
    Inactive(Inactive),
}
