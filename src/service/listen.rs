//! Where the service listens: a TCP address, a Unix socket, or a socket that systemd hands over.

use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use listenfd::ListenFd;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::net::{TcpListener, UnixListener};

/// An address to listen at: `host:port` (port 0 is any free one), `unix:PATH`, or `systemd:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(String),
    Unix(PathBuf),
    /// By its `FileDescriptorName=`.
    Systemd(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err("unix: wants a path".to_owned());
            }
            return Ok(Self::Unix(path.into()));
        }
        if let Some(name) = text.strip_prefix("systemd:") {
            if name.is_empty() {
                return Err("systemd: wants a name, that of FileDescriptorName=".to_owned());
            }
            return Ok(Self::Systemd(name.to_owned()));
        }
        let port = text.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self::Tcp(text.to_owned())),
            _ => Err(format!("{text:?} is neither host:port, unix:PATH nor systemd:NAME")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// The sockets that systemd hands over (sd_listen_fds(3)).
pub(crate) struct Handed {
    sockets: ListenFd,
    names: String,
}

impl Handed {
    /// Takes them from the environment: once, and while there is one thread, since their variables go with it.
    pub(crate) fn from_env() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        Self { sockets: ListenFd::from_env(), names }
    }

    fn take(&mut self, name: &str) -> io::Result<Bound> {
        let count = self.sockets.len();
        let place = self.names.split(':').take(count).position(|known| known == name);
        let missing = || {
            let names = &self.names;
            let told = format!("systemd handed over no socket of the name {name:?}, but {names:?}");
            io::Error::new(io::ErrorKind::NotFound, told)
        };
        let place = place.ok_or_else(missing)?;
        if let Ok(Some(listener)) = self.sockets.take_tcp_listener(place) {
            listener.set_nonblocking(true)?;
            return TcpListener::from_std(listener).map(Bound::Tcp);
        }
        let listener = self.sockets.take_unix_listener(place)?;
        let listener = listener.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        listener.set_nonblocking(true)?;
        Ok(Bound::Unix(None, UnixListener::from_std(listener)?))
    }
}

/// A listener, and the address that it got.
pub(crate) enum Bound {
    Tcp(TcpListener),
    /// With its name, where that is ours to take away; before the listener, so that nobody else's is taken.
    Unix(#[expect(dead_code, reason = "held")] Option<SocketFile>, UnixListener),
}

impl Bound {
    /// Binds. A Unix socket is its owner's alone, unless it is `open`: then whoever its folder lets in may
    /// connect, and is asked who they are.
    pub(crate) async fn to(address: &Address, open: bool, handed: &mut Handed) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                // The resolver may block: this is before anybody is served.
                let addresses: Vec<_> = address.to_socket_addrs()?.collect();
                TcpListener::bind(&addresses[..]).await.map(Self::Tcp)
            }
            Address::Unix(path) => {
                remove_dead_socket(path)?;
                // A socket has the umask's mode until it is given its own, and may be connected to at once.
                // Files that another thread makes meanwhile are as private already.
                let usual = umask(Mode::RWXG | Mode::RWXO);
                let listener = UnixListener::bind(path);
                umask(usual);
                let listener = listener?;
                let file = SocketFile(path.clone());
                let mode = if open { 0o666 } else { 0o600 };
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
                Ok(Self::Unix(Some(file), listener))
            }
            Address::Systemd(name) => handed.take(name),
        }
    }

    /// Where it can be reached from: `None` for a Unix socket, which is of this machine.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|address| address.ip()),
            Self::Unix(..) => None,
        }
    }

    /// The address, with the port that was free where any was asked for.
    pub(crate) fn address(&self) -> io::Result<String> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(_, listener) => {
                let address = listener.local_addr()?;
                let path = address.as_pathname().unwrap_or(Path::new("")).display();
                Ok(format!("unix:{path}"))
            }
        }
    }
}

/// The name of a socket, gone with its listener.
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A name that is left is found dead at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Removes a socket that nobody answers any more, left by a process that was killed.
fn remove_dead_socket(path: &Path) -> io::Result<()> {
    let is_socket =
        std::fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        // Any other error may be a living one's, of another user say.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_tcp_or_a_unix_socket() {
        assert_eq!("127.0.0.1:0".parse(), Ok(Address::Tcp("127.0.0.1:0".into())));
        assert_eq!("[::1]:7070".parse(), Ok(Address::Tcp("[::1]:7070".into())));
        assert_eq!("unix:/run/x".parse(), Ok(Address::Unix("/run/x".into())));
        assert_eq!("systemd:api".parse(), Ok(Address::Systemd("api".into())));
        for bad in
            ["", "7070", "localhost", "localhost:http", "localhost:70000", "unix:", "systemd:"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
