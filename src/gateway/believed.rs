//! Whose word is taken for what a request was before it came here.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// Proxies that are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Believed {
    /// From these addresses.
    Net(IpNet),
    /// By a Unix socket.
    Unix,
}

impl Believed {
    /// Whether this is one: by its address, or by a Unix socket, which has none.
    pub(crate) fn is(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Net(net), Some(address)) => net.contains(&address.to_canonical()),
            (Self::Unix, None) => true,
            _ => false,
        }
    }
}

impl FromStr for Believed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self::Net)
            .map_err(|_| format!("{text:?} is no address, no network (10.0.0.0/8) and not unix"))
    }
}

impl fmt::Display for Believed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) => net.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_believed_is_an_address_a_network_or_a_socket() {
        let net: Believed = "10.0.0.0/8".parse().unwrap();
        let mapped = "::ffff:10.1.2.3".parse().ok();
        assert!(net.is(mapped) && !net.is("192.0.2.1".parse().ok()) && !net.is(None));
        let unix: Believed = "unix".parse().unwrap();
        assert!(unix.is(None) && !unix.is(mapped));
        assert_eq!("10.0.0.7".parse::<Believed>().unwrap().to_string(), "10.0.0.7/32");
        assert!("here".parse::<Believed>().unwrap_err().starts_with("\"here\""));
    }
}
