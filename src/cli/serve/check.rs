//! `serve --check`: validates what would run, and prints it.

use std::net::ToSocketAddrs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use saddlebag_keys::{HighWater, KeyRing, KeyRingHandle, Store, UnixTime};
use serde::Serialize;

use super::Serve;
use super::rotate::scoped;
use crate::cli::End;
use crate::cli::config_file::Setting;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingLocation;
use crate::cli::shown::{Shown, count, with_relative};
use crate::credential::Credentials;
use crate::mask::without_tokens;
use crate::service::{Address, clock_complaint};

/// What was found: a problem keeps the service from doing its work, a warning does not.
#[derive(Default, Serialize)]
struct Findings {
    problems: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    settings: Vec<SettingAnswer>,
    /// What the settings lead to.
    facts: Vec<String>,
    #[serde(flatten)]
    findings: Findings,
}

#[derive(Serialize)]
struct SettingAnswer {
    name: String,
    value: String,
    /// `flag`, `environment`, `file` or `default`.
    source: &'static str,
}

impl Serve {
    /// Looks at everything that a start would, binds nothing, and changes nothing.
    pub(super) fn check(&self, console: &mut Console) -> End {
        let now = console.now();
        let (mut findings, mut facts) = (Findings::default(), Vec::new());
        let ring = self
            .ring
            .as_ref()
            .and_then(|place| self.look_at_ring("ring", place, now, &mut findings, &mut facts));
        let callers = match &self.credential_ring {
            Some(place) => {
                self.look_at_ring("credential ring", place, now, &mut findings, &mut facts)
            }
            None => ring.clone(),
        };
        if self.rotate {
            findings.problems.extend(self.cannot_rotate(ring.as_ref()));
        }
        if let Some(ring) = ring {
            let service = self.tokens(KeyRingHandle::fixed(ring));
            findings.problems.extend(service.err().map(|failure| told(&failure)));
        } else if self.ring.is_none() {
            findings.problems.push("no ring: say --ring file:PATH or vault:MOUNT/PATH".to_owned());
        }
        if let Some(Err(error)) = callers.map(|ring| Credentials::new(KeyRingHandle::fixed(ring))) {
            let error = format!("callers cannot be checked: {error}: add --credential-ring");
            findings.problems.push(error);
        }
        self.look_at_listeners(&mut findings);
        match self.tls.load() {
            Err(failure) => findings.problems.push(told(&failure)),
            Ok(None) => {}
            Ok(Some(tls)) => {
                let certificate = tls.certificate();
                let names = certificate.names.join(" ");
                let ends = with_relative(certificate.not_after, now);
                facts.push(format!("certificate: for {names}, ends {ends}"));
                findings.problems.extend(certificate.complaint(now));
            }
        }
        findings.problems.extend(self.gateway.load().err().map(|failure| told(&failure)));
        findings.problems.extend(self.logs.complaint().map(|failure| told(&failure)));
        if self.watch.stale_after.is_some_and(|span| span.0 == 0) {
            findings.warnings.push("--stale-after 0s: this node issues nothing".to_owned());
        }
        match &self.watch.state_dir {
            Some(folder) => {
                let flag = format!("--state-dir {}", folder.display());
                findings.problems.extend(unwritable(&flag, folder));
            }
            None => findings.warnings.push(
                "without --state-dir a restart takes an older ring than the one used before"
                    .to_owned(),
            ),
        }
        self.answer(console, facts, findings)
    }

    fn look_at_ring(
        &self,
        what: &str,
        place: &RingLocation,
        now: UnixTime,
        findings: &mut Findings,
        facts: &mut Vec<String>,
    ) -> Option<KeyRing> {
        let store = self.watch.open(place, self.dev);
        let loaded =
            store.and_then(|store| store.load().map_err(|error| Failure::store(&error, place)));
        let ring = match loaded {
            Ok(ring) => ring,
            Err(failure) => {
                findings.problems.push(told(&failure));
                return None;
            }
        };
        let active = match ring.active(now) {
            Some(active) => format!("{} issues", active.id()),
            None => {
                findings.problems.push(format!("{what}: no key is active by this clock, {now}"));
                "none issues".to_owned()
            }
        };
        facts.push(format!(
            "{what}: {}, generation {}, {}, {active}",
            Shown(ring.name()),
            ring.generation(),
            count(ring.keys().len(), "key", "keys")
        ));
        findings.problems.extend(clock_complaint(&ring, now));
        if let Some(folder) = self.watch.state_dir.as_ref().filter(|_| !self.watch.allow_rollback) {
            let admitted = HighWater::new(folder).admits(&ring);
            findings.problems.extend(admitted.err().map(|error| format!("{what}: {error}")));
        }
        if ring.standby(now).is_none() && ring.scope().is_none() {
            findings.warnings.push(format!("{what}: no key is staged: run saddlebag keys rotate"));
        }
        Some(ring)
    }

