//! `GET /healthz` and `/readyz` of the admin listener.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Shared, body, clock_complaint};

/// That the process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// `ok`.
    status: &'static str,
}

/// Whether the process answers: nothing else is claimed
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "probes",
    responses((status = 200, description = "It does.", body = Alive))
)]
pub(super) async fn healthz() -> Response {
    body::answer(StatusCode::OK, &Alive { status: "ok" })
}

/// Whether this node verifies and issues, and what is wrong where it does not.
#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    /// It verifies, for callers it can check.
    ready: bool,
    /// It issues.
    issuing: bool,
    /// The ring's version in use.
    #[schema(required)]
    generation: Option<u64>,
    /// Seconds since the ring's source was last read well.
    #[schema(required)]
    age: Option<u64>,
    /// What is wrong, where something is.
    reasons: Vec<String>,
}

/// Whether this node is ready
///
/// Ready is who verifies, for callers it can check: a node whose source is down keeps its last good ring,
/// and says so in `issuing` and `reasons`.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "probes",
    responses(
        (status = 200, description = "It is ready.", body = Readiness),
        (status = 503, description = "It is not.", body = Readiness)
    )
)]
pub(super) async fn readyz(State(service): State<Shared>) -> Response {
    let now = UnixTime::now();
    let freshness = service.ring.freshness(now);
    let mut reasons: Vec<String> = service.unusable().into_iter().collect();
    let ready = reasons.is_empty();
    if ready && !freshness.issuing {
        reasons.push("the key ring is stale: nothing is issued".to_owned());
    }
    reasons.extend(freshness.last_error);
    if let Some(ring) = &*service.ring.load() {
        reasons.extend(clock_complaint(ring, now));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let readiness = Readiness {
        ready,
        issuing: ready && freshness.issuing,
        generation: freshness.generation,
        age: freshness.checked_at.map(|checked_at| now.since(checked_at)),
        reasons,
    };
    body::answer(status, &readiness)
}
