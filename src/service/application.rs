//! What a listener's requests go to: the API, with what watches and bounds it, the probes, the gateway, or the sidecar's
//! service.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::front::Front;
use super::observe::Held;
use super::peer::Peer;
use super::problem::Problem;
use super::route::Route;
use super::{Service, Shared, issue, renew, verify, verify_batch};
use crate::sidecar::{Client, SidecarSettings};

/// Answers requests.
pub(crate) enum Application {
    Api(Router, Shared),
    /// Neither watched nor bounded, but in time.
    Gateway(Router, Duration),
    Probes(Router),
    Front(Box<Front>, Shared),
}

impl Application {
    pub(crate) fn api(service: &Arc<Service>) -> Self {
        Self::Api(service.api(), Arc::clone(service))
    }

    pub(super) fn gateway(service: &Arc<Service>) -> Self {
        Self::Gateway(service.gateway(), service.limits.body_within)
    }

    pub(super) fn probes(service: &Arc<Service>) -> Self {
        Self::Probes(service.admin())
    }

    pub(super) fn front(service: &Arc<Service>, settings: SidecarSettings) -> Self {
        Self::Front(Box::new(Front::new(service, settings)), Arc::clone(service))
    }

    /// Whether its answers come as they come: another's, and gRPC's, which end with trailers.
    pub(super) fn passes_on(&self) -> bool {
        matches!(self, Self::Front(..) | Self::Gateway(..))
    }

    /// What a sidecar's requests have of their connection, which may become a tunnel.
    pub(super) fn client(&self, peer: &Peer) -> Option<Client> {
        match self {
            Self::Front(_, service) => Some(Client::new(peer.address(), service.tls.is_some())),
            _ => None,
        }
    }

    /// The answer, and what its request holds until it is taken.
    pub(super) async fn answer(
        &self,
        mut request: Box<Request>,
        peer: &Peer,
    ) -> (Response, Option<Held>) {
        match self {
            Self::Api(router, service) => {
                if matches!(peer, Peer::Local { .. }) {
                    // Who may need no credential.
                    request.extensions_mut().insert(peer.clone());
                }
                let by_route = |route, request| routed(router, service, route, request);
                service.observed(request, peer, by_route).await
            }
            Self::Gateway(router, within) => {
                // Who may be believed.
                request.extensions_mut().insert(peer.clone());
                // A question over gRPC has a body.
                let answer = by_router(router, *request);
                let answer = tokio::time::timeout(*within, Box::pin(answer)).await;
                let late = |_| Problem::body_too_slow(*within).into_response();
                (answer.unwrap_or_else(late), None)
            }
            Self::Probes(router) => (by_router(router, *request).await, None),
            // In a box: the API's requests are not to have room for all that a proxy's has.
            Self::Front(front, service) => Box::pin(front.answer(service, request, peer)).await,
        }
    }

    /// The answer to somebody who is not on a connection.
    #[cfg(fuzzing)]
    pub(crate) async fn answer_alone(&self, request: Request) -> Response {
        self.answer(Box::new(request), &Peer::Local { uid: None }).await.0
    }
}

/// What is asked all the time is answered without the router, whose boxes and tables cost as much as a token.
/// It has these handlers, too, and so the contract.
async fn routed(
    router: &Router,
    service: &Shared,
    route: Route,
    request: Box<Request>,
) -> Response {
    if request.method() != Method::POST {
        return by_router(router, *request).await;
    }
    let service = State(Arc::clone(service));
    match route {
        Route::Issue => issue::issue(service, *request).await.into_response(),
        Route::Verify => verify::verify(service, *request).await.into_response(),
        Route::VerifyBatch => verify_batch::verify_batch(service, *request).await.into_response(),
        Route::Renew => renew::renew(service, *request).await.into_response(),
        _ => by_router(router, *request).await,
    }
}

async fn by_router(router: &Router, request: Request) -> Response {
    let has_body = request.method() != Method::HEAD;
    let Ok(mut response) = router.clone().oneshot(request).await;
    if has_body {
        // hyper tells it, behind all others: answers look alike, whichever way they came.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}
