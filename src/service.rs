//! The HTTP service: issue, verify and renew for callers in any language; one endpoint a file.

mod audiences;
mod body;
mod caller;
mod connections;
mod health;
mod issue;
mod keys;
mod listen;
mod patient;
mod problem;
mod renew;
mod verify;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{HeaderName, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use saddlebag_keys::KeyRingHandle;

use crate::credential::Credentials;
use crate::tokens::{ConfigError, Tokens};
use audiences::Audiences;
use problem::Problem;

pub(crate) use listen::{Address, Bound};

/// What every request sees.
pub(crate) struct Service {
    ring: KeyRingHandle,
    credentials: Credentials,
    audiences: Audiences,
}

impl Service {
    /// A service over one ring. `tokens` are those of the default audience; callers are checked under
    /// `credential_ring`.
    pub(crate) fn new(tokens: Tokens, credential_ring: KeyRingHandle) -> Result<Self, ConfigError> {
        Ok(Self {
            ring: tokens.ring().clone(),
            credentials: Credentials::new(credential_ring)?,
            audiences: Audiences::new(tokens),
        })
    }

    /// Why no request can be answered at the moment, where that is so.
    fn unusable(&self) -> Option<String> {
        let of_callers = || self.credentials.unusable();
        self.audiences
            .usual()
            .unusable()
            .or_else(|| of_callers().map(|reason| format!("callers cannot be checked: {reason}")))
    }

    /// What callers reach.
    fn api(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/v1/sessions", post(issue::issue))
            .route("/v1/sessions/verify", post(verify::verify))
            .route("/v1/sessions/renew", post(renew::renew))
            .route("/v1/keys", get(keys::keys))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(axum::middleware::map_response(guarded))
            .with_state(Arc::clone(self))
    }

    /// What orchestrators and probes reach.
    fn admin(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .layer(axum::middleware::map_response(guarded))
            .with_state(Arc::clone(self))
    }

    /// Serves both listeners until `shutdown`, then lets what is under way finish, for `drain` at most.
    pub(crate) async fn run(
        self,
        api: Bound,
        admin: Bound,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) {
        let service = Arc::new(self);
        let (stop, stopped) = tokio::sync::watch::channel(());
        let api = tokio::spawn(connections::serve(api, service.api(), stopped.clone(), drain));
        let admin = tokio::spawn(connections::serve(admin, service.admin(), stopped, drain));
        shutdown.await;
        drop(stop);
        // Each ends by itself within `drain`; one that panicked has ended already.
        let _ = tokio::join!(api, admin);
    }
}

/// No answer of ours belongs in a cache, tokens and sessions least of all.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(NOSNIFF, HeaderValue::from_static("nosniff"));
    response
}

async fn no_such_path() -> Response {
    Problem::not_found().into_response()
}

async fn no_such_method(method: Method) -> Response {
    Problem::method_not_allowed(&method).into_response()
}

const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");
