//! The sidecar's listener: what watches and bounds its requests, and the words for what it refuses.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::Response;

use super::Service;
use super::metrics::SidecarMetrics;
use super::observe::Held;
use super::peer::Peer;
use super::problem::Problem;
use super::route::Route;
use crate::sidecar::{Refusal, Sidecar, SidecarSettings};

/// A sidecar behind a listener.
pub(crate) struct Front {
    sidecar: Sidecar,
    metrics: Option<SidecarMetrics>,
}

impl Front {
    pub(super) fn new(service: &Arc<Service>, settings: SidecarSettings) -> Self {
        let counting = Arc::clone(service);
        let tokens = service.audiences.usual().clone();
        let sidecar = Sidecar::new(settings, tokens, move |event| counting.count(event));
        Self { sidecar, metrics: service.metrics.sidecar.clone() }
    }

    pub(super) async fn answer(
        &self,
        service: &Service,
        request: Box<Request>,
        peer: &Peer,
    ) -> (Response, Option<Held>) {
        let pass = async |request: Box<Request>| {
            let answer = self.sidecar.answer(*request).await;
            if let Some(metrics) = &self.metrics {
                metrics.answered(answer.extensions().get(), answer.extensions().get());
            }
            worded(answer)
        };
        service.observed_as(Route::Other, request, peer, pass).await
    }
}

/// What the sidecar refuses, told as everything else that is refused here.
fn worded(answer: Response) -> Response {
    let Some(refusal) = answer.extensions().get::<Refusal>() else {
        return answer;
    };
    let problem = Problem::of_sidecar(refusal).to_json();
    let (mut parts, _) = answer.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, problem.into())
}
