//! How long since anything moved, for who waits beside it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::refusal::Refusal;

/// How far a request or a tunnel is.
pub(super) struct Progress {
    began: Instant,
    /// Milliseconds from `began` to the last that came.
    last: AtomicU64,
    fault: OnceLock<Refusal>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), fault: OnceLock::new() }
    }

    pub(super) fn touch(&self) {
        let last = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(last, Ordering::Relaxed);
    }

    /// Resolves once nothing has come for so long.
    pub(super) async fn silent_for(&self, longest: Duration) {
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let been = self.began.elapsed().saturating_sub(last);
            if been >= longest {
                return;
            }
            sleep(longest.saturating_sub(been)).await;
        }
    }

    /// It ends early, by the client's fault; the first counts.
    pub(super) fn fails(&self, refusal: Refusal) {
        let _ = self.fault.set(refusal);
    }

    /// What the client did wrong, where it did.
    pub(super) fn fault(&self) -> Option<Refusal> {
        self.fault.get().cloned()
    }
}
