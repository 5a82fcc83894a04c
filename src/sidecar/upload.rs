//! A request's body on its way to the service: no longer than allowed, and not for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::Bounds;
use super::end_to_end;
use super::progress::Progress;
use super::refusal::Refusal;

/// A request's body.
pub(super) struct Upload {
    body: Body,
    left: u64,
    most: u64,
    /// How long the client may still be waited for; each byte that comes adds to it, up to what it was at first.
    patience: Duration,
    most_patience: Duration,
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    progress: Arc<Progress>,
}

impl Upload {
    pub(super) fn new(body: Body, bounds: &Bounds) -> (Self, Arc<Progress>) {
        let progress = Arc::new(Progress::new());
        let patience = bounds.body_within;
        let upload = Self {
            body,
            left: bounds.body_bytes,
            most: bounds.body_bytes,
            patience,
            most_patience: patience,
            waiting: None,
            progress: Arc::clone(&progress),
        };
        (upload, progress)
    }

    fn fails(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        self.progress.fails(refusal.clone());
        Poll::Ready(Some(Err(refusal)))
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Refusal>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some((since, _)) = self.waiting.take() {
                self.patience = self.patience.saturating_sub(since.elapsed());
            }
            return Poll::Ready(
                frame.transpose().map_err(|_| Refusal::BadRequest("its body broke off")),
            );
        }
        let patience = self.patience;
        let (_, deadline) =
            self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(patience))));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(Refusal::TooSlow))
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        let frame = match ready!(self.poll_client(cx)) {
            Ok(frame) => frame,
            Err(refusal) => return self.fails(refusal),
        };
        self.progress.touch();
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = match frame.into_data() {
            Ok(data) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(length) else {
                    return self.fails(Refusal::TooLarge(self.most));
                };
                self.left = left;
                let earned = Duration::from_millis(length.saturating_mul(1_000) / SLOWEST);
                self.patience = self.patience.saturating_add(earned).min(self.most_patience);
                Frame::data(data)
            }
            // Trailers, which some servers put among the headers.
            Err(frame) => end_to_end::trailers(frame),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes a second that a client must send in the long run.
const SLOWEST: u64 = 256;
