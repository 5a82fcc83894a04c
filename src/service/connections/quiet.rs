//! A future that is looked at when it asks for it, and not whenever its task is: a connection's deadlines stand still
//! while its requests come and go.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Waits for `future`, which is polled once, and then only after it woke its task itself.
pub(super) async fn quiet<F: Future>(future: F) -> F::Output {
    let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: AtomicWaker::new() });
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = pin!(future);
    poll_fn(|cx| {
        // In this order: who rings in between wakes the task.
        bell.task.register(cx.waker());
        if !bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_quiet_future_is_polled_for_itself_alone_and_ends_in_time() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let polls = AtomicUsize::new(0);
            let mut sleep = pin!(tokio::time::sleep(Duration::from_millis(30)));
            let counted = quiet(poll_fn(|cx| {
                polls.fetch_add(1, Ordering::Relaxed);
                sleep.as_mut().poll(cx)
            }));
            let busy = async {
                loop {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                () = counted => {}
                () = busy => {}
            }
            assert_eq!(polls.into_inner(), 2);
        });
    }
}
