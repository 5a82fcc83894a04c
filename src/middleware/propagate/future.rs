//! The answer to a call that was made, or why it was not.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::PropagateError;

/// What middleware of tower's makes of errors of any type.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The future of a [`PropagateService`](super::PropagateService).
pub struct PropagateFuture<F>(State<F>);

enum State<F> {
    /// On the heap: projecting a pin takes unsafe code, or a macro that has it.
    Called(Pin<Box<F>>),
    /// `None` once it was told.
    Refused(Option<PropagateError>),
}

impl<F> PropagateFuture<F> {
    pub(super) fn of(future: F) -> Self {
        Self(State::Called(Box::pin(future)))
    }

    pub(super) fn refused(error: PropagateError) -> Self {
        Self(State::Refused(Some(error)))
    }
}

impl<F, T, E> Future for PropagateFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Called(future) => future.as_mut().poll(context).map_err(Into::into),
            // Nobody polls a future again that is ready; who does, waits.
            State::Refused(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error.into())),
                None => Poll::Pending,
            },
        }
    }
}

impl<F> fmt::Debug for PropagateFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PropagateFuture").finish_non_exhaustive()
    }
}
