//! A connection's stream, which waits for its other end, and not for ever.
//!
//! hyper times the head of a request. Nobody times the bytes by which it tells the version of HTTP, nor
//! answers that the other end does not read: either held a connection's seat for as long as it liked.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream whose first bytes must come within a time, and of which some must go within it at any time.
pub(super) struct Patient<S> {
    stream: S,
    longest: Duration,
    /// How many of the first bytes are yet to come, and until when; `None` once they have.
    beginning: Option<(usize, Pin<Box<Sleep>>)>,
    /// Since something is to be written that is not taken.
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, longest: Duration) -> Self {
        let beginning = Some((PREFACE_LEN, Box::pin(sleep(longest))));
        Self { stream, longest, beginning, writing: None }
    }

    fn waited_to_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let longest = self.longest;
        let waits = self.writing.get_or_insert_with(|| Box::pin(sleep(longest)));
        waits.as_mut().poll(cx).map(|()| Err(too_slow()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let Some((missing, deadline)) = &mut self.beginning else {
            return read;
        };
        if read.is_pending() {
            return deadline.as_mut().poll(cx).map(|()| Err(too_slow()));
        }
        *missing = missing.saturating_sub(buffer.filled().len().saturating_sub(before));
        if *missing == 0 {
            self.beginning = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.waited_to_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.waited_to_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the other end is too slow")
}

/// Bytes of HTTP/2's preface (RFC 9113, section 3.4). A request of HTTP/1.1 that has fewer is answered,
/// and its connection then ends as an idle one does.
const PREFACE_LEN: usize = 24;
