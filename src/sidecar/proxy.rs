//! One request's way to the service and back, with its session.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{
    CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Extensions, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::{Client as Connections, Error};
use tower_service::Service;

use super::SidecarSettings;
use super::download::Download;
use super::end_to_end::{self, Client};
use super::refusal::Refusal;
use super::returned::{self, Came, Returned};
use super::tunnel::{self, TunnelSlot};
use super::upload::Upload;
use super::upstream::Connector;
use crate::carrier::{Carrier, Found};
use crate::gateway::{Need, identity, unauthenticated};
use crate::middleware::RawSession;
use crate::session::RawState;

/// What is inside the session layer.
#[derive(Clone)]
pub(super) struct Proxy(Arc<Shared>);

/// What all requests have.
struct Shared {
    settings: SidecarSettings,
    service: Connections<Connector, Upload>,
}

/// In the extensions of every answer that is not the layer's own: who got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// The service answered somebody.
    Known,
    /// It answered nobody.
    Anonymous,
    /// The sidecar answered.
    Refused,
}

impl Proxy {
    pub(super) fn new(settings: SidecarSettings) -> Self {
        let service = settings.upstream.client(&settings.bounds);
        Self(Arc::new(Shared { settings, service }))
    }
}

impl Shared {
    async fn answer(&self, parts: Box<Parts>, body: Body) -> Response<Body> {
        match self.pass(parts, body).await {
            Ok(answer) => answer,
            Err(Refused(refusal, headers)) => {
                let mut answer = refusal.into_response();
                answer.headers_mut().extend(headers);
                answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                answer.extensions_mut().insert(Passed::Refused);
                answer
            }
        }
    }

