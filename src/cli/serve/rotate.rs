//! `serve --rotate`: a node that keeps its ring going, and logs and counts what it does.

use std::sync::Arc;

use saddlebag_keys::{Audience, KeyRingHandle, UnixTime};

use super::Serve;
use crate::cli::failure::Failure;
use crate::cli::ring::RingLocation;
use crate::cli::rotator::{Rotator, Turn};
use crate::service::{Rotation, RotationMetrics};

impl Serve {
    /// What rotates the ring, where this node does. A scoped one can be rotated nowhere but at its root.
    pub(super) fn rotator(
        &self,
        place: &RingLocation,
        ring: &KeyRingHandle,
    ) -> Result<Option<Rotator>, Failure> {
        if !self.rotate {
            return Ok(None);
        }
        if let Some(audience) = ring.load().as_ref().and_then(|ring| ring.scope()) {
            return Err(scoped(audience));
        }
        let rotator = Rotator::new(self.watch.open(place, self.dev)?);
        Ok(Some(rotator.of_node(ring.clone())))
    }
}

pub(super) fn scoped(audience: &Audience) -> Failure {
    Failure::usage(
        format!("--rotate: the ring is scoped to {audience}, and follows its root ring"),
        "leave --rotate out: keys publish --watch brings each change of the root ring",
    )
}

/// Rotates the ring whenever something is due; never ends.
pub(super) async fn rotate(
    mut rotator: Rotator,
    ring: RingLocation,
    metrics: Option<Arc<RotationMetrics>>,
) {
    let mut logged = Logged::default();
    loop {
        let (turn, pause) = rotator.turn().await;
        if let Some(metrics) = &metrics {
            count(metrics, &turn);
        }
        logged.log(&turn, &ring);
        tokio::time::sleep(pause).await;
    }
}

fn count(metrics: &RotationMetrics, turn: &Turn) {
    match turn {
        Turn::Rotated(plan) => {
            metrics.ended(Rotation::Done);
            metrics.next(plan.next_due);
        }
        Turn::Lost => metrics.ended(Rotation::Lost),
        Turn::Waits(_, at) => metrics.next(*at),
        Turn::NotTaken => {}
        Turn::Failed(_) | Turn::WentBack { .. } | Turn::Refused(_) => {
            metrics.ended(Rotation::Failed);
        }
    }
}

/// What the log has already, so that it is not there for each look.
#[derive(Default)]
struct Logged {
    next: Option<(u64, UnixTime)>,
    failed: Option<String>,
}

impl Logged {
    fn log(&mut self, turn: &Turn, ring: &RingLocation) {
        if let Some(failure) = turn.failure(ring) {
            if self.failed.as_deref() != Some(failure.error()) {
                let error = failure.error();
                tracing::error!(error, "the ring was not rotated; help: {}", failure.help());
                self.failed = Some(error.to_owned());
            }
            return;
        }
        if matches!(turn, Turn::NotTaken) {
            return;
        }
        self.failed = None;
        match turn {
            Turn::Rotated(plan) => {
                let (generation, next) = (plan.ring.generation(), plan.next_due);
                tracing::info!(generation, %next, "ring rotated");
                self.next = Some((generation, next));
            }
            Turn::Waits(ring, next) if self.next != Some((ring.generation(), *next)) => {
                let generation = ring.generation();
                tracing::info!(generation, %next, "nothing to rotate yet");
                self.next = Some((generation, *next));
            }
            _ => {}
        }
    }
}
