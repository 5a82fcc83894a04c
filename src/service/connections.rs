//! Connections: HTTP/1.1 and HTTP/2, over TLS or not, with deadlines for the other end, a cap on their
//! number, and a graceful end.

mod activity;
mod bodies;
mod patient;
mod quiet;
mod room;
mod seats;
mod streams;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::http::{Response, StatusCode, Version};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, watch};

use super::application::Application;
use super::limits::{self, Limits};
use super::listen::Bound;
use super::metrics::ConnectionMetrics;
use super::peer::Peer;
use super::problem::Problem;
use super::tls::{NoHandshake, Tls};
use crate::framing::is_clear;
use crate::sidecar::TunnelSlot;
use activity::{Activity, UnderWay};
use bodies::{Read, Taken};
use patient::Patient;
use quiet::quiet;
use streams::{Streams, Together};

pub(super) use room::{Room, Wanted};
pub(super) use seats::{Full, Seats};

/// What a listener serves, and how.
pub(super) struct Serving {
    pub(super) application: Application,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) limits: Limits,
    pub(super) seats: Arc<Seats>,
    pub(super) metrics: ConnectionMetrics,
}

/// Serves until the other end of `stopped` is dropped, then drains.
pub(super) async fn serve(
    listener: Bound,
    serving: Serving,
    mut stopped: watch::Receiver<()>,
    drain: Duration,
) {
    let serving = Arc::new(serving);
    let refusals = Arc::new(Semaphore::new(limits::REFUSALS));
    // Gone once every connection has dropped its end.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let next = tokio::select! {
            next = accept(&listener) => next,
            // An error means that the sender is gone, which is the sign.
            _ = stopped.changed() => break,
        };
        let (stream, peer) = match next {
            Ok(accepted) => accepted,
            // Who has gone already is no trouble of ours, and no reason to keep others waiting.
            Err(error) if GONE.contains(&error.kind()) => continue,
            Err(error) => {
                // Out of file descriptors, most likely: accepting at once again would spin.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        serving.metrics.accepted();
        match serving.seats.take(peer.address()) {
            Ok(seat) => {
                let (serving, stopped, alive) =
                    (Arc::clone(&serving), stopped.clone(), alive.clone());
                tokio::spawn(async move {
                    serving.connection(stream, peer, stopped).await;
                    drop((seat, alive));
                });
            }
            Err(full) => {
                serving.metrics.refused(full);
                tracing::debug!(%peer, reason = full.as_str(), "a connection was refused");
                // Over TLS nothing can be said without a handshake, which costs more than a seat.
                if serving.tls.is_none()
                    && let Ok(permit) = Arc::clone(&refusals).try_acquire_owned()
                {
                    tokio::spawn(async move {
                        refuse(stream, full).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop((listener, alive));
    if tokio::time::timeout(drain, all_gone.recv()).await.is_err() {
        tracing::warn!(seconds = drain.as_secs(), "connections were cut: they did not end in time");
    }
}

impl Serving {
    async fn connection(
        self: &Arc<Self>,
        stream: Stream,
        peer: Peer,
        mut stopped: watch::Receiver<()>,
    ) {
        let (Some(tls), Peer::Remote { address, .. }) = (&self.tls, &peer) else {
            return self.requests(stream, peer, stopped).await;
        };
        let address = *address;
        let shaken = tokio::select! {
            shaken = tls.accept(stream, self.limits.handshake_within) => shaken,
            // Nothing is under way yet.
            _ = stopped.changed() => return,
        };
        match shaken {
            Ok((stream, certificate)) => {
                let certificate = certificate.map(Into::into);
                let peer = Peer::Remote { address, certificate };
                self.requests(Box::new(stream), peer, stopped).await;
            }
            Err(failure) => {
                self.metrics.no_handshake(&failure);
                match failure {
                    NoHandshake::TooSlow => tracing::debug!(%peer, "a TLS handshake took too long"),
                    NoHandshake::Failed(error) => {
                        tracing::debug!(%peer, %error, "a TLS handshake failed");
                    }
                    NoHandshake::OtherName(names) => {
                        let names = names.join(" ");
                        tracing::warn!(%peer, names, "a client's certificate has no name that is allowed");
                    }
                }
            }
        }
    }

    /// Serves one connection's requests to its end.
    async fn requests(
        self: &Arc<Self>,
        stream: Stream,
        peer: Peer,
        mut stopped: watch::Receiver<()>,
    ) {
        let activity = Activity::new();
        let stream = Patient::new(stream, Arc::clone(&activity), self.limits.head_within);
        let (serving, under_way) = (Arc::clone(self), Arc::clone(&activity));
        let client = self.application.client(&peer);
        let tunnel = client.as_ref().map(|client| client.tunnel.clone());
        // In a box: HTTP/2 moves it about until it is where it stays. And small: the request is in a box, since each
        // future that it goes through has room for it twice.
        let service = service_fn(move |mut request: Request<Incoming>| {
            let slot = client.as_ref().map(|client| client.tunnel.clone());
            if let Some(client) = &client {
                request.extensions_mut().insert(client.clone());
            }
            let (parts, body) = request.into_parts();
            let (body, read) = Read::new(body);
            let request = Box::new(Request::from_parts(parts, Body::new(body)));
            let under_way = under_way.request();
            Box::pin(Arc::clone(&serving).answer(request, read, peer.clone(), under_way, slot))
        });
        let streams = Streams::default();
        let builder = self.builder(streams.clone());
        let stream = TokioIo::new(stream);
        let connection = pin!(builder.serve_connection_with_upgrades(stream, service));
        let mut connection = Together::new(connection, streams);
        let end = quiet(async {
            tokio::select! {
                _ = stopped.changed() => End::Stopped,
                () = activity.unread_for(self.limits.head_within) => End::Unread,
                () = activity.idle_for(self.limits.idle_for) => End::Idle,
            }
        });
        let end = tokio::select! {
            biased;
            ended = &mut connection => End::Ended(ended),
            end = end => end,
        };
        let ended = match end {
            End::Ended(ended) => ended,
            End::Unread => Ok(()),
            End::Stopped => {
                connection.connection().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = activity.unread_for(self.limits.head_within) => Ok(()),
                }
            }
            End::Idle => {
                connection.connection().graceful_shutdown();
                // HTTP/2 tells the other end first, which may not be there.
                match tokio::time::timeout(self.limits.head_within, connection).await {
                    Ok(ended) => ended,
                    Err(_) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        } else if let Some(tunnel) = tunnel.and_then(|slot| slot.take()) {
            // Nothing that comes now is a head.
            let _under_way = activity.request();
            tunnel.await;
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Box<Request>,
        read: Arc<AtomicBool>,
        peer: Peer,
        under_way: UnderWay,
        slot: Option<TunnelSlot>,
    ) -> Result<Response<Taken>, axum::Error> {
        let version = request.version();
        let (answer, mut held) = match is_clear(request.headers()) {
            true => self.application.answer(request, &peer).await,
            // Told as hyper tells of any head that is none; unread, it ends the connection.
            false => (StatusCode::BAD_REQUEST.into_response(), None),
        };
        let (mut parts, body) = answer.into_parts();
        if let Some(slot) = slot.filter(|_| parts.status == StatusCode::SWITCHING_PROTOCOLS) {
            slot.hold(held.take());
        }
        // hyper ends a connection whose request was not read: the other end should know.
        if version < Version::HTTP_2 && !read.load(Ordering::Relaxed) {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let body = match self.application.passes_on() {
            true => Taken::passing(body, under_way, held),
            false => Taken::whole(bodies::whole(body).await?, under_way, held),
        };
        Ok(Response::from_parts(parts, body))
    }

    fn builder(&self, executor: Streams) -> Builder<Streams> {
        let Limits { head_bytes, head_within, streams, .. } = self.limits;
        let mut builder = Builder::new(executor);
        // Heads and pauses are timed by `Patient` and `Activity`.
        builder.http1().timer(TokioTimer::new()).header_read_timeout(None);
        builder.http1().max_buf_size(usize::try_from(head_bytes).unwrap_or(usize::MAX));
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(head_within)
            .keep_alive_timeout(head_within)
            .max_header_list_size(head_bytes)
            .max_concurrent_streams(streams)
            .max_pending_accept_reset_streams(limits::PENDING_RESETS)
            .max_local_error_reset_streams(limits::OWN_RESETS);
        builder
    }
}

/// Why a connection is no longer served as it was.
enum End<E> {
    Ended(Result<(), E>),
    /// The service ends.
    Stopped,
    /// An answer is not taken.
    Unread,
    /// There have been no requests for too long.
    Idle,
}

async fn accept(listener: &Bound) -> io::Result<(Stream, Peer)> {
    match listener {
        Bound::Tcp(listener) => {
            let (stream, address): (_, SocketAddr) = listener.accept().await?;
            // Answers are small and whole: waiting for more to send only costs time. Fails where the other
            // end has gone, which is found out soon enough.
            let _ = stream.set_nodelay(true);
            Ok((Box::new(stream), Peer::Remote { address, certificate: None }))
        }
        Bound::Unix(_, listener) => {
            let (stream, _) = listener.accept().await?;
            let uid = stream.peer_cred().ok().map(|credentials| credentials.uid());
            Ok((Box::new(stream), Peer::Local { uid }))
        }
    }
}

/// Says in HTTP/1.1 that there is no room, and waits a moment for it to be read: a socket that is closed
/// while it holds unread bytes takes the answer back.
async fn refuse(mut stream: Stream, full: Full) {
    let problem = Problem::too_many_connections(full).to_json();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         cache-control: no-store\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        problem.len()
    );
    let told = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&problem).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4_096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it was heard is no matter of ours.
    let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
}

const GONE: [io::ErrorKind; 2] = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];

type Stream = Box<dyn Io>;

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
