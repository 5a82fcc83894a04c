//! What is no HTTP any more: bytes both ways, once a client and its service have agreed on a WebSocket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

use super::progress::Progress;

/// Where a request leaves the tunnel that its connection becomes: whoever serves the connection keeps its seat until the
/// tunnel ends.
#[derive(Clone, Default)]
pub(crate) struct TunnelSlot(Arc<Mutex<Option<Tunnel>>>);

type Tunnel = Pin<Box<dyn Future<Output = ()> + Send>>;

impl TunnelSlot {
    /// The tunnel, where there is one.
    pub(crate) fn take(&self) -> Option<Tunnel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps something for as long as the tunnel lasts, where there is one: what its request took of the limits.
    pub(crate) fn hold(&self, held: impl Send + 'static) {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = slot.take().map(|tunnel| -> Tunnel {
            Box::pin(async move {
                let _held = held;
                tunnel.await;
            })
        });
    }

    pub(super) fn put(&self, tunnel: impl Future<Output = ()> + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(tunnel));
    }
}

/// Copies both ways until both have ended, or nothing has come for so long.
pub(super) async fn between(client: OnUpgrade, service: OnUpgrade, silent_for: Duration) {
    let (client, service) = match tokio::try_join!(client, service) {
        Ok(both) => both,
        Err(error) => return tracing::debug!(%error, "no tunnel came to be"),
    };
    let progress = Progress::new();
    let heard = |stream: Upgraded| Heard { stream: TokioIo::new(stream), progress: &progress };
    let (mut client, mut service) = (heard(client), heard(service));
    let ended = tokio::select! {
        ended = copy_bidirectional(&mut client, &mut service) => ended.map(|_| ()),
        () = progress.silent_for(silent_for) => Err(io::ErrorKind::TimedOut.into()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel ended early");
    }
}

/// A stream whose every byte is noticed.
struct Heard<'a> {
    stream: TokioIo<Upgraded>,
    progress: &'a Progress,
}

impl AsyncRead for Heard<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            self.progress.touch();
        }
        read
    }
}

impl AsyncWrite for Heard<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
