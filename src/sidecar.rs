//! The reverse proxy beside one service: a token becomes headers of the request, headers of the answer become the next
//! token.
//!
//! ```text
//!   client ── session layer ── proxy ── end to end ── upload ──▶ upstream ──▶ the service
//!                   ▲            │                                                │
//!                   └── returned ┴──────── download ◀── end to end ◀──────────────┘
//! ```
//!
//! `proxy` is one request's way; `end_to_end` what of a head goes on to the other side; `returned` what a service says of
//! a session; `upload` and `download` are bodies with their bounds, `tunnel` what is no HTTP any more, and `progress` how long
//! since anything moved.

mod download;
mod end_to_end;
mod progress;
mod proxy;
mod refusal;
mod returned;
mod tunnel;
mod upload;
mod upstream;

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::carrier::{Carrier, Cookie};
use crate::gateway::{Believed, Rules};
use crate::middleware::{NoForms, SessionEvent, SessionLayer, SessionService};
use crate::session::RawState;
use crate::tokens::Tokens;
use proxy::Proxy;

pub(crate) use end_to_end::Client;
pub(crate) use proxy::Passed;
pub(crate) use refusal::Refusal;
pub(crate) use tunnel::TunnelSlot;
pub(crate) use upstream::Upstream;

/// How a sidecar is run.
#[derive(Clone, Debug)]
pub(crate) struct SidecarSettings {
    pub(crate) upstream: Upstream,
    pub(crate) rules: Rules,
    pub(crate) cookie: Cookie,
    /// Bearer tokens are taken, too, and before cookies.
    pub(crate) bearer: bool,
    /// Whose `X-Forwarded-…` are believed.
    pub(crate) believed: Vec<Believed>,
    pub(crate) bounds: Bounds,
}

/// What one request may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of a request's body.
    pub(crate) body_bytes: u64,
    /// How long a body may give nothing; and, from then on, how long each 256 bytes of it may take.
    pub(crate) body_within: Duration,
    /// How long a connection to the service may take.
    pub(crate) connect_within: Duration,
    /// How long the service may do nothing before its answer begins.
    pub(crate) answer_within: Duration,
    /// How long an answer that has begun, or a tunnel, may be silent.
    pub(crate) silent_for: Duration,
    /// Connections to the service that are kept for the next request, and for how long.
    pub(crate) idle_connections: usize,
    pub(crate) idle_for: Duration,
    /// Bytes of an answer's head.
    pub(crate) head_bytes: u32,
}

/// A sidecar, ready for requests.
pub(crate) struct Sidecar {
    service: SessionService<Proxy, RawState, NoForms>,
}

impl Sidecar {
    pub(crate) fn new(
        settings: SidecarSettings,
        tokens: Tokens,
        events: impl Fn(SessionEvent) + Send + Sync + 'static,
    ) -> Self {
        let carriers = settings.bearer.then(Carrier::bearer).into_iter();
        let carriers = carriers.chain([settings.cookie.clone().into()]);
        let layer = SessionLayer::<RawState>::new(tokens).carriers(carriers).on_event(events);
        Self { service: layer.layer(Proxy::new(settings)) }
    }

    /// The answer to a request, whose client is in its extensions; what is refused says why in its own.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.service.clone().call(request).await;
        if response.extensions().get::<Passed>().is_none()
            && response.status() == StatusCode::INTERNAL_SERVER_ERROR
        {
            // Of the layer: the session that the service wants fits no token or no cookie.
            return Refusal::NotCarried.into_response();
        }
        response
    }
}
