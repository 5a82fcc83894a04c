//! Around every request of the API: the gate, the clock, the metrics, and, where they are asked for, a line
//! in the log and a trace. None of them ever holds a token, a credential, a subject or a state.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::{TraceContextExt, TraceId};
use opentelemetry::{Context, propagation::Extractor, propagation::TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use prometheus::IntGauge;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::overload::Inside;
use super::peer::Peer;
use super::problem::Problem;
use super::route::Route;
use super::{Service, guard, guard_over_tls, last_resort};

/// What a handler learns of a request, for the log.
#[derive(Clone, Default)]
pub(super) struct Story(Arc<OnceLock<String>>);

impl Story {
    /// Notes who calls.
    pub(super) fn caller(&self, name: &str) {
        // A request has one caller.
        let _ = self.0.set(name.to_owned());
    }
}

impl Service {
    /// Answers a request by `answer`, with all that goes around it. What is held goes with the answer until it is
    /// taken, which is memory, too.
    ///
    /// No layer of axum's: between one and what it is around are four boxes a request.
    pub(super) async fn observed<A: Future<Output = Response>>(
        &self,
        request: Box<Request>,
        peer: &Peer,
        answer: impl FnOnce(Route, Box<Request>) -> A,
    ) -> (Response, Option<Held>) {
        let route = Route::of(request.uri().path());
        let by_route = |request| answer(route, request);
        let (mut response, held) = self.observed_as(route, request, peer, by_route).await;
        guard(response.headers_mut());
        if self.tls.is_some() {
            guard_over_tls(response.headers_mut());
        }
        (response, held)
    }

    /// The same of a request whose answer is another's, and has its own headers.
    pub(super) async fn observed_as<A: Future<Output = Response>>(
        &self,
        route: Route,
        mut request: Box<Request>,
        peer: &Peer,
        answer: impl FnOnce(Box<Request>) -> A,
    ) -> (Response, Option<Held>) {
        let started = Instant::now();
        let telling = self.telling(&mut request, peer, route);
        let (response, held) = match self.gates.enter(route) {
            Ok(inside) => {
                let held = Held(inside, InFlight::new(&self.metrics.http.in_flight));
                let span = telling.as_ref().map_or_else(Span::none, |telling| telling.span.clone());
                // Pinned here: what is around it moves a pointer, not all of it.
                let answer = pin!(answer(request));
                (last_resort::answered(answer).instrument(span).await, Some(held))
            }
            Err(what) => {
                self.metrics.http.shed(what);
                (Problem::overloaded().into_response(), None)
            }
        };
        let (status, took) = (response.status().as_u16(), started.elapsed());
        // Where nothing was done, shedding does not look like speed.
        self.metrics.http.answered(route, status, held.as_ref().map(|_| took));
        if let Some(telling) = telling {
            telling.end(status, took.as_micros());
        }
        (response, held)
    }
}

/// What a request holds until its answer is taken.
pub(super) struct Held(
    #[expect(dead_code, reason = "held")] Inside,
    #[expect(dead_code, reason = "held")] InFlight,
);

/// Counted until it is dropped: also where the other end goes away before its answer.
pub(super) struct InFlight(IntGauge);

impl InFlight {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What the log and a trace tell of one request.
struct Telling {
    method: &'static str,
    route: &'static str,
    peer: Peer,
    story: Story,
    trace: TraceId,
    span: Span,
    logged: bool,
}

impl Service {
    /// `None` where neither a line nor a trace was asked for.
    fn telling(&self, request: &mut Request, peer: &Peer, route: Route) -> Option<Telling> {
        if !(self.request_log || self.traced) {
            return None;
        }
        let route = route.as_str();
        let story = Story::default();
        request.extensions_mut().insert(story.clone());
        let parent = TraceContextPropagator::new().extract(&Headers(request.headers()));
        let mut trace = parent.span().span_context().trace_id();
        let mut span = Span::none();
        if self.traced {
            span = self.span(request, route, parent);
            trace = span.context().span().span_context().trace_id();
        }
        Some(Telling {
            method: known(request.method()),
            route,
            peer: peer.clone(),
            story,
            trace,
            span,
            logged: self.request_log,
        })
    }

    /// A span by OpenTelemetry's conventions for HTTP servers, below that of the caller's `traceparent`.
    fn span(&self, request: &Request, route: &'static str, parent: Context) -> Span {
        let method = known(request.method());
        let span = tracing::info_span!(
            target: SPANS,
            "request",
            otel.name = format!("{method} {route}"),
            otel.kind = "server",
            otel.status_code = field::Empty,
            http.request.method = method,
            http.route = route,
            http.response.status_code = field::Empty,
            saddlebag.caller = field::Empty,
        );
        // Refused only where nobody exports.
        let _ = span.set_parent(parent);
        span
    }
}

impl Telling {
    fn end(self, status: u16, micros: u128) {
        let caller = self.story.0.get().map(String::as_str);
        self.span.record("http.response.status_code", status);
        if let Some(caller) = caller {
            self.span.record("saddlebag.caller", caller);
        }
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        if self.logged {
            let trace = (self.trace != TraceId::INVALID).then(|| field::display(self.trace));
            tracing::info!(
                target: "saddlebag::request",
                method = self.method,
                route = self.route,
                status,
                micros = u64::try_from(micros).unwrap_or(u64::MAX),
                caller,
                peer = field::display(&self.peer),
                trace,
                "answered"
            );
        }
    }
}

/// A method's name. Anybody can make one up, at any length: those are OpenTelemetry's `_OTHER`.
fn known(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("_OTHER")
}

/// Headers, as OpenTelemetry reads them.
struct Headers<'a>(&'a axum::http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

/// What spans are told apart by from lines of the log.
pub(crate) const SPANS: &str = "saddlebag::span";
