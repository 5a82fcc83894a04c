//! `POST /v1/sessions/verify`: says whether a token is a session's, and which.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Deserialize;

use super::problem::Problem;
use super::{Service, body};
use crate::answer::{self, SessionAnswer, VerifyAnswer};
use crate::credential::Role;
use crate::session::Verified;
use crate::token::reason::Reason;
use crate::tokens::{Refused, Tokens};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow, default)]
    audience: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    binding: Option<Cow<'a, str>>,
}

pub(super) async fn verify(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(request.headers(), Role::Verify, UnixTime::now())?;
    let text = body::read(request).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let binding = asked.binding.as_deref();
    let tokens = service.audiences.of(asked.audience.as_deref(), &caller, binding)?;
    match verified(&tokens, &asked.token, UnixTime::now())? {
        // State that does not decode makes the token invalid for whoever is handed it.
        Some(verified) => Ok(answer::state_of(&verified).map_or_else(
            |_| inactive(),
            |state| {
                let session = SessionAnswer::of(&verified, &state);
                body::answer(StatusCode::OK, &VerifyAnswer::active(session))
            },
        )),
        None => Ok(inactive()),
    }
}

/// The verified token, or `None` with its story in the log.
pub(super) fn verified(
    tokens: &Tokens,
    token: &str,
    now: UnixTime,
) -> Result<Option<Verified>, Problem> {
    match tokens.verify_at(token, now) {
        Ok(verified) => Ok(Some(verified)),
        Err(refused) if refused.reason() == Reason::NoRing => Err(Problem::not_ready()),
        Err(refused) => {
            tell(&refused);
            Ok(None)
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
