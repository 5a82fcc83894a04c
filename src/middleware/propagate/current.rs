//! The session of the request that a task serves, for code that has no request at hand.

use tokio::task_local;

use crate::middleware::Incoming;

task_local! {
    static CURRENT: Incoming;
}

impl Incoming {
    /// The session of the request that this task serves; none outside of [`scope`](Self::scope).
    ///
    /// A task that is spawned has none: it may outlive the request. To give it one, wrap what it runs:
    ///
    /// ```
    /// # use saddlebag::Incoming;
    /// # async fn work() {}
    /// # async fn handler() {
    /// match Incoming::current() {
    ///     Some(incoming) => tokio::spawn(incoming.scope(work())),
    ///     None => tokio::spawn(work()),
    /// };
    /// # }
    /// ```
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs a future with this as the [current](Self::current) session.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }
}
