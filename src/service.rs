//! The HTTP service: sessions for callers in any language; one endpoint a file.
//!
//! A connection (`connections`, `tls`, `listen`) carries requests; around each is what watches and bounds it
//! (`observe`, `overload`, `metrics`, by `route`), in it a caller (`caller`, `peer`), a body (`body`) and an audience's
//! tokens (`audiences`). What is refused is a `problem`; what is promised, the `contract`.

mod application;
mod audiences;
mod body;
mod caller;
mod clock;
mod connections;
mod contract;
mod docs;
mod front;
mod gateway;
mod health;
mod introspect;
mod issue;
mod jwks;
mod keys;
mod last_resort;
mod limits;
mod listen;
mod metrics;
mod observe;
mod overload;
mod peer;
mod problem;
mod renew;
mod route;
mod tls;
mod verify;
mod verify_batch;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use saddlebag_keys::KeyRingHandle;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::credential::{Caller, Credentials};
use crate::sidecar::SidecarSettings;
use crate::tokens::{ConfigError, Tokens};
use audiences::Audiences;
use connections::{Room, Seats, Serving, Wanted};
use metrics::{CallerRefused, Metrics};
use overload::Gates;
use problem::Problem;

pub(crate) use application::Application;
pub(crate) use clock::clock_complaint;
pub(crate) use gateway::{GatewaySettings, Original};
pub(crate) use limits::Limits;
pub(crate) use listen::{Address, Bound, Handed};
pub(crate) use metrics::{Rotation, RotationMetrics};
pub(crate) use observe::SPANS;
pub(crate) use peer::LocalUser;
pub(crate) use tls::{Tls, TlsFiles};

/// What every request sees.
pub(crate) struct Service {
    ring: KeyRingHandle,
    /// Where callers are checked under another ring.
    credential_ring: Option<KeyRingHandle>,
    /// `None` where local users alone may call.
    credentials: Option<Credentials>,
    audiences: Audiences,
    local_users: Vec<LocalUser>,
    limits: Limits,
    gates: Gates,
    metrics: Metrics,
    gateway: Option<GatewaySettings>,
    sidecar: Option<SidecarSettings>,
    /// Of the API's listener, the probes', the gateway's and the sidecar's.
    seats: [Arc<Seats>; 4],
    tls: Option<Arc<Tls>>,
    request_log: bool,
    traced: bool,
}

type Shared = Arc<Service>;

/// Why there is no service.
#[derive(Debug)]
pub(crate) enum CannotServe {
    /// No caller can be checked with this ring.
    Callers(ConfigError),
    /// Two metrics have one name: a bug.
    Metrics(prometheus::Error),
}

/// How a service is run, apart from its keys.
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) local_users: Vec<LocalUser>,
    pub(crate) tls: Option<Arc<Tls>>,
    /// Forward-auth, on a listener of its own.
    pub(crate) gateway: Option<GatewaySettings>,
    /// A proxy beside a service, on a listener of its own, which has the TLS then. Its API is for local users alone:
    /// a ring of one audience is enough.
    pub(crate) sidecar: Option<SidecarSettings>,
    /// A line a request.
    pub(crate) request_log: bool,
    /// A span a request.
    pub(crate) traced: bool,
    /// This node rotates its ring, and counts that.
    pub(crate) rotates: bool,
}

impl Service {
    /// A service over one ring. `tokens` are those of the default audience; callers are checked under
    /// `credential_ring`, or else under the same one.
    pub(crate) fn new(
        tokens: Tokens,
        credential_ring: Option<KeyRingHandle>,
        settings: Settings,
    ) -> Result<Self, CannotServe> {
        let Settings { limits, local_users, tls, gateway, sidecar, request_log, traced, rotates } =
            settings;
        let ring = tokens.ring().clone();
        // A sidecar's API is for local users alone.
        let room = Room::of_this_process(Wanted {
            connections: limits.connections,
            outer: u64::from(gateway.is_some()).saturating_add(1),
            inner: if sidecar.is_some() { 2 } else { 1 },
            upstream: if sidecar.is_some() { limits.requests } else { 0 },
        });
        let outer = || Seats::new(room.outer, limits.connections_per_peer);
        // Probes must find a seat, whoever else is let near them.
        let quarter = room.inner.div_ceil(4);
        let admin = Seats::new(room.inner, limits.connections_per_peer.min(quarter));
        let api = match sidecar {
            Some(_) => Seats::new(room.inner, limits.connections_per_peer),
            None => outer(),
        };
        let credentials = || Credentials::new(credential_ring.as_ref().unwrap_or(&ring).clone());
        let credentials = sidecar.is_none().then(credentials).transpose();
        Ok(Self {
            credentials: credentials.map_err(CannotServe::Callers)?,
            ring,
            credential_ring,
            audiences: Audiences::new(tokens),
            local_users,
            limits,
            gates: Gates::new(limits.requests),
            metrics: Metrics::new(tls.is_some(), rotates, gateway.is_some(), sidecar.is_some())
                .map_err(CannotServe::Metrics)?,
            gateway,
            sidecar,
            seats: [api, admin, outer(), outer()],
            tls,
            request_log,
            traced,
        })
    }

    /// Where rotations are counted, if this node makes any.
    pub(crate) fn rotations(&self) -> Option<Arc<RotationMetrics>> {
        self.metrics.rotation.clone()
    }

