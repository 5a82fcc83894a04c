//! What is counted, for Prometheus. Labels come from closed sets alone, and every series is there from
//! the start: nobody who sends requests can make another one.

mod connections;
mod families;
mod gateway;
mod http;
mod ring;
mod rotation;
mod sidecar;
mod tokens;

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus::process_collector::ProcessCollector;
use prometheus::{Error, IntGauge, Registry, TextEncoder};
use saddlebag_keys::UnixTime;

use super::problem::Problem;
use super::{Service, Shared};
use families::{Families, signed};
use http::HttpMetrics;
use ring::RingMetrics;
use tokens::TokenMetrics;

pub(super) use connections::ConnectionMetrics;
pub(super) use gateway::{GatewayMetrics, Passed};
pub(super) use http::Shed;
pub(crate) use rotation::{Rotation, RotationMetrics};
pub(super) use sidecar::SidecarMetrics;
pub(super) use tokens::{CallerRefused, Made, Verdict};

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    pub(super) tokens: TokenMetrics,
    pub(super) http: HttpMetrics,
    /// Of the API's listener, the probes', the gateway's and the sidecar's.
    pub(super) listeners: [ConnectionMetrics; 4],
    ready: IntGauge,
    certificate: Option<IntGauge>,
    rings: RingMetrics,
    /// Where this node rotates its ring.
    pub(super) rotation: Option<Arc<RotationMetrics>>,
    /// Where this node has a gateway.
    pub(super) gateway: Option<Arc<GatewayMetrics>>,
    /// Where this node is a sidecar.
    pub(super) sidecar: Option<SidecarMetrics>,
    measuring: Mutex<()>,
}

impl Metrics {
    /// Fails only where two metrics have one name.
    pub(super) fn new(
        tls: bool,
        rotates: bool,
        gateway: bool,
        sidecar: bool,
    ) -> Result<Self, Error> {
        let registry = Registry::new();
        let family = Families(&registry);
        let version = family.gauges("saddlebag_build_info", "1, with the version.", "version")?;
        version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(ProcessCollector::for_self()))?;
        let certificate = || {
            let name = "saddlebag_tls_certificate_not_after_timestamp_seconds";
            family.gauge(name, "When the certificate in use ends, in Unix seconds.")
        };
        let rotation = || RotationMetrics::new(&family).map(Arc::new);
        let of_gateway = || GatewayMetrics::new(&family).map(Arc::new);
        Ok(Self {
            tokens: TokenMetrics::new(&family)?,
            http: HttpMetrics::new(&family)?,
            listeners: ConnectionMetrics::of_listeners(&family)?,
            ready: family.gauge("saddlebag_ready", "1 where /readyz is 200.")?,
            certificate: tls.then(certificate).transpose()?,
            rings: RingMetrics::new(&family)?,
            rotation: rotates.then(rotation).transpose()?,
            gateway: gateway.then(of_gateway).transpose()?,
            sidecar: sidecar.then(|| SidecarMetrics::new(&family)).transpose()?,
            measuring: Mutex::new(()),
            registry,
        })
    }
}

/// `GET /metrics` of the admin listener, in Prometheus's text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "probes",
    responses((status = 200, description = "Every metric.", body = String, content_type = prometheus::TEXT_FORMAT))
)]
pub(super) async fn metrics(State(service): State<Shared>) -> Result<Response, Problem> {
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
        for (listener, seats) in metrics.listeners.iter().zip(&self.seats) {
            listener.set(seats);
        }
        if let (Some(gauge), Some(tls)) = (&metrics.certificate, &self.tls) {
            gauge.set(signed(tls.certificate().not_after.as_secs()));
        }
        TextEncoder::new().encode_to_string(&metrics.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::service::route::Route;
    use crate::token::format::Protection;
    use crate::token::reason::Reason;
    use crate::tokens::IssueError;

    fn text(metrics: &Metrics) -> String {
        TextEncoder::new().encode_to_string(&metrics.registry.gather()).unwrap()
    }

    #[test]
    fn what_happens_is_counted_under_its_own_name() {
        let metrics = Metrics::new(false, false, false, false).unwrap();
        metrics.tokens.made(Made::Renewed, Protection::Jwt, "x");
        metrics.tokens.not_made(&IssueError::JwtBinding);
        metrics.tokens.not_made(&IssueError::Randomness(String::new()));
        metrics.tokens.verified(Verdict::Active);
        metrics.tokens.verified(Verdict::Refused(Reason::NotYetValid));
        metrics.tokens.verified(Verdict::BadState);
        metrics.tokens.verified(Verdict::NotRenewable);
        metrics.tokens.caller_refused(CallerRefused::Credential(Reason::NoRing));
        metrics.tokens.caller_refused(CallerRefused::Audience);
        metrics.http.answered(Route::Keys, 503, Some(Duration::from_millis(1)));
        metrics.http.answered(Route::Docs, 200, Some(Duration::from_millis(1)));
        metrics.http.answered(Route::Other, 404, Some(Duration::from_millis(1)));
        metrics.http.shed(Shed::Batches);
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
        let metrics = Metrics::new(true, true, true, true).unwrap();
        let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        let before = series(&text(&metrics));
        for route in Route::ALL {
            metrics.http.answered(route, 404, Some(Duration::ZERO));
            metrics.http.answered(route, 999, None);
        }
        for reason in Reason::ALL {
            metrics.tokens.verified(Verdict::Refused(reason));
            metrics.tokens.caller_refused(CallerRefused::Credential(reason));
        }
        assert_eq!(series(&text(&metrics)), before);
    }
}
