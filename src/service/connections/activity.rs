//! What a connection is doing: which requests are under way, since when there are none, and since when an
//! answer is not taken.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The requests of one connection.
pub(super) struct Activity {
    began: Instant,
    under_way: AtomicUsize,
    started: AtomicUsize,
    /// Milliseconds from `began` to the last request's begin or end.
    last: AtomicU64,
    /// Answers that are not yet taken, by their request, and since when they are there.
    answers: Mutex<Vec<(usize, Instant)>>,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            under_way: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            answers: Mutex::default(),
        })
    }

    /// A request begins; it is under way until this is dropped, with the last of its answer.
    pub(super) fn request(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        self.touch();
        UnderWay { activity: Arc::clone(self), number }
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
            // In this order: an end touches first, and is idle then.
            let idle = self.is_idle();
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let been =
                if idle { self.began.elapsed().saturating_sub(last) } else { Duration::ZERO };
            if been >= longest {
                return;
            }
            sleep(longest.saturating_sub(been)).await;
        }
    }

    /// Resolves once an answer has not been taken for so long. HTTP/2 says nothing of one that waits for
    /// room in a window: nobody polls it.
    pub(super) async fn unread_for(&self, longest: Duration) {
        loop {
            let oldest = self.answers().iter().map(|(_, since)| since.elapsed()).max();
            let been = oldest.unwrap_or(Duration::ZERO);
            if been >= longest {
                return;
            }
            sleep(longest.saturating_sub(been)).await;
        }
    }

    fn answers(&self) -> MutexGuard<'_, Vec<(usize, Instant)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        let last = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(last, Ordering::Relaxed);
    }
}

/// A request that is under way.
pub(super) struct UnderWay {
    activity: Arc<Activity>,
    number: usize,
}

impl UnderWay {
    /// Its answer is there, and waits to be taken.
    pub(super) fn answered(&self) {
        self.activity.answers().push((self.number, Instant::now()));
    }

    /// What was there of it has been taken.
    pub(super) fn taken(&self) {
        // There are few: as many as a connection has streams.
        self.activity.answers().retain(|(number, _)| *number != self.number);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.taken();
        self.activity.touch();
        self.activity.under_way.fetch_sub(1, Ordering::Relaxed);
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

    #[test]
    fn an_answer_that_is_not_taken_is_noticed_whatever_else_goes_on() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let activity = Activity::new();
            let longest = Duration::from_millis(60);
            let unread = |activity: Arc<Activity>| async move {
                tokio::time::timeout(longest * 3, activity.unread_for(longest)).await.is_ok()
            };
            let working = activity.request();
            assert!(!unread(Arc::clone(&activity)).await, "there is no answer yet");
            working.answered();
            drop(activity.request());
            assert!(unread(Arc::clone(&activity)).await);
            drop(working);
            assert!(!unread(activity).await, "it was taken");
        });
    }
}
