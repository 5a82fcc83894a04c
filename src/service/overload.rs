//! Gates: how many requests are under way at once. Those above are told to come again, at once, so that
//! those inside are served as fast as ever.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits;
use super::metrics::Shed;
use super::route::Route;

/// The gates that requests go through.
pub(super) struct Gates {
    requests: Arc<Semaphore>,
    /// A narrower one for those that take most time and room.
    batches: Arc<Semaphore>,
}

impl Gates {
    pub(super) fn new(requests: usize) -> Self {
        let requests = requests.min(Semaphore::MAX_PERMITS);
        let batches = limits::BATCHES.min(requests);
        Self {
            requests: Arc::new(Semaphore::new(requests)),
            batches: Arc::new(Semaphore::new(batches)),
        }
    }

    /// Lets a request to this route in, until the permits are dropped.
    pub(super) fn enter(&self, route: Route) -> Result<Inside, Shed> {
        let of = |gate: &Arc<Semaphore>| Arc::clone(gate).try_acquire_owned();
        let request = of(&self.requests).map_err(|_| Shed::Requests)?;
        let batch = match route {
            Route::VerifyBatch => Some(of(&self.batches).map_err(|_| Shed::Batches)?),
            _ => None,
        };
        Ok(Inside(request, batch))
    }
}

/// A request that was let in.
#[must_use]
pub(super) struct Inside(
    #[expect(dead_code, reason = "held")] OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_above_the_gates_width_are_shed_until_one_leaves() {
        let gates = Gates::new(2);
        let verify = Route::Verify;
        let first = gates.enter(verify).ok().unwrap();
        let _second = gates.enter(verify).ok().unwrap();
        assert!(matches!(gates.enter(verify), Err(Shed::Requests)));
        drop(first);
        assert!(gates.enter(verify).is_ok());
    }

    #[test]
    fn batches_leave_room_for_others() {
        let gates = Gates::new(1_000);
        let batch = Route::VerifyBatch;
        let _inside: Vec<_> =
            (0..limits::BATCHES).map(|_| gates.enter(batch).ok().unwrap()).collect();
        assert!(matches!(gates.enter(batch), Err(Shed::Batches)));
        assert!(gates.enter(Route::Issue).is_ok());
    }
}
