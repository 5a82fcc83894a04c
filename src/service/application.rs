//! What a listener's requests go to: the API, with what watches and bounds it, the probes, or the gateway.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::observe::Held;
use super::peer::Peer;
use super::route::Route;
use super::{Service, Shared, issue, renew, verify, verify_batch};

/// Answers requests.
pub(crate) struct Application {
    router: Router,
    /// Of the API: the others are neither watched nor bounded.
    api: Option<Shared>,
}

impl Application {
    pub(crate) fn api(service: &Arc<Service>) -> Self {
        Self { router: service.api(), api: Some(Arc::clone(service)) }
    }

    pub(super) fn gateway(service: &Arc<Service>) -> Self {
        Self { router: service.gateway(), api: None }
    }

    pub(super) fn probes(service: &Arc<Service>) -> Self {
        Self { router: service.admin(), api: None }
    }

    /// The answer, and what its request holds until it is taken.
    pub(super) async fn answer(
        &self,
        mut request: Request,
        peer: &Peer,
    ) -> (Response, Option<Held>) {
        if matches!(peer, Peer::Local { .. }) || self.api.is_none() {
            // Who may need no credential, or is believed.
            request.extensions_mut().insert(peer.clone());
        }
        match &self.api {
            Some(service) => {
                let by_route = |route, request| self.routed(service, route, request);
                service.observed(request, peer, by_route).await
            }
            None => (self.by_router(request).await, None),
        }
    }

    /// The answer to somebody who is not on a connection.
    #[cfg(fuzzing)]
    pub(crate) async fn answer_alone(&self, request: Request) -> Response {
        self.answer(request, &Peer::Local { uid: None }).await.0
    }

    /// What is asked all the time is answered without the router, whose boxes and tables cost as much as a token.
    /// It has these handlers, too, and so the contract.
    async fn routed(&self, service: &Shared, route: Route, request: Request) -> Response {
        if request.method() != Method::POST {
            return self.by_router(request).await;
        }
        let service = State(Arc::clone(service));
        match route {
            Route::Issue => issue::issue(service, request).await.into_response(),
            Route::Verify => verify::verify(service, request).await.into_response(),
            Route::VerifyBatch => {
                verify_batch::verify_batch(service, request).await.into_response()
            }
            Route::Renew => renew::renew(service, request).await.into_response(),
            _ => self.by_router(request).await,
        }
    }

    async fn by_router(&self, request: Request) -> Response {
        let has_body = request.method() != Method::HEAD;
        let Ok(mut response) = self.router.clone().oneshot(request).await;
        if has_body {
            // hyper tells it, behind all others: answers look alike, whichever way they came.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        response
    }
}
