//! Who is at the other end of a connection, as far as the connection itself tells.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::credential::Role;

/// The other end. Part of a request's extensions, where it is local.
#[derive(Clone, Debug)]
pub(super) enum Peer {
    /// By TCP; with the name of its certificate, where TLS asked for one.
    Remote { address: SocketAddr, certificate: Option<Arc<str>> },
    /// By a Unix socket: a process of this user.
    Local { uid: Option<u32> },
}

impl Peer {
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Remote { address, .. } => Some(address.ip()),
            Self::Local { .. } => None,
        }
    }

    pub(super) fn uid(&self) -> Option<u32> {
        match self {
            Self::Remote { .. } => None,
            Self::Local { uid } => *uid,
        }
    }
}

/// `192.0.2.1`, `192.0.2.1 (web.example)`, `uid:1000`.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote { address, certificate: None } => write!(f, "{}", address.ip()),
            Self::Remote { address, certificate: Some(name) } => {
                write!(f, "{} ({name})", address.ip())
            }
            Self::Local { uid: Some(uid) } => write!(f, "uid:{uid}"),
            Self::Local { uid: None } => f.write_str("local"),
        }
    }
}

/// What a local user may do on a Unix socket without a credential: `UID=ROLE,…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalUser {
    pub(crate) uid: u32,
    pub(crate) roles: Vec<Role>,
}

impl std::str::FromStr for LocalUser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (uid, roles) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not UID=ROLE,…: like 1000=issue,verify"))?;
        let uid =
            uid.parse().map_err(|_| format!("{uid:?} is no user id: a number, see `id -u`"))?;
        let roles = roles.split(',').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { uid, roles })
    }
}

impl fmt::Display for LocalUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<_> = self.roles.iter().map(|role| role.as_str()).collect();
        write!(f, "{}={}", self.uid, roles.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_user_is_an_id_and_roles() {
        let user: LocalUser = "1000=issue,verify".parse().unwrap();
        assert_eq!(user, LocalUser { uid: 1000, roles: vec![Role::Issue, Role::Verify] });
        assert_eq!(user.to_string(), "1000=issue,verify");
        for (text, told) in [
            ("1000", "UID=ROLE"),
            ("alice=issue", "no user id"),
            ("-1=issue", "no user id"),
            ("1000=", "no role"),
            ("1000=root", "\"root\" is no role"),
        ] {
            let refusal = text.parse::<LocalUser>().unwrap_err();
            assert!(refusal.contains(told), "{text}: {refusal}");
        }
    }
}
