//! `sidecar --check`: validates what would run, and prints it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;

use saddlebag_keys::KeyRingHandle;

use super::Sidecar;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::node::{self, Findings, addresses};
use crate::service::Address;
use crate::sidecar::Upstream;

impl Sidecar {
    /// Looks at everything that a start would, binds nothing, asks the service nothing, and changes nothing.
    pub(super) fn check(&self, console: &mut Console) -> End {
        let now = console.now();
        let mut findings = Findings::default();
        match &self.ring {
            Some(place) => {
                findings.failure(self.watch.misplaced(place, self.watch.ring_cache.as_ref()));
                if let Some(ring) = findings.ring("ring", place, &self.watch, now) {
                    findings.failure(self.tokens(KeyRingHandle::fixed(ring)).err());
                }
            }
            None => findings.failure(Some(node::no_ring(""))),
        }
        let places = [
            ("--listen", Some(&self.listen)),
            ("--admin-listen", Some(&self.admin_listen)),
            ("--gateway-listen", self.gateway.gateway_listen.as_ref()),
            ("--api-listen", self.api_listen.as_ref()),
        ];
        match &self.upstream {
            Some(upstream) => look_at_upstream(
                upstream,
                places.iter().filter_map(|(_, place)| *place),
                &mut findings,
            ),
            None => findings.failure(Some(super::no_upstream())),
        }
        findings.failure(self.rules().err());
        if self.cookie_insecure {
            findings.warning("--cookie-insecure: sessions travel in clear: for development alone");
        }
        findings.listeners(&places);
        let gateway = addresses(self.gateway.gateway_listen.as_ref());
        if let Some(warning) = self.gateway.in_clear(gateway) {
            findings.warning(warning);
        }
        findings.failure(self.misplaced());
        findings.tls(&self.tls, now);
        findings.common(&self.gateway, &self.logs, &self.watch);
        findings.answer(console, &self.settings, self.json)
    }
}

/// A service that is not there yet is answered for with 502 until it is.
fn look_at_upstream<'a>(
    upstream: &Upstream,
    mut places: impl Iterator<Item = &'a Address>,
    findings: &mut Findings,
) {
    let flag = format!("--upstream {upstream}");
    let is_ours = match upstream.socket() {
        Some(path) => {
            match std::fs::metadata(path) {
                Ok(facts) if facts.file_type().is_socket() => {}
                Ok(_) => findings.problem(format!("{flag}: there is a file that is no socket")),
                Err(error) => {
                    findings.warning(format!("{flag}: the service is not there: {error}"))
                }
            }
            places.any(|place| matches!(place, Address::Unix(ours) if ours == path))
        }
        None => match upstream.addresses() {
            Ok(theirs) => places.any(|place| theirs.iter().any(|their| is_at(place, *their))),
            Err(error) => {
                findings.warning(format!("{flag}: its host is not known: {error}"));
                false
            }
        },
    };
    if is_ours {
        findings.problem(format!("{flag}: the sidecar itself listens there"));
    }
}

/// Whether a listener takes what is sent to an address of this machine.
fn is_at(place: &Address, address: SocketAddr) -> bool {
    let Address::Tcp(text) = place else {
        return false;
    };
    let ours = text.to_socket_addrs().into_iter().flatten();
    ours.filter(|ours| ours.port() != 0).any(|ours| {
        let every = ours.ip().is_unspecified() && address.ip().is_loopback();
        ours == address || (every && ours.port() == address.port())
    })
}
