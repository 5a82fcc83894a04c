//! Connections of the listeners.

use std::sync::Arc;

use prometheus::{Error, IntCounter, IntCounterVec, IntGauge, Opts};

use super::families::{Counters, Families, Label, signed};
use crate::service::connections::{Full, Seats};
use crate::service::tls::NoHandshake;

/// What the connections of one listener count.
#[derive(Clone)]
pub(in crate::service) struct ConnectionMetrics {
    taken: IntGauge,
    most: IntGauge,
    accepted: IntCounter,
    refused: [IntCounter; 2],
    /// Only the API's listener speaks TLS.
    no_handshake: Arc<Counters<Failed>>,
}

/// Why there is no session of TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Failed(&'static str);

impl ConnectionMetrics {
    /// Those of the API's listener, of the probes', of the gateway's and of the sidecar's.
    pub(super) fn of_listeners(family: &Families<'_>) -> Result<[Self; 4], Error> {
        let name = "saddlebag_connections";
        let taken = family.gauges(name, "Connections at the moment, by listener.", "listener")?;
        let most = family.gauges(
            "saddlebag_connections_max",
            "Connections that a listener takes at most.",
            "listener",
        )?;
        let accepted = family.register(IntCounterVec::new(
            Opts::new("saddlebag_connections_accepted_total", "Connections accepted."),
            &["listener"],
        ))?;
        let refused = family.register(IntCounterVec::new(
            Opts::new(
                "saddlebag_connections_refused_total",
                "Connections refused: the listener was full, or this peer had its share.",
            ),
            &["listener", "reason"],
        ))?;
        let no_handshake = Arc::new(family.counters(
            "saddlebag_tls_handshakes_failed_total",
            "TLS handshakes that came to nothing: too slow, failed, or another name in the client's certificate.",
        )?);
        Ok(["api", "admin", "gateway", "front"].map(|listener| Self {
            taken: taken.with_label_values(&[listener]),
            most: most.with_label_values(&[listener]),
            accepted: accepted.with_label_values(&[listener]),
            refused: [Full::All, Full::Peer]
                .map(|full| refused.with_label_values(&[listener, full.as_str()])),
            no_handshake: Arc::clone(&no_handshake),
        }))
    }

    /// Says how many seats are taken.
    pub(super) fn set(&self, seats: &Seats) {
        self.taken.set(signed(seats.taken()));
        self.most.set(signed(seats.most()));
    }

    pub(in crate::service) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(in crate::service) fn refused(&self, full: Full) {
        let [all, peer] = &self.refused;
        match full {
            Full::All => all.inc(),
            Full::Peer => peer.inc(),
        }
    }

    pub(in crate::service) fn no_handshake(&self, why: &NoHandshake) {
        self.no_handshake.inc(Failed(match why {
            NoHandshake::TooSlow => "timeout",
            NoHandshake::Failed(_) => "error",
            NoHandshake::OtherName(_) => "name",
        }));
    }
}

impl Label for Failed {
    const NAMES: &'static [&'static str] = &["reason"];

    fn all() -> Vec<Self> {
        ["timeout", "error", "name"].map(Self).into()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0]
    }
}
