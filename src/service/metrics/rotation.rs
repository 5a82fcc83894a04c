//! What became of this node's rotations, where it rotates its ring (`--rotate`).

use prometheus::{Error, IntGaugeVec, Opts};
use saddlebag_keys::UnixTime;

use super::families::{Counters, Families, Label, signed};

/// Rotations by what came of them, and when the next is due.
pub(crate) struct RotationMetrics {
    rotations: Counters<Rotation>,
    /// Without a label, and so without a series until it is known.
    next: IntGaugeVec,
}

/// What came of a rotation that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// This node did it.
    Done,
    /// Somebody else was first.
    Lost,
    /// The ring was not read, not saved, or cannot be rotated.
    Failed,
}

impl RotationMetrics {
    pub(super) fn new(family: &Families<'_>) -> Result<Self, Error> {
        let next = Opts::new(
            "saddlebag_rotation_next_timestamp_seconds",
            "When this node will have something to rotate, in Unix seconds.",
        );
        Ok(Self {
            rotations: family.counters(
                "saddlebag_rotations_total",
                "Rotations by this node, by what came of them.",
            )?,
            next: family.register(IntGaugeVec::new(next, &[]))?,
        })
    }

    pub(crate) fn ended(&self, rotation: Rotation) {
        self.rotations.inc(rotation);
    }

    pub(crate) fn next(&self, at: UnixTime) {
        self.next.with_label_values::<&str>(&[]).set(signed(at.as_secs()));
    }
}

impl Label for Rotation {
    const NAMES: &'static [&'static str] = &["outcome"];

    fn all() -> Vec<Self> {
        vec![Self::Done, Self::Lost, Self::Failed]
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Done => "done",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }]
    }
}
