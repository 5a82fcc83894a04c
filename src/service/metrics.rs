//! What is counted, for Prometheus. Labels come from closed sets alone, and every series is there from
//! the start: nobody who sends requests can make another one.

mod ring;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};
use saddlebag_keys::UnixTime;

use super::Service;
use super::connections::Full;
use super::problem::Problem;
use super::tls::NoHandshake;
use crate::token::format::Protection;
use crate::token::reason::Reason;
use crate::tokens::IssueError;
use ring::RingMetrics;

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    issued: Vec<IntCounter>,
    renewed: Vec<IntCounter>,
    not_issued: Vec<IntCounter>,
    active: IntCounter,
    refused: Vec<IntCounter>,
    sizes: Vec<Histogram>,
    callers_refused: Vec<IntCounter>,
    callers_ending: IntCounter,
    requests: Vec<Vec<IntCounter>>,
    durations: Vec<Histogram>,
    pub(super) in_flight: IntGauge,
    shed: Vec<IntCounter>,
    listeners: [(ConnectionMetrics, IntGauge, IntGauge); 2],
    ready: IntGauge,
    certificate: Option<IntGauge>,
    rings: RingMetrics,
    measuring: Mutex<()>,
}

/// What became of a token.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    Active,
    Refused(Reason),
    /// Authentic, with a state that does not decode.
    BadState,
    /// Good, and at its end: nothing may follow it.
    NotRenewable,
}

/// Why a caller was not served.
#[derive(Clone, Copy)]
pub(super) enum CallerRefused {
    NoCredential,
    Credential(Reason),
    Role,
    Audience,
}

/// Issued anew, or renewed.
#[derive(Clone, Copy)]
pub(super) enum Made {
    Issued,
    Renewed,
}

/// What there was too much of.
#[derive(Clone, Copy)]
pub(super) enum Shed {
    Requests,
    Batches,
}

