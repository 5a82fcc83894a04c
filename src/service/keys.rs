//! `GET /v1/keys`: the ring without its secrets, and how fresh this node's copy is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Serialize;

use super::problem::Problem;
use super::{Service, body};
use crate::answer::RingAnswer;
use crate::credential::Role;

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    ring: RingAnswer<'a>,
    /// Seconds since the source was last read well; `null` where nobody reads it again.
    age: Option<u64>,
    issuing: bool,
    /// Why the last refresh failed, if it did.
    last_error: Option<String>,
}

pub(super) async fn keys(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = UnixTime::now();
    service.caller(&headers, Role::Admin, now)?;
    let ring = service.ring.ring().ok_or_else(Problem::not_ready)?;
    let freshness = service.ring.freshness(now);
    let answer = Answer {
        ring: RingAnswer::of(&ring, now),
        age: freshness.checked_at.map(|checked_at| now.since(checked_at)),
        issuing: freshness.issuing,
        last_error: freshness.last_error,
    };
    Ok(body::answer(StatusCode::OK, &answer))
}
