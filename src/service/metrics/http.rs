//! Requests of the API: how many, how they are answered, how long they take.

use std::time::Duration;

use prometheus::{Error, IntGauge};

use super::families::{Counters, Families, Histograms, Label};
use crate::service::route::Route;

/// Requests, by route.
pub(in crate::service) struct HttpMetrics {
    answered: Counters<Answered>,
    durations: Histograms<Route>,
    pub(in crate::service) in_flight: IntGauge,
    shed: Counters<Shed>,
}

/// What there was too much of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Shed {
    Requests,
    Batches,
}

/// A route, and the class of an answer's status.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Answered(Route, &'static str);

impl HttpMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        Ok(Self {
            answered: family.counters(
                "saddlebag_http_requests_total",
                "Requests answered, by route and class of status.",
            )?,
            durations: family.histograms(
                "saddlebag_http_request_duration_seconds",
                "From a request's head to its answer, body included.",
                &DURATIONS,
            )?,
            in_flight: family.gauge("saddlebag_http_requests_in_flight", "Requests under way.")?,
            shed: family.counters(
                "saddlebag_http_requests_shed_total",
                "Requests answered 503 overloaded, by what there was too much of.",
            )?,
        })
    }

    /// `took`: `None` where nothing was done, so that shedding does not look like speed.
    pub(in crate::service) fn answered(&self, route: Route, status: u16, took: Option<Duration>) {
        let class = CLASSES.into_iter().find(|class| class.0 == status / 100);
        if let Some((_, class)) = class {
            self.answered.inc(Answered(route, class));
        }
        if let Some(took) = took {
            self.durations.observe(route, took.as_secs_f64());
        }
    }

    pub(in crate::service) fn shed(&self, what: Shed) {
        self.shed.inc(what);
    }
}

impl Label for Route {
    const NAMES: &'static [&'static str] = &["route"];

    fn all() -> Vec<Self> {
        Self::ALL.into()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.as_str()]
    }
}

impl Label for Answered {
    const NAMES: &'static [&'static str] = &["route", "status"];

    fn all() -> Vec<Self> {
        let of_route = |route| CLASSES.map(|(_, class)| Self(route, class));
        Route::ALL.into_iter().flat_map(of_route).collect()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0.as_str(), self.1]
    }
}

impl Label for Shed {
    const NAMES: &'static [&'static str] = &["reason"];

    fn all() -> Vec<Self> {
        vec![Self::Requests, Self::Batches]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Requests => "requests",
            Self::Batches => "batches",
        }]
    }
}

const CLASSES: [(u16, &str); 4] = [(2, "2xx"), (3, "3xx"), (4, "4xx"), (5, "5xx")];

/// Seconds: an answer takes some tens of microseconds, a body that drips up to its deadline.
const DURATIONS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
    10.0,
];
