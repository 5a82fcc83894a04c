//! What a sidecar answered, where there is one.

use std::sync::Arc;

use prometheus::Error;

use super::families::{Counters, Families, Label};
use crate::sidecar::{Passed, Refusal};

/// Answers of the sidecar.
#[derive(Clone)]
pub(in crate::service) struct SidecarMetrics {
    answers: Arc<Counters<Outcome>>,
}

/// For whom the service answered, or the code of what was answered in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Outcome(&'static str);

impl SidecarMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        let answers = family.counters(
            "saddlebag_sidecar_answers_total",
            "Answers of the sidecar, by whom they are for or why the service gave none.",
        )?;
        Ok(Self { answers: Arc::new(answers) })
    }

    pub(in crate::service) fn answered(&self, passed: Option<&Passed>, refusal: Option<&Refusal>) {
        self.answers.inc(Outcome(match (refusal, passed) {
            (Some(refusal), _) => refusal.code(),
            (None, Some(Passed::Known)) => "known",
            (None, _) => "anonymous",
        }));
    }
}

impl Label for Outcome {
    const NAMES: &'static [&'static str] = &["outcome"];

    fn all() -> Vec<Self> {
        ["known", "anonymous"].into_iter().chain(Refusal::CODES).map(Self).collect()
    }

    fn values(self) -> Vec<&'static str> {
        vec![self.0]
    }
}
