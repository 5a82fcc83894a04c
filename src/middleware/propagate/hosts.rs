//! Where a session may be passed on to: named hosts, because whoever is sent a token is in the session.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::Uri;
use http::uri::Authority;

/// The hosts that a session is passed on to. A request to any other goes out as it is.
///
/// A client calls more than one's own services: a payment provider, a webhook that a customer typed in, whatever a
/// configuration says next year. Each of them would be handed a token that lets it act as the user. So hosts are
/// named, without wildcards:
///
/// | written | what it allows |
/// |---|---|
/// | `cart.internal` | `http` on port 80 and `https` on port 443 |
/// | `cart.internal:8080` | `http` and `https` on port 8080 |
/// | `https://cart.example` | `https` on port 443 |
/// | `http://127.0.0.1:9000`, `[::1]:9000` | addresses, if the request has them too: nothing is resolved |
///
/// Where a network is not one's own, write `https://`: a token in plain text is anybody's.
///
/// ```
/// # use saddlebag::Hosts;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hosts = Hosts::only(["cart.internal:8080", "https://stock.example"])?;
/// assert!(Hosts::only(["*.internal"]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Hosts(Listed);

#[derive(Clone, Debug)]
enum Listed {
    Any,
    Only(Arc<[Host]>),
}

#[derive(Clone, Debug)]
struct Host {
    scheme: Option<Scheme>,
    name: Name,
    /// That of the scheme, where there is none.
    port: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug)]
enum Name {
    Address(IpAddr),
    Dns(Box<str>),
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination<'a> {
    pub(super) scheme: Option<&'a str>,
    pub(super) host: Option<&'a str>,
    pub(super) port: Option<u16>,
}

impl Hosts {
    /// These and no others.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`] names the first that is not `host`, `host:port`, or one of them after `http://` or `https://`.
    pub fn only<I>(hosts: I) -> Result<Self, InvalidHost>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let parse =
            |host: I::Item| Host::parse(host.as_ref()).ok_or(InvalidHost::of(host.as_ref()));
        Ok(Self(Listed::Only(hosts.into_iter().map(parse).collect::<Result<_, _>>()?)))
    }

    /// Whatever host a request goes to.
    ///
    /// Dangerous: the session goes to everybody that the client ever calls. It is right for a client that cannot
    /// call but one service, and whose requests do not say which: a connection of hyper's, a channel of tonic's.
    pub fn dangerous_any() -> Self {
        Self(Listed::Any)
    }

    pub(super) fn allow(&self, to: Destination<'_>) -> bool {
        match &self.0 {
            Listed::Any => true,
            Listed::Only(hosts) => hosts.iter().any(|host| host.is(to)),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = match text.split_once("://") {
            Some((scheme, authority)) => (Some(Scheme::of(scheme)?), authority),
            None => (None, text),
        };
        // It knows brackets and ports, and the rest of it is stricter than any URL.
        let parsed: Authority = authority.parse().ok()?;
        let port = match authority.strip_prefix(parsed.host())? {
            "" => None,
            // Digits alone: a number may also have a sign.
            port => {
                let port = port.strip_prefix(':')?;
                let is_plain = port.bytes().all(|byte| byte.is_ascii_digit());
                Some(port.parse().ok().filter(|port| is_plain && *port != 0)?)
            }
        };
        Some(Self { scheme, name: Name::parse(parsed.host())?, port })
    }

    fn is(&self, to: Destination<'_>) -> bool {
        let scheme = to.scheme.and_then(Scheme::of);
        let usual = scheme.map(Scheme::port);
        to.host.is_some_and(|host| self.name.is(host))
            && (self.scheme.is_none() || self.scheme == scheme)
            // A request without either, to no one knows which port, is not to a listed one.
            && to.port.or(usual).is_some_and(|port| self.port.or(usual) == Some(port))
    }
}

