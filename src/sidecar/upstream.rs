//! The service: where it is, and connections to it.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

use super::Bounds;
use super::upload::Upload;

/// Where the service is: `http://host:port`, `h2c://host:port` for HTTP/2 in clear, `unix:PATH`, `h2c+unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    place: Place,
    http2: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp(Authority),
    Unix(PathBuf),
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("{text:?} {why}: http://host:port, h2c://host:port, unix:PATH or h2c+unix:PATH")
        };
        for (prefix, http2) in [("unix:", false), ("h2c+unix:", true)] {
            if let Some(path) = text.strip_prefix(prefix) {
                let path = PathBuf::from(path);
                if path.as_os_str().is_empty() {
                    return Err(wrong("names no socket"));
                }
                return Ok(Self { place: Place::Unix(path), http2 });
            }
        }
        let (http2, rest) = match (text.strip_prefix("http://"), text.strip_prefix("h2c://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(wrong("is no place of a service")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') || rest.contains('?') {
            return Err(wrong("has a path, which requests bring themselves"));
        }
        let authority: Authority = rest.parse().map_err(|_| wrong("has no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(wrong("has a user, or no host"));
        }
        Ok(Self { place: Place::Tcp(authority), http2 })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.http2) {
            (Place::Tcp(authority), false) => write!(f, "http://{authority}"),
            (Place::Tcp(authority), true) => write!(f, "h2c://{authority}"),
            (Place::Unix(path), false) => write!(f, "unix:{}", path.display()),
            (Place::Unix(path), true) => write!(f, "h2c+unix:{}", path.display()),
        }
    }
}

impl Upstream {
    pub(super) fn speaks_http2(&self) -> bool {
        self.http2
    }

    /// Its Unix socket, where it has one.
    pub(crate) fn socket(&self) -> Option<&Path> {
        match &self.place {
            Place::Tcp(_) => None,
            Place::Unix(path) => Some(path),
        }
    }

    /// The addresses of its host; none where it has a Unix socket. Asks the system, and blocks.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.place {
            Place::Tcp(authority) => Ok(host_and_port(authority).to_socket_addrs()?.collect()),
            Place::Unix(_) => Ok(Vec::new()),
        }
    }

    /// Its host and port, as it knows itself.
    fn authority(&self) -> Authority {
        match &self.place {
            Place::Tcp(authority) => authority.clone(),
            Place::Unix(_) => Authority::from_static("localhost"),
        }
    }

    /// What it is asked for where a client does not say.
    pub(super) fn host(&self) -> HeaderValue {
        // An authority is visible ASCII.
        HeaderValue::from_str(self.authority().as_str())
            .unwrap_or(const { HeaderValue::from_static("localhost") })
    }

    /// The address of a request there, by which connections are kept. HTTP/2 says whose a request is by it, which is the
    /// service's own, whatever the client's is; HTTP/1.1 by `Host`, and each letter of an address is hashed twice.
    pub(super) fn uri(&self, target: PathAndQuery) -> Option<Uri> {
        let authority = match self.http2 {
            true => self.authority(),
            false => Authority::from_static("s"),
        };
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
        uri.path_and_query(target).build().ok()
    }

    /// Connections to it.
    pub(super) fn client(&self, bounds: &Bounds) -> Client<Connector, Upload> {
        let connector =
            Connector { place: Arc::new(self.place.clone()), within: bounds.connect_within };
        Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(bounds.idle_for)
            .pool_max_idle_per_host(bounds.idle_connections)
            .http2_only(self.http2)
            // It is there.
            .set_host(false)
            .http1_max_buf_size(usize::try_from(bounds.head_bytes).unwrap_or(usize::MAX))
            .http2_max_header_list_size(bounds.head_bytes)
            .build(connector)
    }
}

/// What names are looked up by: addresses of version 6 without their brackets.
fn host_and_port(authority: &Authority) -> (&str, u16) {
    let host = authority.host();
    let plain = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    (plain.unwrap_or(host), authority.port_u16().unwrap_or(80))
}

/// Makes connections to one service.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    place: Arc<Place>,
    within: Duration,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let (place, within) = (Arc::clone(&self.place), self.within);
        let connected = async move {
            match &*place {
                Place::Tcp(authority) => {
                    let stream = TcpStream::connect(host_and_port(authority)).await?;
                    // A request is sent whole: waiting for more only costs time.
                    let _ = stream.set_nodelay(true);
                    Ok(Stream::Tcp(TokioIo::new(stream)))
                }
                Place::Unix(path) => {
                    UnixStream::connect(path).await.map(|stream| Stream::Unix(TokioIo::new(stream)))
                }
            }
        };
        Box::pin(async move {
            tokio::time::timeout(within, connected).await.unwrap_or_else(|_| {
                Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))
            })
        })
    }
}

/// A connection to the service.
pub(super) enum Stream {
    Tcp(TokioIo<TcpStream>),
    Unix(TokioIo<UnixStream>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_at_a_host_or_a_socket() {
        for (text, host, target) in [
            ("http://127.0.0.1:3000", "127.0.0.1:3000", "http://s/a?b"),
            ("h2c://[::1]:50051", "[::1]:50051", "http://[::1]:50051/a?b"),
            ("unix:/run/app.sock", "localhost", "http://s/a?b"),
            ("h2c+unix:app.sock", "localhost", "http://localhost/a?b"),
        ] {
            let upstream: Upstream = text.parse().unwrap();
            assert_eq!(upstream.to_string(), text);
            assert_eq!(upstream.host(), host);
            let uri = upstream.uri(PathAndQuery::from_static("/a?b")).unwrap();
            assert_eq!(uri.to_string(), target);
        }
        assert_eq!("http://app/".parse::<Upstream>().unwrap().to_string(), "http://app");
        for bad in [
            "",
            "app:80",
            "https://app",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u@a",
            "unix:",
        ] {
            let told = bad.parse::<Upstream>().unwrap_err();
            assert!(told.starts_with(&format!("{bad:?}")), "{told}");
        }
    }
}
