//! What the gateway answered, where there is one.

use prometheus::Error;

use super::families::{Counters, Families, Label};

/// Answers of the gateway.
pub(in crate::service) struct GatewayMetrics {
    answers: Counters<Passed>,
}

/// What the gateway answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Passed {
    /// It may pass, as somebody.
    Known,
    /// It may pass, as nobody.
    Anonymous,
    /// It needs a session.
    Unauthenticated,
    /// Its session lacks a role.
    Forbidden,
    /// Its path can be read in two ways.
    Ambiguous,
    /// Its proxy is not believed, or does not tell what it asks about.
    Unbelieved,
}

impl GatewayMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        let answers = family.counters(
            "saddlebag_gateway_answers_total",
            "Answers to proxies that asked whether a request may pass.",
        )?;
        Ok(Self { answers })
    }

    pub(in crate::service) fn passed(&self, passed: Passed) {
        self.answers.inc(passed);
    }
}

impl Label for Passed {
    const NAMES: &'static [&'static str] = &["outcome"];

    fn all() -> Vec<Self> {
        vec![
            Self::Known,
            Self::Anonymous,
            Self::Unauthenticated,
            Self::Forbidden,
            Self::Ambiguous,
            Self::Unbelieved,
        ]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Known => "known",
            Self::Anonymous => "anonymous",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Ambiguous => "ambiguous",
            Self::Unbelieved => "unbelieved",
        }]
    }
}
