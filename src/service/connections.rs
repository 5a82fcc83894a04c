//! Connections: HTTP/1.1 and HTTP/2, deadlines for the other end, a cap on their number, a graceful end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

use super::listen::Bound;
use super::patient::Patient;

/// Serves `router` until the other end of `stopped` is dropped, then drains.
pub(super) async fn serve(
    listener: Bound,
    router: Router,
    mut stopped: watch::Receiver<()>,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    let seats = Arc::new(Semaphore::new(most_connections()));
    loop {
        let next = async {
            let seat = Arc::clone(&seats).acquire_owned().await.map_err(io::Error::other)?;
            accept(&listener).await.map(|stream| (stream, seat))
        };
        let stream = tokio::select! {
            stream = next => stream,
            // An error means that the sender is gone, which is the sign.
            _ = stopped.changed() => break,
        };
        match stream {
            Ok((stream, seat)) => {
                let (router, watcher) = (router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    connection(stream, router, watcher).await;
                    drop(seat);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting at once again would spin.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = drain.as_secs(), "connections were cut: they did not end in time");
    }
}

async fn accept(listener: &Bound) -> io::Result<Stream> {
    match listener {
        Bound::Tcp(listener) => {
            let (stream, _) = listener.accept().await?;
            // Answers are small and whole: waiting for more to send only costs time.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        Bound::Unix(listener, _) => {
            let (stream, _) = listener.accept().await?;
            Ok(Box::new(stream))
        }
    }
}

async fn connection(stream: Stream, router: Router, watcher: Watcher) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEADERS_WITHIN);
    builder.http1().max_buf_size(LARGEST_HEAD);
    builder.http2().max_header_list_size(LARGEST_HEAD_H2).max_concurrent_streams(MOST_STREAMS);
    let service = TowerToHyperService::new(router);
    let stream = TokioIo::new(Patient::new(stream, HEADERS_WITHIN));
    let connection = builder.serve_connection(stream, service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// How many connections a listener has at most. Each is an open file: whoever connects, two listeners
/// leave this process enough of them to read its ring.
fn most_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused where somebody forbids it; what then holds is asked for below.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let share = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX);
    share.clamp(1, MOST_CONNECTIONS)
}

type Stream = Box<dyn Io>;

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

const MOST_CONNECTIONS: usize = 4_096;
const OTHER_FILES: u64 = 64;
const MOST_STREAMS: u32 = 128;
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
const LARGEST_HEAD: usize = 32 * 1024;
const LARGEST_HEAD_H2: u32 = 32 * 1024;