impl Scheme {
    fn of(text: &str) -> Option<Self> {
        [Self::Http, Self::Https]
            .into_iter()
            .find(|scheme| text.eq_ignore_ascii_case(scheme.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Name {
    fn parse(host: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        match address(host) {
            Some(address) => Some(Self::Address(address)),
            None if host.is_empty() || !host.bytes().all(is_plain) => None,
            None => Some(Self::Dns(host.into())),
        }
    }

    fn is(&self, host: &str) -> bool {
        match self {
            Self::Address(listed) => address(host) == Some(*listed),
            Self::Dns(listed) => listed.eq_ignore_ascii_case(host),
        }
    }
}

/// An address as a URL has it.
fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

impl<'a> From<&'a Uri> for Destination<'a> {
    fn from(uri: &'a Uri) -> Self {
        Self { scheme: uri.scheme_str(), host: uri.host(), port: uri.port_u16() }
    }
}

/// What is no host to pass a session on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidHost(String);

impl InvalidHost {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        write!(
            f,
            "{text:?} is no host; write host or host:port, with http:// or https:// or without"
        )
    }
}

impl std::error::Error for InvalidHost {}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &[&str], uri: &str) -> bool {
        Hosts::only(hosts).unwrap().allow((&uri.parse::<Uri>().unwrap()).into())
    }

    #[test]
    fn a_host_is_allowed_on_its_port_and_scheme_alone() {
        for (listed, uri, expected) in [
            ("cart.internal", "http://cart.internal/a?b", true),
            ("cart.internal", "https://CART.internal:443/", true),
            ("cart.internal", "http://cart.internal:80", true),
            ("cart.internal", "http://cart.internal:443", false),
            ("cart.internal", "http://cart.internal:8080", false),
            ("cart.internal", "ftp://cart.internal", false),
            ("cart.internal", "http://cart.internal.evil.example", false),
            ("cart.internal", "http://evil-cart.internal", false),
            ("cart.internal", "http://a.cart.internal", false),
            ("cart.internal", "http://cart.internal@evil.example", false),
            ("cart.internal", "http://cart.internal./", false),
            ("cart.internal", "/cart.internal", false),
            ("cart.internal", "cart.internal", false),
            ("cart.internal:8080", "http://cart.internal:8080", true),
            ("cart.internal:8080", "https://cart.internal:8080", true),
            ("cart.internal:8080", "cart.internal:8080", true),
            ("cart.internal:8080", "http://cart.internal", false),
            ("cart.internal:80", "http://cart.internal", true),
            ("cart.internal:80", "https://cart.internal", false),
            ("HTTPS://cart.internal", "https://cart.internal", true),
            ("https://cart.internal", "http://cart.internal:443", false),
            ("https://cart.internal", "http://cart.internal", false),
            ("https://cart.internal:8443", "https://cart.internal:8443/x", true),
            ("https://cart.internal:8443", "https://cart.internal", false),
            ("127.0.0.1:9000", "http://127.0.0.1:9000", true),
            ("127.0.0.1:9000", "http://localhost:9000", false),
            ("[::1]:9000", "http://[0:0:0:0:0:0:0:1]:9000", true),
            ("[::1]", "http://[::2]", false),
        ] {
            assert_eq!(allows(&[listed], uri), expected, "{listed} {uri}");
            assert_eq!(allows(&["other", listed, "another:1"], uri), expected, "{listed} {uri}");
            assert!(!allows(&[], uri));
            assert!(Hosts::dangerous_any().allow((&uri.parse::<Uri>().unwrap()).into()));
        }
    }

    #[test]
    fn what_is_no_host_is_refused_by_name() {
        for text in [
            "",
            "*",
            "*.internal",
            "cart.internal/",
            "cart.internal/path",
            "https://cart.internal/",
            "https://",
            "ftp://cart.internal",
            "://cart.internal",
            "user@cart.internal",
            "cart.internal:",
            "cart.internal:0",
            "cart.internal:+80",
            "cart.internal:65536",
            "cart.internal:http",
            "cart internal",
            " cart.internal",
            "kärt.internal",
            "cart,stock",
            "::1",
            "[::1",
            "[cart]",
            "[::1]x",
        ] {
            let refused = Hosts::only(["cart", text]).unwrap_err();
            assert_eq!(refused, InvalidHost::of(text));
            assert!(refused.to_string().starts_with(&format!("{text:?} is no host")), "{refused}");
        }
    }
}
