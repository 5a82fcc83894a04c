//! `GET /v1/keys`: the ring without its secrets, and how fresh this node's copy is.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::BodilessRefusals;
use super::problem::Problem;
use super::{Shared, body};
use crate::answer::{RingAnswer, digest_text, text};
use crate::credential::Role;

/// The ring in use, and how fresh it is.
#[derive(Serialize, ToSchema)]
#[schema(as = KeysAnswer)]
pub(super) struct Answer<'a> {
    #[serde(flatten)]
    ring: RingAnswer<'a>,
    /// SHA-256 of the ring's document as base64url: another content of the same generation has another.
    #[schema(min_length = 43, max_length = 43)]
    digest: String,
    /// This node's clock.
    #[serde(serialize_with = "text")]
    #[schema(value_type = String, format = DateTime)]
    now: UnixTime,
    /// Seconds since the source was last read well; `null` where nobody reads it again.
    #[schema(required)]
    age: Option<u64>,
    /// Whether this node issues: the ring is fresh enough.
    issuing: bool,
    /// Why the last refresh failed, if it did.
    #[schema(required)]
    last_error: Option<String>,
}

/// The key ring without its secrets
///
/// Ids, states and times of the keys, the policy, and how fresh this node's copy is. Takes the role `admin`.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    responses((status = 200, description = "The ring.", body = Answer), BodilessRefusals),
    security(("bearer" = []))
)]
pub(super) async fn keys(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let now = UnixTime::now();
    service.caller(&request, Role::Admin, Schemes::Bearer, now)?;
    let ring = service.ring.ring().ok_or_else(Problem::not_ready)?;
    let freshness = service.ring.freshness(now);
    let answer = Answer {
        ring: RingAnswer::of(&ring, now),
        digest: digest_text(&ring),
        now,
        age: freshness.checked_at.map(|checked_at| now.since(checked_at)),
        issuing: freshness.issuing,
        last_error: freshness.last_error,
    };
    Ok(body::answer(StatusCode::OK, &answer))
}
