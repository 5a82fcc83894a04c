//! Bodies on a connection: whether a request's was read to its end, and until when an answer's is there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::activity::UnderWay;
use crate::service::observe::Held;

/// A request's body, which tells when it has been read.
pub(super) struct Read {
    body: Incoming,
    ended: Arc<AtomicBool>,
}

impl Read {
    /// The body, and whether it has ended.
    pub(super) fn new(body: Incoming) -> (Self, Arc<AtomicBool>) {
        let ended = Arc::new(AtomicBool::new(body.is_end_stream()));
        (Self { body, ended: Arc::clone(&ended) }, ended)
    }
}

impl Body for Read {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let is_last = match &polled {
            Poll::Ready(None) => true,
            // Nothing is asked for behind them.
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            _ => false,
        };
        if is_last || self.body.is_end_stream() {
            self.ended.store(true, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// All of an answer's body, which is there already: no answer of ours is made while it is sent.
pub(super) async fn whole(mut body: axum::body::Body) -> Result<Bytes, axum::Error> {
    let Some(first) = body.frame().await.transpose()? else {
        return Ok(Bytes::new());
    };
    let first = first.into_data().unwrap_or_default();
    if body.is_end_stream() {
        return Ok(first);
    }
    let rest = body.collect().await?.to_bytes();
    Ok([first, rest].concat().into())
}

/// An answer's body, and what its request holds until all of it is taken.
pub(super) struct Taken {
    body: Kind,
    under_way: UnderWay,
    _held: Option<Held>,
}

enum Kind {
    /// It is there, and is given in slices: what the other end has no room for stays here.
    Whole(Bytes),
    /// It comes from a service, which may take its time.
    Passing(axum::body::Body),
}

impl Taken {
    pub(super) fn whole(body: Bytes, under_way: UnderWay, held: Option<Held>) -> Self {
        under_way.answered();
        Self { body: Kind::Whole(body), under_way, _held: held }
    }

    pub(super) fn passing(body: axum::body::Body, under_way: UnderWay, held: Option<Held>) -> Self {
        Self { body: Kind::Passing(body), under_way, _held: held }
    }
}

impl Body for Taken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, under_way, .. } = &mut *self;
        match body {
            Kind::Whole(rest) => {
                let length = rest.len().min(SLICE);
                let slice = rest.split_to(length);
                Poll::Ready((length > 0).then(|| Ok(Frame::data(slice))))
            }
            Kind::Passing(body) => {
                // Whoever asks for more has taken what there was.
                under_way.taken();
                let polled = Pin::new(body).poll_frame(cx);
                if polled.is_ready() {
                    under_way.answered();
                }
                polled
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Kind::Whole(rest) => rest.is_empty(),
            Kind::Passing(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Kind::Whole(rest) => {
                SizeHint::with_exact(u64::try_from(rest.len()).unwrap_or(u64::MAX))
            }
            Kind::Passing(body) => body.size_hint(),
        }
    }
}

/// An HTTP/2 frame, unless the other end says otherwise.
const SLICE: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    struct Pieces(VecDeque<&'static [u8]>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
        }
    }

    #[test]
    fn an_answer_is_whole_in_however_many_pieces_it_comes() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for pieces in [&[][..], &["abc"], &["a", "", "bc"]] {
                let bytes: VecDeque<_> = pieces.iter().map(|piece| piece.as_bytes()).collect();
                let body = axum::body::Body::new(Pieces(bytes));
                assert_eq!(whole(body).await.unwrap(), pieces.concat());
            }
            assert_eq!(whole("abc".into()).await.unwrap(), "abc");
        });
    }
}
