//! What a connection is doing: how many requests are under way, and since when there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The requests of one connection.
pub(super) struct Activity {
    began: Instant,
    under_way: AtomicUsize,
    started: AtomicUsize,
    /// Milliseconds from `began` to the last request's begin or end.
    last: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            last: AtomicU64::new(0),
        })
    }

    /// A request begins; it is under way until the answer is dropped.
    pub(super) fn request(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.started.fetch_add(1, Ordering::Relaxed);
        self.touch();
        UnderWay(Arc::clone(self))
    }

    /// How many requests have begun so far.
    pub(super) fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }

    /// Resolves once no request has been under way for so long.
    pub(super) async fn idle_for(&self, longest: Duration) {
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let been = match self.is_idle() {
                true => self.began.elapsed().saturating_sub(last),
                false => Duration::ZERO,
            };
            if been >= longest {
                return;
            }
            sleep(longest.saturating_sub(been)).await;
        }
    }

    fn touch(&self) {
        let last = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(last, Ordering::Relaxed);
    }
}

/// A request that is under way.
pub(super) struct UnderWay(Arc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_idle_from_the_end_of_its_last_request() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let activity = Activity::new();
            let longest = Duration::from_millis(60);
            let request = activity.request();
            assert!(tokio::time::timeout(longest * 3, activity.idle_for(longest)).await.is_err());
            drop(request);
            let ended = Instant::now();
            activity.idle_for(longest).await;
            assert!(ended.elapsed() >= longest - Duration::from_millis(2), "{:?}", ended.elapsed());
        });
    }
}
