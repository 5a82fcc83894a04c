//! An answer's body on its way to the client.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

use super::end_to_end;

/// An answer's body, which may not be silent for ever.
pub(super) struct Download {
    body: Incoming,
    silent_for: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Download {
    pub(super) fn new(body: Incoming, silent_for: Duration) -> Self {
        Self { body, silent_for, waiting: None }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            let onward = |frame: Frame<Bytes>| match frame.into_data() {
                Ok(data) => Frame::data(data),
                Err(frame) => end_to_end::trailers(frame),
            };
            return Poll::Ready(frame.map(|frame| frame.map(onward).map_err(Into::into)));
        }
        let silent_for = self.silent_for;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(silent_for)));
        ready!(waiting.as_mut().poll(cx));
        let silent = io::Error::new(io::ErrorKind::TimedOut, "the service fell silent");
        Poll::Ready(Some(Err(silent.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
