//! A connection's stream, which waits for its other end, and not for ever.
//!
//! hyper has one timer for the head of a request and for the pause before it, and none for the bytes by
//! which it tells the version of HTTP, nor for answers that the other end does not read: each of them held
//! a connection's seat for as long as it liked. Here a head has its own time from its first byte on;
//! pauses are bounded beside (`activity`).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::activity::Activity;

/// A stream on which a request's head must be whole within a time, and some of an answer must go.
pub(super) struct Patient<S> {
    stream: S,
    activity: Arc<Activity>,
    longest: Duration,
    version: Version,
    /// A head is on its way: how many requests had begun before it, and until when it may take, once it is waited
    /// for: most heads come whole.
    head: Option<(usize, Option<Pin<Box<Sleep>>>)>,
    /// Since something is to be written that is not taken.
    writing: Option<Pin<Box<Sleep>>>,
}

/// What the first bytes say.
enum Version {
    /// So many of HTTP/2's preface have come, and nothing else.
    Unknown(usize),
    One,
    /// Frames come between requests, too: only the preface is timed here.
    Two,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, longest: Duration) -> Self {
        let head = Some((0, None));
        let version = Version::Unknown(0);
        Self { stream, activity, longest, version, head, writing: None }
    }

    /// Looks at what has come: which version it is, and whether a head begins with it.
    fn came(&mut self, bytes: &[u8]) {
        // hyper does not read while a request is under way: a head that was whole is still noted here.
        if self.head.as_ref().is_some_and(|(before, _)| *before != self.activity.started()) {
            self.head = None;
        }
        if let Version::Unknown(known) = self.version {
            let rest = PREFACE.get(known..).unwrap_or_default();
            let same = bytes.iter().zip(rest).take_while(|(one, other)| one == other).count();
            let known = known.saturating_add(same);
            self.version = match () {
                () if known == PREFACE.len() => Version::Two,
                () if same < bytes.len() => Version::One,
                () => Version::Unknown(known),
            };
            if matches!(self.version, Version::Two) {
                self.head = None;
            }
        } else if matches!(self.version, Version::One)
            && self.head.is_none()
            && self.activity.is_idle()
        {
            self.head = Some((self.activity.started(), None));
        }
    }

    fn waited_to_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some((before, deadline)) = &mut self.head else {
            return Poll::Pending;
        };
        if *before != self.activity.started() {
            self.head = None;
            return Poll::Pending;
        }
        let longest = self.longest;
        let deadline = deadline.get_or_insert_with(|| Box::pin(sleep(longest)));
        deadline.as_mut().poll(cx).map(|()| Err(too_slow()))
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
        if read.is_pending() {
            return self.waited_to_read(cx);
        }
        self.came(buffer.filled().get(before..).unwrap_or_default());
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

    // TLS writes here what it took before.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.waited_to_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.waited_to_write(cx, shut)
    }
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the other end is too slow")
}

/// With what every HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const LONGEST: Duration = Duration::from_millis(80);

    fn stream() -> (Patient<DuplexStream>, Arc<Activity>, DuplexStream) {
        let (ours, theirs) = duplex(64);
        let activity = Activity::new();
        (Patient::new(ours, Arc::clone(&activity), LONGEST), activity, theirs)
    }

    fn block_on(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(test);
    }

    /// Reads until the other end has been given up, or for ten times as long as a head may take.
    async fn given_up(stream: &mut Patient<DuplexStream>) -> bool {
        let mut bytes = [0; 64];
        let read = async {
            loop {
                match stream.read(&mut bytes).await {
                    Ok(_) => {}
                    Err(error) => return error.kind() == io::ErrorKind::TimedOut,
                }
            }
        };
        timeout(LONGEST * 10, read).await.unwrap_or(false)
    }

    #[test]
    fn a_head_that_does_not_end_is_given_up_however_steadily_it_drips() {
        block_on(async {
            let (mut stream, _, mut theirs) = stream();
            let drip = async {
                while theirs.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(LONGEST / 8).await;
                }
            };
            tokio::select! {
                given_up = given_up(&mut stream) => assert!(given_up),
                () = drip => panic!("the stream is still there"),
            }
        });
    }

    #[test]
    fn nothing_at_all_and_half_a_preface_are_given_up() {
        for start in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
            block_on(async {
                let (mut stream, _, mut theirs) = stream();
                theirs.write_all(start).await.unwrap();
                assert!(given_up(&mut stream).await);
            });
        }
    }

    #[test]
    fn between_requests_a_connection_waits_as_long_as_others_let_it() {
        for start in [&b"GET / HTTP/1.1\r\n\r\n"[..], PREFACE] {
            block_on(async {
                let (mut stream, activity, mut theirs) = stream();
                theirs.write_all(start).await.unwrap();
                let mut bytes = [0; 64];
                assert!(stream.read(&mut bytes).await.unwrap() > 0);
                drop(activity.request());
                assert!(!given_up(&mut stream).await);
            });
        }
    }

    #[test]
    fn the_second_head_is_timed_as_the_first_was() {
        block_on(async {
            let (mut stream, activity, mut theirs) = stream();
            theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut bytes = [0; 64];
            assert!(stream.read(&mut bytes).await.unwrap() > 0);
            drop(activity.request());
            assert!(timeout(LONGEST * 2, stream.read(&mut bytes)).await.is_err());
            theirs.write_all(b"G").await.unwrap();
            assert!(given_up(&mut stream).await);
        });
    }

    #[test]
    fn an_answer_that_nobody_takes_is_given_up() {
        block_on(async {
            let (mut stream, _, _theirs) = stream();
            let written = timeout(LONGEST * 10, stream.write_all(&[0; 1_000])).await.unwrap();
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }
}