    async fn pass(&self, mut parts: Box<Parts>, body: Body) -> Result<Response<Body>, Refused> {
        let settings = &self.settings;
        let mut extensions = std::mem::take(&mut parts.extensions);
        let client: Option<Client> = extensions.remove();
        // A tunnel ends where its connection waits for it.
        let websocket = client.is_some() && end_to_end::wants_websocket(&parts);
        let client = client.unwrap_or_else(|| Client::new(None, false));
        let (target, host) = checked(&parts)?;
        let need = self.need(&parts.method, target.as_str())?;
        let came = Came {
            as_bearer: self.came_as_bearer(&parts, &extensions),
            untold: need == Need::Public,
        };
        end_to_end::of_request(&mut parts.headers, &client, host.as_ref(), &settings.believed);
        end_to_end::hide_token(&mut parts.headers, &settings.cookie, came.as_bearer);
        let passed = self.tell(need, &extensions, &mut parts.headers)?;
        if websocket {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        let on_upgrade = extensions.remove::<OnUpgrade>().filter(|_| websocket);
        parts.uri = settings.upstream.uri(target).ok_or(Refusal::BadRequest("its path is none"))?;
        if settings.upstream.speaks_http2() {
            // It says whose it is by its authority.
            parts.version = Version::HTTP_2;
            parts.headers.remove(HOST);
        } else {
            parts.version = Version::HTTP_11;
            if host.is_none() {
                // HTTP/1.0 need not say.
                parts.headers.insert(HOST, settings.upstream.host());
            }
            if !body.is_end_stream() && body.size_hint().exact().is_none() {
                // hyper takes a GET for one without a body unless it is told.
                parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let answer = self.ask(parts, body).await?;
        let mut answer = self.received(answer, on_upgrade, came, &extensions, &client.tunnel)?;
        answer.extensions_mut().insert(passed);
        Ok(answer)
    }

    fn need(&self, method: &Method, target: &str) -> Result<Need<'_>, Refusal> {
        let rules = &self.settings.rules;
        if !rules.look_at_targets() {
            return Ok(rules.default_need());
        }
        rules.need(method, target).map_err(|_| Refusal::Ambiguous)
    }

    /// Whether the session is that of a bearer token. The layer looks there first, and what is there decides; what is no
    /// session is the service's own.
    fn came_as_bearer(&self, parts: &Parts, extensions: &Extensions) -> bool {
        let found = || Carrier::bearer().read(&parts.headers, &parts.uri, None);
        self.settings.bearer
            && !matches!(found(), Found::Nothing)
            && RawSession::<RawState>::from_extensions(extensions).is_ok()
    }

    /// Sets what the service is told of the session, where the request may pass.
    fn tell(
        &self,
        need: Need<'_>,
        extensions: &Extensions,
        headers: &mut HeaderMap,
    ) -> Result<Passed, Refused> {
        let rules = &self.settings.rules;
        let session = match need {
            Need::Public => None,
            _ => RawSession::<RawState>::from_extensions(extensions).ok(),
        };
        // A state that cannot be shown is no session's.
        let session =
            session.filter(|session| identity::write(Some(session), true, headers).is_ok());
        match (need, &session) {
            (Need::Required { role: Some(role) }, Some(session))
                if !rules.has_role(session, role) =>
            {
                Err(Refusal::Forbidden.into())
            }
            (_, Some(_)) => Ok(Passed::Known),
            (Need::Required { .. }, None) => {
                let (status, headers) = unauthenticated(rules, headers, self.settings.bearer, true);
                let refusal = match status {
                    StatusCode::FOUND => Refusal::SentToLogin,
                    _ => Refusal::Unauthenticated,
                };
                Err(Refused(refusal, headers))
            }
            (Need::Public | Need::Optional, None) => {
                // Nothing to show cannot fail.
                let _ = identity::write(None, false, headers);
                Ok(Passed::Anonymous)
            }
        }
    }

    /// The service's answer. What is safe is asked once more where the connection broke: the service may have closed one
    /// that was kept for too long just as it was taken (RFC 9110, section 9.2.2).
    async fn ask(&self, parts: Box<Parts>, body: Body) -> Result<Response<Incoming>, Refused> {
        let again = (parts.method.is_safe() && body.is_end_stream()).then(|| parts.clone());
        match (self.ask_once(parts, body).await, again) {
            (Err(Refused(Refusal::Broken, _)), Some(parts)) => {
                self.ask_once(parts, Body::empty()).await
            }
            (answered, _) => answered,
        }
    }

    async fn ask_once(&self, parts: Box<Parts>, body: Body) -> Result<Response<Incoming>, Refused> {
        let bounds = &self.settings.bounds;
        let (upload, progress) = Upload::new(body, bounds);
        let answer = self.service.request(Request::from_parts(*parts, upload));
        let answered = tokio::select! {
            biased;
            answered = answer => answered,
            () = progress.silent_for(bounds.answer_within) => return Err(Refusal::TimedOut.into()),
        };
        answered.map_err(|error| {
            let refusal = progress.fault().unwrap_or_else(|| of_error(&error));
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                code = refusal.code(),
                "the service did not answer"
            );
            refusal.into()
        })
    }

    /// What came of it, without what is the sidecar's own.
    fn received(
        &self,
        answer: Response<Incoming>,
        on_upgrade: Option<OnUpgrade>,
        came: Came,
        extensions: &Extensions,
        slot: &TunnelSlot,
    ) -> Result<Response<Body>, Refused> {
        let settings = &self.settings;
        let (mut answer, tunnel) = match (answer.status(), on_upgrade) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(client)) => {
                let mut answer = answer;
                let service = hyper::upgrade::on(&mut answer);
                (answer, Some(tunnel::between(client, service, settings.bounds.silent_for)))
            }
            (StatusCode::SWITCHING_PROTOCOLS, None) => return Err(Refusal::Broken.into()),
            _ => (answer, None),
        };
        let status = answer.status();
        let headers = answer.headers_mut();
        end_to_end::of_answer(headers).inspect_err(|_| {
            tracing::warn!("the service answered with another transfer coding than chunked");
        })?;
        returned::stop_cookies(headers, &settings.cookie);
        let returned = Returned::take(headers);
        returned.and_then(|returned| returned.apply(status, came, extensions)).inspect_err(
            |refusal| {
                tracing::error!(detail = ?refusal, "the service answered what makes no sense of its session");
            },
        )?;
        let (mut parts, body) = answer.into_parts();
        // What a connection is to the client is no matter of the service's.
        parts.version = Version::HTTP_11;
        parts.extensions = Extensions::new();
        if let Some(tunnel) = tunnel {
            slot.put(tunnel);
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            return Ok(Response::from_parts(parts, Body::empty()));
        }
        let body = Body::new(Download::new(body, settings.bounds.silent_for));
        Ok(Response::from_parts(parts, body))
    }
}

/// A refusal, and what its answer has besides.
struct Refused(Refusal, HeaderMap);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal, HeaderMap::new())
    }
}

/// Target and host of a request that has one of each.
fn checked(parts: &Parts) -> Result<(http::uri::PathAndQuery, Option<HeaderValue>), Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::BadRequest("it asks for a proxy, and this is none for other hosts"));
    }
    let target = parts.uri.path_and_query().filter(|target| target.as_str().starts_with('/'));
    let target = target.ok_or(Refusal::BadRequest("its target is no path"))?;
    Ok((target.clone(), end_to_end::host(parts)?))
}

/// Whose fault it is that the service did not answer.
fn of_error(error: &Error) -> Refusal {
    let source = |error: &Error| {
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            if let Some(found) = inner.downcast_ref::<io::Error>() {
                return Some(found.kind());
            }
            source = inner.source();
        }
        None
    };
    match (error.is_connect(), source(error)) {
        (true, Some(io::ErrorKind::TimedOut)) => Refusal::TimedOut,
        (true, _) => Refusal::Unreachable,
        (false, _) => Refusal::Broken,
    }
}

impl Service<Request<Body>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let proxy = self.clone();
        let (parts, body) = request.into_parts();
        // In a box: each future that they go through has room for them twice.
        let parts = Box::new(parts);
        Box::pin(async move { Ok(proxy.0.answer(parts, body).await) })
    }
}