impl Metrics {
    /// Fails only where two metrics have one name.
    pub(super) fn new(tls: bool) -> Result<Self, Error> {
        let registry = Registry::new();
        let family = Families(&registry);
        let reasons = Reason::ALL.map(Reason::code);
        let refused: Vec<_> =
            reasons.into_iter().filter(|code| *code != Reason::NoRing.code()).collect();
        let verified = family.counters_of_two(
            "saddlebag_tokens_verified_total",
            "Tokens looked at, by what became of them and why they were refused.",
        )?;
        let outcome = |outcome, reason| verified.with_label_values(&[outcome, reason]);
        let callers = ["missing", "role", "audience"].into_iter().chain(reasons);
        let version = family.gauges("saddlebag_build_info", "1, with the version.", "version")?;
        version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self {
            issued: family.counters(
                "saddlebag_tokens_issued_total",
                "Sessions begun, by the protection of their token.",
                "protection",
                PROTECTIONS,
            )?,
            renewed: family.counters(
                "saddlebag_tokens_renewed_total",
                "Tokens renewed, by their protection.",
                "protection",
                PROTECTIONS,
            )?,
            not_issued: family.counters(
                "saddlebag_tokens_not_issued_total",
                "Tokens that were asked for and not made, by the reason.",
                "reason",
                NOT_ISSUED,
            )?,
            active: outcome("active", "none"),
            // In the order of `Reason::ALL`, then what only this service refuses.
            refused: refused
                .into_iter()
                .chain(["bad_state", "not_renewable"])
                .map(|reason| outcome("refused", reason))
                .collect(),
            sizes: family.histograms(
                "saddlebag_token_size_bytes",
                "Lengths of the tokens made; a character is a byte.",
                "operation",
                ["issue", "renew"],
                &TOKEN_SIZES,
            )?,
            callers_refused: family.counters(
                "saddlebag_callers_refused_total",
                "Requests refused for who sent them: no credential, a bad one, a role or an audience that it lacks.",
                "reason",
                callers,
            )?,
            callers_ending: family.register(IntCounter::new(
                "saddlebag_callers_ending_total",
                "Requests whose caller's credential ends within 3 days.",
            ))?,
            requests: family.requests()?,
            durations: family.histograms(
                "saddlebag_http_request_duration_seconds",
                "From a request's head to its answer, body included.",
                "route",
                ROUTES,
                &DURATIONS,
            )?,
            in_flight: family.gauge(
                "saddlebag_http_requests_in_flight",
                "Requests under way.",
            )?,
            shed: family.counters(
                "saddlebag_http_requests_shed_total",
                "Requests answered 503 overloaded, by what there was too much of.",
                "reason",
                ["requests", "batches"],
            )?,
            listeners: family.listeners()?,
            ready: family.gauge("saddlebag_ready", "1 where /readyz is 200.")?,
            certificate: tls
                .then(|| {
                    family.gauge(
                        "saddlebag_tls_certificate_not_after_timestamp_seconds",
                        "When the certificate in use ends, in Unix seconds.",
                    )
                })
                .transpose()?,
            rings: RingMetrics::new(&family)?,
            measuring: Mutex::new(()),
            registry,
        })
    }

    pub(super) fn made(&self, made: Made, protection: Protection, token: &str) {
        let (counters, operation) = match made {
            Made::Issued => (&self.issued, 0_usize),
            Made::Renewed => (&self.renewed, 1),
        };
        add(counters, protection as usize);
        if let Some(sizes) = self.sizes.get(operation) {
            // At most 65,536: exact in a binary64.
            #[allow(clippy::cast_precision_loss)]
            sizes.observe(token.len() as f64);
        }
    }

    pub(super) fn not_made(&self, error: &IssueError) {
        let reason = match error {
            IssueError::NoRing => 0,
            IssueError::Stale { .. } => 1,
            IssueError::Clock { .. } => 2,
            IssueError::Lifetime { .. } => 3,
            IssueError::TooLong { .. } => 4,
            IssueError::State(_) => 5,
            IssueError::Subject { .. } => 6,
            IssueError::JwtNotConfigured | IssueError::JwtBinding | IssueError::JwtBytes => 7,
            IssueError::Randomness(_) => 8,
        };
        add(&self.not_issued, reason);
    }

    pub(super) fn verified(&self, verdict: Verdict) {
        match verdict {
            Verdict::Active => self.active.inc(),
            Verdict::Refused(reason) => add(&self.refused, reason as usize),
            Verdict::BadState => add(&self.refused, Reason::NoRing as usize),
            Verdict::NotRenewable => {
                add(&self.refused, (Reason::NoRing as usize).saturating_add(1));
            }
        }
    }

    pub(super) fn caller_refused(&self, refused: CallerRefused) {
        let index = match refused {
            CallerRefused::NoCredential => 0,
            CallerRefused::Role => 1,
            CallerRefused::Audience => 2,
            CallerRefused::Credential(reason) => (reason as usize).saturating_add(3),
        };
        add(&self.callers_refused, index);
    }

    pub(super) fn caller_ending(&self) {
        self.callers_ending.inc();
    }

    /// `took`: `None` where nothing was done, so that shedding does not look like speed.
    pub(super) fn answered(&self, route: usize, status: u16, took: Option<Duration>) {
        if let Some(by_status) = self.requests.get(route) {
            add(by_status, usize::from(status / 100).saturating_sub(2));
        }
        let Some(took) = took else {
            return;
        };
        if let Some(durations) = self.durations.get(route) {
            durations.observe(took.as_secs_f64());
        }
    }

    pub(super) fn shed(&self, what: Shed) {
        add(&self.shed, what as usize);
    }

    /// What the connections of each listener count.
    pub(super) fn listeners(&self) -> [ConnectionMetrics; 2] {
        self.listeners.each_ref().map(|(metrics, ..)| metrics.clone())
    }
}

/// The place of a route in [`ROUTES`], by the path it was registered with.
pub(super) fn route(path: Option<&str>) -> usize {
    let path = path.map(|path| if path.starts_with("/docs") { "/docs" } else { path });
    let place = ROUTES.iter().position(|route| Some(*route) == path);
    place.unwrap_or(ROUTES.len().saturating_sub(1))
}

