//! A request's body on its way to the service: no longer than allowed, and not for ever.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::Bounds;
use super::end_to_end;
use super::refusal::Refusal;

/// A request's body.
pub(super) struct Upload {
    body: Body,
    left: u64,
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
            patience,
            most_patience: patience,
            waiting: None,
            progress: Arc::clone(&progress),
        };
        (upload, progress)
    }

    fn fails(&self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        self.progress.fault.store(fault as u8, Ordering::Relaxed);
        Poll::Ready(Some(Err(fault)))
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Fault>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            if let Some((since, _)) = self.waiting.take() {
                self.patience = self.patience.saturating_sub(since.elapsed());
            }
            return Poll::Ready(frame.transpose().map_err(|_| Fault::Gone));
        }
        let patience = self.patience;
        let (_, deadline) =
            self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(patience))));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(Fault::TooSlow))
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let frame = match ready!(self.poll_client(cx)) {
            Ok(frame) => frame,
            Err(fault) => return self.fails(fault),
        };
        self.progress.touch();
        let Some(frame) = frame else { return Poll::Ready(None) };
        let frame = match frame.into_data() {
            Ok(data) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                let Some(left) = self.left.checked_sub(length) else {
                    return self.fails(Fault::TooLarge);
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

/// How far a request or a tunnel is, for who waits beside it.
pub(super) struct Progress {
    began: Instant,
    /// Milliseconds from `began` to the last that came.
    last: AtomicU64,
    fault: AtomicU8,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: AtomicU64::new(0), fault: AtomicU8::new(0) }
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

    /// What the client did wrong, where it did.
    pub(super) fn fault(&self, bounds: &Bounds) -> Option<Refusal> {
        let fault = self.fault.load(Ordering::Relaxed);
        [Fault::TooLarge, Fault::TooSlow, Fault::Gone]
            .into_iter()
            .find(|known| *known as u8 == fault)
            .map(|fault| match fault {
                Fault::TooLarge => Refusal::TooLarge(bounds.body_bytes),
                Fault::TooSlow => Refusal::TooSlow,
                Fault::Gone => Refusal::BadRequest("its body broke off"),
            })
    }
}

/// Why a body ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fault {
    TooLarge = 1,
    TooSlow,
    Gone,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the body is too large",
            Self::TooSlow => "the body comes too slowly",
            Self::Gone => "the client broke off",
        })
    }
}

impl std::error::Error for Fault {}

/// Bytes a second that a client must send in the long run.
const SLOWEST: u64 = 256;
