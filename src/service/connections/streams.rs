//! The requests of an HTTP/2 connection, in the task of the connection itself.
//!
//! As tasks of their own, which is usual, each is made, scheduled and woken by itself, and wakes the connection's: a
//! quarter to a half of a small request's processor time (`benches/service`). h2 writes an answer that has a body by
//! itself either way. What a connection asks is worked on by one processor at a time.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::rt::Executor;

/// Requests that are ended before other connections have their turn.
const AT_ONCE: usize = 8;

type Request = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper puts the requests that have come on one connection.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<Vec<Request>>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    // Called by the connection, while it is polled.
    fn execute(&self, request: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(request));
    }
}

impl Streams {
    fn take(&self) -> Vec<Request> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection and its requests, which end with it.
pub(super) struct Together<'c, C> {
    connection: Pin<&'c mut C>,
    coming: Streams,
    under_way: FuturesUnordered<Request>,
}

impl<'c, C: Future> Together<'c, C> {
    pub(super) fn new(connection: Pin<&'c mut C>, coming: Streams) -> Self {
        Self { connection, coming, under_way: FuturesUnordered::new() }
    }

    pub(super) fn connection(&mut self) -> Pin<&mut C> {
        self.connection.as_mut()
    }
}

impl<C: Future> Future for Together<'_, C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let Self { connection, coming, under_way } = &mut *self;
        let polled = connection.as_mut().poll(cx);
        if polled.is_ready() {
            return polled;
        }
        under_way.extend(coming.take());
        for _ in 0..AT_ONCE {
            // An answer wakes the connection, and with it this task, which comes again behind others.
            let Poll::Ready(Some(())) = under_way.poll_next_unpin(cx) else {
                return Poll::Pending;
            };
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[test]
    fn requests_are_made_between_two_looks_at_their_connection_and_end_with_it() {
        struct Ends(Arc<AtomicUsize>);

        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }

        let (streams, made, ended) =
            (Streams::default(), Arc::new(AtomicUsize::new(0)), Arc::default());
        let coming = streams.clone();
        let mut seen = Vec::new();
        let answers = Arc::clone(&made);
        let connection = pin!(poll_fn(|_| {
            seen.push(answers.load(Ordering::Relaxed));
            match seen.len() {
                1 => {
                    for _ in 0..3 {
                        let made = Arc::clone(&answers);
                        coming.execute(async move {
                            made.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                    let ends = Ends(Arc::clone(&ended));
                    coming.execute(async move {
                        let _ends = ends;
                        pending().await
                    });
                    Poll::Pending
                }
                _ => Poll::Ready(seen.clone()),
            }
        }));
        let mut together = Together::new(connection, streams);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut together).poll(&mut cx).is_pending());
        assert_eq!(made.load(Ordering::Relaxed), 3);
        assert_eq!(Pin::new(&mut together).poll(&mut cx), Poll::Ready(vec![0, 3]));
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        drop(together);
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    }

    /// T45: whoever has many streams on one connection does not keep a processor from those who have others.
    #[test]
    fn many_requests_of_one_connection_leave_others_their_turn() {
        let (streams, ended) = (Streams::default(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..20 {
            let ended = Arc::clone(&ended);
            streams.execute(async move {
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        let connection = pin!(pending::<()>());
        let mut together = Together::new(connection, streams);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        for (so_far, again) in [(8, true), (16, true), (20, false)] {
            woken.0.store(false, Ordering::Relaxed);
            let looked = Pin::new(&mut together).poll(&mut Context::from_waker(&waker));
            assert!(looked.is_pending());
            assert_eq!(ended.load(Ordering::Relaxed), so_far);
            assert_eq!(woken.0.load(Ordering::Relaxed), again, "{so_far}");
        }
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_connection_without_requests_is_itself() {
        let connection = pin!(ready(7));
        let mut together = Together::new(connection, Streams::default());
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(Pin::new(&mut together).poll(&mut cx), Poll::Ready(7));
    }
}
