//! The gateway listener: forward-auth, for proxies that ask whether a request may pass and as whom.
//!
//! `ANY /v1/authorize`, and every path below it, since Envoy appends the original one; and Envoy's own question over gRPC.

mod grpc;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use super::metrics::{GatewayMetrics, Passed};
use super::peer::Peer;
use super::problem::Problem;
use super::{Service, guarded};
use crate::carrier::{Carrier, Cookie};
use crate::gateway::{Believed, Need, Rules, identity, unauthenticated};
use crate::middleware::{RawSession, SessionEvent, SessionLayer};

/// How the gateway is run.
#[derive(Clone, Debug)]
pub(crate) struct GatewaySettings {
    pub(crate) rules: Rules,
    /// How a proxy tells which request it asks about; `None`: it does not, and there are no rules that need it.
    pub(crate) original: Option<Original>,
    /// Whose word is taken for that.
    pub(crate) believed: Vec<Believed>,
    /// Services are told the state, too.
    pub(crate) with_state: bool,
    /// Browsers are sent to the login by 302 instead of by a 401 with `Location`.
    pub(crate) redirect: bool,
    pub(crate) cookie: Cookie,
    /// Bearer tokens are taken, too, and before cookies.
    pub(crate) bearer: bool,
}

/// Where a proxy says which request it asks about: one convention, so that a client cannot speak by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Original {
    /// `X-Forwarded-Method` and `X-Forwarded-Uri`: Traefik, Caddy.
    Forwarded,
    /// `X-Original-Method` and `X-Original-Uri`: nginx and HAProxy, as `deploy/` configures them.
    Named,
    /// The request's own method, and its path behind `/v1/authorize`: Envoy.
    Path,
}

/// Whose sessions the gateway's layer has.
struct Behind;

struct Gateway {
    settings: GatewaySettings,
    metrics: Arc<GatewayMetrics>,
}

impl Service {
    pub(super) fn gateway(self: &Arc<Self>) -> Router {
        let (Some(settings), Some(metrics)) = (&self.gateway, &self.metrics.gateway) else {
            return Router::new();
        };
        // Envoy tells the request in the question itself.
        let of_envoy = GatewaySettings { original: Some(Original::Path), ..settings.clone() };
        let grpc = grpc::server(self.authorizing(of_envoy, metrics));
        self.authorizing(settings.clone(), metrics)
            .route_service(grpc::CHECK, grpc)
            .fallback(async || Problem::not_found().into_response())
            .layer(axum::middleware::map_response(guarded))
    }

    /// The routes that decide, with the session of what they decide on.
    fn authorizing(
        self: &Arc<Self>,
        settings: GatewaySettings,
        metrics: &Arc<GatewayMetrics>,
    ) -> Router {
        let carriers = settings.bearer.then(Carrier::bearer).into_iter();
        let carriers = carriers.chain([settings.cookie.clone().into()]);
        let service = Arc::clone(self);
        let layer = SessionLayer::<Behind>::new(self.audiences.usual().clone())
            .carriers(carriers)
            .on_event(move |event| service.count(event));
        let gateway = Gateway { settings, metrics: Arc::clone(metrics) };
        Router::new()
            .route(PATH, any(authorize))
            .route(SLASH, any(authorize))
            .route(BELOW, any(authorize))
            .layer(layer)
            .with_state(Arc::new(gateway))
    }

    pub(super) fn count(&self, event: SessionEvent) {
        match event {
            SessionEvent::Verified => self.metrics.tokens.verified(super::metrics::Verdict::Active),
            SessionEvent::Refused(reason) => {
                self.metrics.tokens.verified(super::metrics::Verdict::Refused(reason));
            }
            _ => {}
        }
    }
}

async fn authorize(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (answer, passed) = gateway.answer(&request);
    gateway.metrics.passed(passed);
    answer
}

impl Gateway {
    fn answer(&self, request: &Request) -> (Response, Passed) {
        let need = match self.need(request) {
            Ok(need) => need,
            Err(why) => {
                tracing::debug!(%why, "a request was refused at the gateway");
                return (StatusCode::FORBIDDEN.into_response(), why.passed());
            }
        };
        let session = match need {
            Need::Public => None,
            _ => RawSession::<Behind>::from_extensions(request.extensions()).ok(),
        };
        let mut headers = HeaderMap::new();
        let session = session.filter(|session| {
            // A state that cannot be shown is no session's.
            identity::write(Some(session), self.settings.with_state, &mut headers).is_ok()
        });
        match (need, session) {
            (Need::Required { role: Some(role) }, Some(session))
                if !self.settings.rules.has_role(&session, role) =>
            {
                (StatusCode::FORBIDDEN.into_response(), Passed::Forbidden)
            }
            (_, Some(_)) => ((StatusCode::OK, headers).into_response(), Passed::Known),
            (Need::Required { .. }, None) => {
                let Self { settings: GatewaySettings { rules, bearer, redirect, .. }, .. } = self;
                let answer = unauthenticated(rules, request.headers(), *bearer, *redirect);
                (answer.into_response(), Passed::Unauthenticated)
            }
            (Need::Public | Need::Optional, None) => {
                let mut headers = HeaderMap::new();
                // Nothing to show cannot fail.
                let _ = identity::write(None, false, &mut headers);
                ((StatusCode::OK, headers).into_response(), Passed::Anonymous)
            }
        }
    }

    fn need(&self, request: &Request) -> Result<Need<'_>, Refusal> {
        let rules = &self.settings.rules;
        if !rules.look_at_targets() {
            return Ok(rules.default_need());
        }
        if !self.is_believed(request.extensions().get()) {
            return Err(Refusal::Unbelieved);
        }
        let (method, target) = self.original(request).ok_or(Refusal::Untold)?;
        rules.need(&method, &target).map_err(|_| Refusal::Ambiguous)
    }

    fn is_believed(&self, peer: Option<&Peer>) -> bool {
        peer.is_some_and(|peer| {
            self.settings.believed.iter().any(|believed| believed.is(peer.address()))
        })
    }

    /// Method and target of the request that the proxy asks about.
    fn original(&self, request: &Request) -> Option<(Method, String)> {
        let told = |[method, target]: [&HeaderName; 2]| {
            let method = one(request.headers(), method)?.parse().ok()?;
            Some((method, one(request.headers(), target)?.to_owned()))
        };
        match self.settings.original? {
            Original::Forwarded => told([&FORWARDED_METHOD, &FORWARDED_URI]),
            Original::Named => told([&ORIGINAL_METHOD, &ORIGINAL_URI]),
            Original::Path => {
                let target = request.uri().path_and_query()?.as_str().strip_prefix(PATH)?;
                let target = if target.starts_with('/') { target } else { "/" };
                Some((request.method().clone(), target.to_owned()))
            }
        }
    }
}

/// Why a request is refused whoever sent it.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Unbelieved,
    Untold,
    Ambiguous,
}

impl Refusal {
    fn passed(self) -> Passed {
        match self {
            Self::Unbelieved | Self::Untold => Passed::Unbelieved,
            Self::Ambiguous => Passed::Ambiguous,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unbelieved => "its proxy is none of --gateway-trust",
            Self::Untold => "its proxy does not tell what --gateway-original says",
            Self::Ambiguous => "its path can be read in two ways",
        })
    }
}

/// The value of a header that is there once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()
}

const PATH: &str = "/v1/authorize";
const SLASH: &str = "/v1/authorize/";
const BELOW: &str = "/v1/authorize/{*original}";
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
const ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
