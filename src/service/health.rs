//! `GET /healthz` and `/readyz` of the admin listener.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::Serialize;

use super::{Service, body};

/// The process answers: nothing else is claimed.
pub(super) async fn healthz() -> Response {
    #[derive(Serialize)]
    struct Alive {
        status: &'static str,
    }
    body::answer(StatusCode::OK, &Alive { status: "ok" })
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    issuing: bool,
    generation: Option<u64>,
    /// Seconds since the ring's source was last read well.
    age: Option<u64>,
    /// What is wrong, where something is.
    reasons: Vec<String>,
}

/// Ready is who verifies, for callers it can check: a node whose source is down keeps its last good ring,
/// and says so.
pub(super) async fn readyz(State(service): State<Arc<Service>>) -> Response {
    let now = UnixTime::now();
    let freshness = service.ring.freshness(now);
    let mut reasons: Vec<String> = service.unusable().into_iter().collect();
    let ready = reasons.is_empty();
    if ready && !freshness.issuing {
        reasons.push("the key ring is stale: nothing is issued".to_owned());
    }
    reasons.extend(freshness.last_error);
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
