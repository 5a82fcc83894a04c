//! `serve --check`: validates what would run, and prints it.

use saddlebag_keys::{KeyRing, KeyRingHandle, Store};

use super::Serve;
use super::rotate::scoped;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::node::{self, Findings, addresses};
use crate::credential::Credentials;

impl Serve {
    /// Looks at everything that a start would, binds nothing, and changes nothing.
    pub(super) fn check(&self, console: &mut Console) -> End {
        let now = console.now();
        let mut findings = Findings::default();
        let place = self.ring.as_ref();
        let cache = self.watch.ring_cache.as_ref();
        findings.failure(place.and_then(|place| self.watch.misplaced(place, cache)));
        let ring = place.and_then(|place| findings.ring("ring", place, &self.watch, now));
        let callers = match &self.credential_ring {
            Some(place) => findings.ring("credential ring", place, &self.watch, now),
            None => ring.clone(),
        };
        if self.rotate {
            self.look_at_rotation(ring.as_ref(), &mut findings);
        }
        if let Some(ring) = ring {
            findings.failure(self.tokens(KeyRingHandle::fixed(ring)).err());
        } else if self.ring.is_none() {
            findings.failure(Some(node::no_ring("")));
        }
        if let Some(Err(error)) = callers.map(|ring| Credentials::new(KeyRingHandle::fixed(ring))) {
            findings.problem(format!("callers cannot be checked: {error}: add --credential-ring"));
        }
        self.look_at_listeners(&mut findings);
        findings.tls(&self.tls, now);
        findings.common(&self.gateway, &self.logs, &self.watch);
        findings.answer(console, &self.settings, self.json)
    }

    /// Why `--rotate` would never save a ring.
    fn look_at_rotation(&self, ring: Option<&KeyRing>, findings: &mut Findings) {
        if let Some(audience) = ring.and_then(KeyRing::scope) {
            return findings.failure(Some(scoped(audience)));
        }
        let place = self.ring.as_ref();
        if let Some(Ok(store)) = place.map(|ring| ring.store(self.watch.allow_group_read))
            && let Some(folder) = store.folder()
        {
            findings.writable(&format!("--rotate {}", store.location()), &folder);
        }
    }

    fn look_at_listeners(&self, findings: &mut Findings) {
        findings.listeners(&[
            ("--listen", Some(&self.listen)),
            ("--admin-listen", Some(&self.admin_listen)),
            ("--gateway-listen", self.gateway.gateway_listen.as_ref()),
        ]);
        findings.failure(self.misplaced());
        let gateway = addresses(self.gateway.gateway_listen.as_ref());
        let warnings =
            [self.in_clear(addresses(Some(&self.listen))), self.gateway.in_clear(gateway)];
        warnings.into_iter().flatten().for_each(|warning| findings.warning(warning));
    }
}