/// `GET /metrics` of the admin listener, in Prometheus's text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "probes",
    responses((status = 200, description = "Every metric.", body = String, content_type = prometheus::TEXT_FORMAT))
)]
pub(super) async fn metrics(State(service): State<super::Shared>) -> Result<Response, Problem> {
    let text = service.measured().map_err(|error| Problem::internal(&error))?;
    Ok(([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response())
}

impl Service {
    /// Everything counted so far, and what is so at this moment.
    fn measured(&self) -> Result<String, Error> {
        let (metrics, now) = (&self.metrics, UnixTime::now());
        // Two at once would each add what the other did.
        let _alone = metrics.measuring.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.ready.set(self.unusable().is_none().into());
        metrics.rings.set(ring::SESSIONS, &self.ring, now);
        if let Some(handle) = &self.credential_ring {
            metrics.rings.set(ring::CREDENTIALS, handle, now);
        }
        for ((_, taken, most), seats) in metrics.listeners.iter().zip(&self.seats) {
            taken.set(signed(seats.taken()));
            most.set(signed(seats.most()));
        }
        if let (Some(gauge), Some(tls)) = (&metrics.certificate, &self.tls) {
            gauge.set(signed(tls.certificate().not_after.as_secs()));
        }
        TextEncoder::new().encode_to_string(&metrics.registry.gather())
    }
}

/// What the connections of one listener count.
#[derive(Clone)]
pub(super) struct ConnectionMetrics {
    accepted: IntCounter,
    refused: [IntCounter; 2],
    /// Only the API's listener speaks TLS.
    no_handshake: Vec<IntCounter>,
}

impl ConnectionMetrics {
    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn refused(&self, full: Full) {
        let [all, peer] = &self.refused;
        match full {
            Full::All => all.inc(),
            Full::Peer => peer.inc(),
        }
    }

    pub(super) fn no_handshake(&self, why: &NoHandshake) {
        let reason = match why {
            NoHandshake::TooSlow => 0,
            NoHandshake::Failed(_) => 1,
            NoHandshake::OtherName(_) => 2,
        };
        add(&self.no_handshake, reason);
    }
}

/// Makes families of metrics, and every series of them.
struct Families<'a>(&'a Registry);

impl Families<'_> {
    fn register<C: Collector + Clone + 'static>(&self, made: Result<C, Error>) -> Result<C, Error> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.register(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), &[label]))
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<Vec<IntCounter>, Error> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), &[label]))?;
        Ok(values.into_iter().map(|value| family.with_label_values(&[value])).collect())
    }

    fn counters_of_two(&self, name: &str, help: &str) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), &["outcome", "reason"]))
    }

    fn histograms(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
        buckets: &[f64],
    ) -> Result<Vec<Histogram>, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let family = self.register(HistogramVec::new(options, &[label]))?;
        Ok(values.into_iter().map(|value| family.with_label_values(&[value])).collect())
    }

    fn requests(&self) -> Result<Vec<Vec<IntCounter>>, Error> {
        let options = Opts::new(
            "saddlebag_http_requests_total",
            "Requests answered, by route and class of status.",
        );
        let family = self.register(IntCounterVec::new(options, &["route", "status"]))?;
        let statuses = |route| STATUSES.map(|status| family.with_label_values(&[route, status]));
        Ok(ROUTES.iter().map(|route| statuses(*route).into()).collect())
    }

    fn listeners(&self) -> Result<[(ConnectionMetrics, IntGauge, IntGauge); 2], Error> {
        let taken = self.gauges(
            "saddlebag_connections",
            "Connections at the moment, by listener.",
            "listener",
        )?;
        let most = self.gauges(
            "saddlebag_connections_max",
            "Connections that a listener takes at most.",
            "listener",
        )?;
        let accepted = self.register(IntCounterVec::new(
            Opts::new("saddlebag_connections_accepted_total", "Connections accepted."),
            &["listener"],
        ))?;
        let refused = self.register(IntCounterVec::new(
            Opts::new(
                "saddlebag_connections_refused_total",
                "Connections refused: the listener was full, or this peer had its share.",
            ),
            &["listener", "reason"],
        ))?;
        let no_handshake = self.counters(
            "saddlebag_tls_handshakes_failed_total",
            "TLS handshakes that came to nothing: too slow, failed, or another name in the client's certificate.",
            "reason",
            ["timeout", "error", "name"],
        )?;
        let of = |listener: &str| {
            let metrics = ConnectionMetrics {
                accepted: accepted.with_label_values(&[listener]),
                refused: [Full::All, Full::Peer]
                    .map(|full| refused.with_label_values(&[listener, full.as_str()])),
                no_handshake: no_handshake.clone(),
            };
            (metrics, taken.with_label_values(&[listener]), most.with_label_values(&[listener]))
        };
        Ok(LISTENERS.map(of))
    }
}

fn add(counters: &[IntCounter], index: usize) {
    if let Some(counter) = counters.get(index) {
        counter.inc();
    }
}

fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// The listeners, in the order of their seats.
const LISTENERS: [&str; 2] = ["api", "admin"];

/// Every path of the API; what is at none of them is the last.
pub(super) const ROUTES: [&str; 10] = [
    "/v1/sessions",
    "/v1/sessions/verify",
    "/v1/sessions/verify-batch",
    "/v1/sessions/renew",
    "/v1/introspect",
    "/v1/keys",
    "/.well-known/jwks.json",
    "/openapi.json",
    "/docs",
    "other",
];

const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// In the order of [`Protection`].
const PROTECTIONS: [&str; 3] = ["signed", "sealed", "jwt"];

const NOT_ISSUED: [&str; 9] =
    ["no_ring", "stale", "clock", "lifetime", "too_long", "state", "subject", "jwt", "internal"];

const TOKEN_SIZES: [f64; 9] =
    [128.0, 256.0, 512.0, 1_024.0, 1_536.0, 2_048.0, 3_072.0, 4_096.0, 16_384.0];

/// Seconds: an answer takes some tens of microseconds, a body that drips up to its deadline.
const DURATIONS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
    10.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &Metrics) -> String {
        TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap()
    }

    #[test]
    fn what_happens_is_counted_under_its_own_name() {
        let metrics = Metrics::new(false).unwrap();
        for (n, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n, "places follow from the order of the reasons");
        }
        metrics.made(Made::Renewed, Protection::Jwt, "x");
        metrics.not_made(&IssueError::JwtBinding);
        metrics.not_made(&IssueError::Randomness(String::new()));
        metrics.verified(Verdict::Active);
        metrics.verified(Verdict::Refused(Reason::NotYetValid));
        metrics.verified(Verdict::BadState);
        metrics.verified(Verdict::NotRenewable);
        metrics.caller_refused(CallerRefused::Credential(Reason::NoRing));
        metrics.caller_refused(CallerRefused::Audience);
        metrics.answered(route(Some("/v1/keys")), 503, Some(Duration::from_millis(1)));
        metrics.answered(route(Some("/docs/{file}")), 200, Some(Duration::from_millis(1)));
        metrics.answered(route(None), 404, Some(Duration::from_millis(1)));
        metrics.shed(Shed::Batches);
        let text = text(&metrics);
        for line in [
            r#"saddlebag_tokens_renewed_total{protection="jwt"} 1"#,
            r#"saddlebag_tokens_renewed_total{protection="signed"} 0"#,
            r#"saddlebag_token_size_bytes_count{operation="renew"} 1"#,
            r#"saddlebag_tokens_not_issued_total{reason="jwt"} 1"#,
            r#"saddlebag_tokens_not_issued_total{reason="internal"} 1"#,
            r#"saddlebag_tokens_verified_total{outcome="active",reason="none"} 1"#,
            r#"saddlebag_tokens_verified_total{outcome="refused",reason="not_yet_valid"} 1"#,
            r#"saddlebag_tokens_verified_total{outcome="refused",reason="bad_state"} 1"#,
            r#"saddlebag_tokens_verified_total{outcome="refused",reason="not_renewable"} 1"#,
            r#"saddlebag_callers_refused_total{reason="no_ring"} 1"#,
            r#"saddlebag_callers_refused_total{reason="audience"} 1"#,
            r#"saddlebag_http_requests_total{route="/v1/keys",status="5xx"} 1"#,
            r#"saddlebag_http_requests_total{route="/docs",status="2xx"} 1"#,
            r#"saddlebag_http_requests_total{route="other",status="4xx"} 1"#,
            r#"saddlebag_http_requests_shed_total{reason="batches"} 1"#,
        ] {
            assert!(text.contains(&format!("\n{line}\n")), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn nothing_that_happens_makes_another_series() {
        let metrics = Metrics::new(true).unwrap();
        let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        let before = series(&text(&metrics));
        for path in ["/v1/x", "/v1/sessions/", "/docs/../v1", "/%00", "/metrics"] {
            metrics.answered(route(Some(path)), 404, Some(Duration::ZERO));
            metrics.answered(route(None), 999, None);
        }
        for reason in Reason::ALL {
            metrics.verified(Verdict::Refused(reason));
            metrics.caller_refused(CallerRefused::Credential(reason));
        }
        assert_eq!(series(&text(&metrics)), before);
    }
}
