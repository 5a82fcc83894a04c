//! What a sidecar answered, where there is one.

use std::sync::Arc;

use prometheus::Error;

use super::families::{Counters, Families, Label};

/// Answers of the sidecar.
#[derive(Clone)]
pub(in crate::service) struct SidecarMetrics {
    answers: Arc<Counters<Fronted>>,
}

/// Who answered, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Fronted {
    /// The service, to somebody.
    Known,
    /// The service, to nobody.
    Anonymous,
    /// The request needs a session.
    Unauthenticated,
    /// Its session lacks a role.
    Forbidden,
    /// Its path can be read in two ways.
    Ambiguous,
    /// Its head has no one meaning.
    BadRequest,
    /// Its body was too large or too slow.
    Body,
    /// The service cannot be reached.
    Unreachable,
    /// It broke off.
    Broken,
    /// It took too long.
    TimedOut,
    /// What it says of the session makes no sense, or fits no token.
    InvalidHeader,
}

impl SidecarMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        let answers = family.counters(
            "saddlebag_sidecar_answers_total",
            "Answers of the sidecar, by whom they are for or why the service gave none.",
        )?;
        Ok(Self { answers: Arc::new(answers) })
    }

    pub(in crate::service) fn answered(&self, fronted: Fronted) {
        self.answers.inc(fronted);
    }
}

impl Label for Fronted {
    const NAMES: &'static [&'static str] = &["outcome"];

    fn all() -> Vec<Self> {
        vec![
            Self::Known,
            Self::Anonymous,
            Self::Unauthenticated,
            Self::Forbidden,
            Self::Ambiguous,
            Self::BadRequest,
            Self::Body,
            Self::Unreachable,
            Self::Broken,
            Self::TimedOut,
            Self::InvalidHeader,
        ]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Known => "known",
            Self::Anonymous => "anonymous",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Ambiguous => "ambiguous",
            Self::BadRequest => "bad_request",
            Self::Body => "body",
            Self::Unreachable => "upstream_unreachable",
            Self::Broken => "upstream_broken",
            Self::TimedOut => "upstream_timeout",
            Self::InvalidHeader => "invalid_session_header",
        }]
    }
}