    /// Why no request can be answered at the moment, where that is so.
    fn unusable(&self) -> Option<String> {
        let of_callers = || self.credentials.as_ref().and_then(Credentials::unusable);
        self.audiences
            .usual()
            .unusable()
            .or_else(|| of_callers().map(|reason| format!("callers cannot be checked: {reason}")))
    }

    /// The tokens of the audience that a caller named, or of the default one, if the caller may use it.
    fn tokens(
        &self,
        audience: Option<&str>,
        caller: &Caller,
        binding: Option<&str>,
    ) -> Result<Tokens, Problem> {
        let tokens = self.audiences.of(audience, caller)?;
        if !caller.may_use(tokens.audience()) {
            self.metrics.tokens.caller_refused(CallerRefused::Audience);
            return Err(Problem::audience_not_allowed(tokens.audience()));
        }
        audiences::bound(tokens, binding)
    }

    /// What callers reach. A path is here, and so in the contract, or nowhere.
    fn api_routes() -> OpenApiRouter<Shared> {
        OpenApiRouter::with_openapi(contract::Api::openapi())
            .routes(routes!(issue::issue))
            .routes(routes!(verify::verify))
            .routes(routes!(verify_batch::verify_batch))
            .routes(routes!(renew::renew))
            .routes(routes!(introspect::introspect))
            .routes(routes!(keys::keys))
            .routes(routes!(jwks::jwks))
            .routes(routes!(contract::openapi))
            .routes(routes!(docs::page))
            .routes(routes!(docs::file))
    }

    /// What orchestrators, probes and Prometheus reach.
    fn admin_routes() -> OpenApiRouter<Shared> {
        OpenApiRouter::with_openapi(contract::Admin::openapi())
            .routes(routes!(health::healthz))
            .routes(routes!(health::readyz))
            .routes(routes!(metrics::metrics))
    }

    fn api(self: &Arc<Self>) -> Router {
        let routes: Router<Shared> = Self::api_routes().into();
        routes
            .fallback(no_such_path)
            .method_not_allowed_fallback(no_such_method)
            .with_state(Arc::clone(self))
    }

    fn admin(self: &Arc<Self>) -> Router {
        let routes: Router<Shared> = Self::admin_routes().into();
        routes
            .fallback(no_such_probe)
            .method_not_allowed_fallback(no_such_method)
            .layer(axum::middleware::map_response(guarded))
            .with_state(Arc::clone(self))
    }

    /// Serves its listeners until `shutdown`, then lets what is under way finish, for `drain` at most.
    pub(crate) async fn run(
        self,
        listeners: Listeners,
        shutdown: impl Future<Output = ()>,
        drain: Duration,
    ) {
        let service = Arc::new(self);
        let (stop, stopped) = tokio::sync::watch::channel(());
        let Listeners { api, admin, gateway, front } = listeners;
        let [api_seats, admin_seats, gateway_seats, front_seats] = service.seats.clone();
        let [api_metrics, admin_metrics, gateway_metrics, front_metrics] =
            service.metrics.listeners.clone();
        let serve = |bound, application, seats, tls, metrics| {
            let serving = Serving { application, tls, limits: service.limits, seats, metrics };
            tokio::spawn(connections::serve(bound, serving, stopped.clone(), drain))
        };
        let fresh = service.tls.clone().map(|tls| tokio::spawn(tls.keep_fresh()));
        let application = Application::probes(&service);
        let mut serving = vec![serve(admin, application, admin_seats, None, admin_metrics)];
        if let Some(api) = api {
            let tls = service.tls.clone().filter(|_| service.sidecar.is_none());
            serving.push(serve(api, Application::api(&service), api_seats, tls, api_metrics));
        }
        if let Some(gateway) = gateway {
            let application = Application::gateway(&service);
            serving.push(serve(gateway, application, gateway_seats, None, gateway_metrics));
        }
        if let Some((front, settings)) = front.zip(service.sidecar.clone()) {
            let application = Application::front(&service, settings);
            serving.push(serve(
                front,
                application,
                front_seats,
                service.tls.clone(),
                front_metrics,
            ));
        }
        shutdown.await;
        drop(stop);
        for served in serving {
            // Each ends by itself within `drain`; one that panicked has ended already.
            let _ = served.await;
        }
        if let Some(fresh) = fresh {
            fresh.abort();
        }
    }
}

/// Where a service is reached.
pub(crate) struct Listeners {
    pub(crate) api: Option<Bound>,
    pub(crate) admin: Bound,
    pub(crate) gateway: Option<Bound>,
    pub(crate) front: Option<Bound>,
}

/// Behind a router, whose answers proxies may hand to browsers, which follow them.
async fn guarded(mut response: Response) -> Response {
    guard(response.headers_mut());
    response.headers_mut().insert(REFERRER_POLICY, docs::NO_REFERRER);
    response
}

/// No answer of ours belongs in a cache, unless it says so itself; tokens and sessions least of all.
fn guard(headers: &mut HeaderMap) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Browsers come back over TLS alone (RFC 6797).
fn guard_over_tls(headers: &mut HeaderMap) {
    let year = HeaderValue::from_static("max-age=31536000");
    headers.insert(STRICT_TRANSPORT_SECURITY, year);
}

async fn no_such_path(uri: Uri) -> Response {
    if uri.path() == "/docs/" {
        return docs::without_slash();
    }
    Problem::not_found().into_response()
}

async fn no_such_probe() -> Response {
    Problem::not_found().into_response()
}

async fn no_such_method(method: Method) -> Response {
    Problem::method_not_allowed(&method).into_response()
}
