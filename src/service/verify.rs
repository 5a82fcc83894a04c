//! `POST /v1/sessions/verify`: says whether a token is a session's, and which.

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Deserialize;
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::{self, Refusals};
use super::metrics::Verdict;
use super::problem::Problem;
use super::{Service, Shared, body, limits};
use crate::answer::{self, JsonText, SessionAnswer, VerifyAnswer};
use crate::credential::Role;
use crate::session::Verified;
use crate::token::reason::Reason;
use crate::tokens::{Refused, Tokens};

/// The token to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyRequest)]
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
}

/// Verifies a token
///
/// One that is not valid, for whatever reason, is `{"active": false}` and nothing more. Takes the role
/// `verify`.
#[utoipa::path(
    post,
    path = "/v1/sessions/verify",
    tag = "sessions",
    request_body(content = Asked, example = json!({"token": contract::TOKEN})),
    responses((status = 200, description = "The session, or that there is none.", body = VerifyAnswer), Refusals),
    security(("bearer" = []))
)]
pub(super) async fn verify(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(&request, Role::Verify, Schemes::Bearer, UnixTime::now())?;
    let text = body::read(request, limits::BODY, service.limits.body_within).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.tokens(asked.audience.as_deref(), &caller, binding)?;
    let opened = service.opened(&tokens, &asked.token, UnixTime::now())?;
    let session = opened.as_ref().map(|(verified, state)| SessionAnswer::of(verified, state));
    Ok(session.map_or_else(inactive, |session| {
        body::answer(StatusCode::OK, &VerifyAnswer::active(session))
    }))
}

impl Service {
    /// A verified token and its state; or `None`, with its story in the log. State that does not decode
    /// makes a token invalid for whoever is handed it.
    pub(super) fn opened(
        &self,
        tokens: &Tokens,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<(Verified, JsonText)>, Problem> {
        let Some(verified) = self.verified(tokens, token, now)? else {
            return Ok(None);
        };
        let state = answer::state_of(&verified).ok();
        self.metrics.tokens.verified(state.as_ref().map_or(Verdict::BadState, |_| Verdict::Active));
        Ok(state.map(|state| (verified, state)))
    }

    /// A verified token, which is not counted yet; or `None`, which is.
    pub(super) fn verified(
        &self,
        tokens: &Tokens,
        token: &str,
        now: UnixTime,
    ) -> Result<Option<Verified>, Problem> {
        match tokens.verify_at(token, now) {
            Ok(verified) => Ok(Some(verified)),
            Err(refused) if refused.reason() == Reason::NoRing => Err(Problem::not_ready()),
            Err(refused) => {
                tell(&refused);
                self.metrics.tokens.verified(Verdict::Refused(refused.reason()));
                Ok(None)
            }
        }
    }
}

/// A refused token's story: key and reason, for operators who look at this level.
pub(super) fn tell(refused: &Refused) {
    tracing::debug!(
        reason = refused.reason().code(),
        key = refused.key_id().map(tracing::field::display),
        "token refused"
    );
}

/// The one negative answer, the same for every cause.
pub(super) fn inactive() -> Response {
    body::answer(StatusCode::OK, &VerifyAnswer::inactive())
}
