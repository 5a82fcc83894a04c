//! One connection, of HTTP/1.1 or HTTP/2, whose bytes are counted at the socket; made again where it broke.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub type Body = Empty<Bytes>;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub struct Wire {
    target: SocketAddr,
    http2: bool,
    sender: Option<Sender>,
    counts: Arc<Counts>,
}

enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

#[derive(Default)]
struct Counts {
    up: AtomicU64,
    down: AtomicU64,
}

impl Wire {
    pub fn new(target: SocketAddr, http2: bool) -> Self {
        Self { target, http2, sender: None, counts: Arc::default() }
    }

    /// Bytes up and down so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.up.load(Ordering::Relaxed), self.counts.down.load(Ordering::Relaxed))
    }

    /// The whole answer, or in a few words why there is none.
    pub async fn send(&mut self, request: Request<Body>) -> Result<Answer, String> {
        let sent = timeout(PATIENCE, self.answer(request))
            .await
            .unwrap_or_else(|_| Err("no answer in time".to_owned()));
        if sent.is_err() {
            self.sender = None;
        }
        sent
    }

    async fn answer(&mut self, request: Request<Body>) -> Result<Answer, String> {
        // A server that closes a connection between two requests has not failed; hyper knows only when it was told.
        tokio::task::yield_now().await;
        let usable = match &self.sender {
            Some(Sender::One(sender)) => sender.is_ready(),
            Some(Sender::Two(sender)) => sender.is_ready(),
            None => false,
        };
        if !usable {
            self.sender =
                Some(self.connected().await.map_err(|error| format!("connect: {error}"))?);
        }
        let answer = match self.sender.as_mut() {
            Some(Sender::One(sender)) => sender.send_request(request).await,
            Some(Sender::Two(sender)) => sender.send_request(request).await,
            None => return Err("no connection".to_owned()),
        };
        let answer: Response<Incoming> = answer.map_err(|error| format!("send: {error}"))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| format!("body: {error}"))?.to_bytes();
        if let Some(Sender::One(sender)) = self.sender.as_mut() {
            // Ready again, unless the server ends the connection with this answer.
            if sender.ready().await.is_err() {
                self.sender = None;
            }
        }
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn connected(&self) -> Result<Sender, Box<dyn std::error::Error>> {
        let stream = TcpStream::connect(self.target).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(Counted { stream, counts: Arc::clone(&self.counts) });
        Ok(if self.http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            Sender::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            Sender::One(sender)
        })
    }
}

struct Counted {
    stream: TcpStream,
    counts: Arc<Counts>,
}

impl AsyncRead for Counted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.counts.down.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = written {
            this.counts.up.fetch_add(written as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