    /// Why `--rotate` would never save a ring.
    fn cannot_rotate(&self, ring: Option<&KeyRing>) -> Option<String> {
        if let Some(audience) = ring.and_then(KeyRing::scope) {
            return Some(told(&scoped(audience)));
        }
        let store = self.ring.as_ref()?.store(self.watch.allow_group_read).ok()?;
        unwritable(&format!("--rotate {}", store.location()), &store.folder()?)
    }

    fn look_at_listeners(&self, findings: &mut Findings) {
        let (api, admin) = (&self.listen, &self.admin_listen);
        let any = |address: &Address| matches!(address, Address::Tcp(text) if text.ends_with(":0"));
        if api == admin && !any(api) {
            findings.problems.push(format!("--listen and --admin-listen are both {api}"));
        }
        for address in [api, admin] {
            let folder = match address {
                Address::Unix(path) => path.parent().filter(|folder| *folder != Path::new("")),
                _ => None,
            };
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                let told = format!("{address}: there is no folder {}", folder.display());
                findings.problems.push(told);
            } else if let Some(folder) = folder {
                findings.problems.extend(unwritable(&address.to_string(), folder));
            }
            if let Address::Unix(path) = address
                && std::fs::symlink_metadata(path).is_ok_and(|facts| !facts.file_type().is_socket())
            {
                findings.problems.push(format!("{address}: there is a file that is no socket"));
            }
            if let Address::Tcp(text) = address
                && let Err(error) = text.to_socket_addrs()
            {
                findings.problems.push(format!("{text}: {error}: give an address of this machine"));
            }
        }
        findings.problems.extend(self.misplaced().map(|failure| told(&failure)));
        if let Address::Tcp(address) = api {
            let addresses = address.to_socket_addrs().into_iter().flatten();
            findings.warnings.extend(self.in_clear(addresses.map(|address| address.ip())));
        }
    }

    fn answer(&self, console: &mut Console, facts: Vec<String>, findings: Findings) -> End {
        let ok = findings.problems.is_empty();
        let exit = if ok { Exit::Done } else { Exit::Refused };
        let settings = self.settings.iter().map(|Setting { name, value, source }| SettingAnswer {
            name: name.clone(),
            value: without_tokens(value),
            source,
        });
        if self.json {
            let settings = settings.collect();
            console.json(&Answer { ok, settings, facts, findings })?;
            return Ok(exit);
        }
        let width = self.settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        for SettingAnswer { name, value, source } in settings {
            console.line(format_args!("{name:width$}  {} ({source})", Shown(&value)));
        }
        for fact in facts {
            console.line(Shown(&fact));
        }
        for warning in &findings.warnings {
            console.line(format_args!("warning: {}", Shown(warning)));
        }
        for problem in &findings.problems {
            console.line(format_args!("problem: {}", Shown(problem)));
        }
        console.line(match findings.problems.len() {
            0 => "it would serve".to_owned(),
            n => format!("it would not serve well: {}", count(n, "problem", "problems")),
        });
        Ok(exit)
    }
}

fn told(failure: &Failure) -> String {
    format!("{}: {}", failure.error(), failure.help())
}

fn unwritable(what: &str, folder: &Path) -> Option<String> {
    // The nearest that is there: the rest is made at the start.
    let named = folder.ancestors().map(|folder| match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    });
    let there = named.into_iter().find(|folder| folder.exists())?;
    let error = tempfile::tempfile_in(there).err()?;
    Some(format!("{what}: {error}: this user must be able to write there"))
}
