//! `--check` of verbs that serve: looks at everything that a start would, binds nothing, and changes nothing.

use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use saddlebag_keys::{HighWater, KeyRing, Store, UnixTime};
use serde::Serialize;

use super::{GatewayArgs, LogArgs, TlsArgs, WatchArgs};
use crate::cli::End;
use crate::cli::config_file::Setting;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingLocation;
use crate::cli::shown::{Shown, count, with_relative};
use crate::mask::without_tokens;
use crate::service::{Address, clock_complaint};

/// What was found: a problem keeps the node from doing its work, a warning does not.
#[derive(Default, Serialize)]
pub(in crate::cli) struct Findings {
    /// What the settings lead to.
    facts: Vec<String>,
    problems: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Answer {
    ok: bool,
    settings: Vec<SettingAnswer>,
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

impl Findings {
    pub(in crate::cli) fn problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    pub(in crate::cli) fn warning(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// What would have ended the start.
    pub(in crate::cli) fn failure(&mut self, failure: Option<Failure>) {
        let told = failure.map(|failure| format!("{}: {}", failure.error(), failure.help()));
        self.problems.extend(told);
    }

    /// A ring, and what it is good for by this clock.
    pub(in crate::cli) fn ring(
        &mut self,
        what: &str,
        place: &RingLocation,
        watch: &WatchArgs,
        now: UnixTime,
    ) -> Option<KeyRing> {
        let store = watch.open(place, false);
        let loaded =
            store.and_then(|store| store.load().map_err(|error| Failure::store(&error, place)));
        let ring = match loaded {
            Ok(ring) => ring,
            Err(failure) => {
                self.failure(Some(failure));
                return None;
            }
        };
        let active = match ring.active(now) {
            Some(active) => format!("{} issues", active.id()),
            None => {
                self.problem(format!("{what}: no key is active by this clock, {now}"));
                "none issues".to_owned()
            }
        };
        self.facts.push(format!(
            "{what}: {}, generation {}, {}, {active}",
            Shown(ring.name()),
            ring.generation(),
            count(ring.keys().len(), "key", "keys")
        ));
        self.problems.extend(clock_complaint(&ring, now));
        if let Some(folder) = watch.state_dir.as_ref().filter(|_| !watch.allow_rollback) {
            let admitted = HighWater::new(folder).admits(&ring);
            self.problems.extend(admitted.err().map(|error| format!("{what}: {error}")));
        }
        if ring.standby(now).is_none() && ring.scope().is_none() {
            self.warning(format!("{what}: no key is staged: run saddlebag keys rotate"));
        }
        Some(ring)
    }

    /// Where a node would listen, with the flag of each place.
    pub(in crate::cli) fn listeners(&mut self, places: &[(&str, Option<&Address>)]) {
        let places = places.iter().filter_map(|(flag, place)| Some((*flag, (*place)?)));
        let places: Vec<(&str, &Address)> = places.collect();
        let any = |place: &Address| matches!(place, Address::Tcp(text) if text.ends_with(":0"));
        for (n, (flag, place)) in places.iter().enumerate() {
            let earlier = places.iter().take(n).find(|(_, other)| other == place && !any(place));
            if let Some((other, _)) = earlier {
                self.problem(format!("{other} and {flag} are both {place}"));
            }
        }
        for (_, place) in places {
            self.listener(place);
        }
    }

    fn listener(&mut self, place: &Address) {
        match place {
            Address::Unix(path) => {
                let folder = path.parent().filter(|folder| *folder != Path::new(""));
                if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                    self.problem(format!("{place}: there is no folder {}", folder.display()));
                } else if let Some(folder) = folder {
                    self.writable(&place.to_string(), folder);
                }
                let there = std::fs::symlink_metadata(path);
                if there.is_ok_and(|facts| !facts.file_type().is_socket()) {
                    self.problem(format!("{place}: there is a file that is no socket"));
                }
            }
            Address::Tcp(text) => {
                if let Err(error) = text.to_socket_addrs() {
                    self.problem(format!("{text}: {error}: give an address of this machine"));
                }
            }
            Address::Systemd(_) => {}
        }
    }

    pub(in crate::cli) fn tls(&mut self, tls: &TlsArgs, now: UnixTime) {
        match tls.load() {
            Err(failure) => self.failure(Some(failure)),
            Ok(None) => {}
            Ok(Some(tls)) => {
                let certificate = tls.certificate();
                let names = certificate.names.join(" ");
                let ends = with_relative(certificate.not_after, now);
                self.facts.push(format!("certificate: for {names}, ends {ends}"));
                self.problems.extend(certificate.complaint(now));
            }
        }
    }

    /// What every node has besides.
    pub(in crate::cli) fn common(
        &mut self,
        gateway: &GatewayArgs,
        logs: &LogArgs,
        watch: &WatchArgs,
    ) {
        self.failure(gateway.load().err());
        self.failure(logs.complaint());
        if watch.stale_after.is_some_and(|span| span.0 == 0) {
            self.warning("--stale-after 0s: this node issues nothing");
        }
        match &watch.state_dir {
            Some(folder) => self.writable(&format!("--state-dir {}", folder.display()), folder),
            None => self.warning(
                "without --state-dir a restart takes an older ring than the one used before",
            ),
        }
    }

    /// That this user may write in a folder, which may be there later.
    pub(in crate::cli) fn writable(&mut self, what: &str, folder: &Path) {
        // The nearest that is there: the rest is made at the start.
        let named = folder.ancestors().map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        });
        let there = named.into_iter().find(|folder| folder.exists());
        if let Some(error) = there.and_then(|there| tempfile::tempfile_in(there).err()) {
            self.problem(format!("{what}: {error}: this user must be able to write there"));
        }
    }

    /// Prints it all; the end is 0 where there is no problem, and else 1.
    pub(in crate::cli) fn answer(
        self,
        console: &mut Console,
        settings: &[Setting],
        json: bool,
    ) -> End {
        let ok = self.problems.is_empty();
        let exit = if ok { Exit::Done } else { Exit::Refused };
        let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        let settings = settings.iter().map(|Setting { name, value, source }| SettingAnswer {
            name: name.clone(),
            value: without_tokens(value),
            source,
        });
        if json {
            console.json(&Answer { ok, settings: settings.collect(), findings: self })?;
            return Ok(exit);
        }
        for SettingAnswer { name, value, source } in settings {
            console.line(format_args!("{name:width$}  {} ({source})", Shown(&value)));
        }
        for fact in &self.facts {
            console.line(Shown(fact));
        }
        for warning in &self.warnings {
            console.line(format_args!("warning: {}", Shown(warning)));
        }
        for problem in &self.problems {
            console.line(format_args!("problem: {}", Shown(problem)));
        }
        console.line(match self.problems.len() {
            0 => "it would serve".to_owned(),
            n => format!("it would not serve well: {}", count(n, "problem", "problems")),
        });
        Ok(exit)
    }
}

/// The addresses of a place, where its name tells them: what systemd hands over is not there yet.
pub(in crate::cli) fn addresses(place: Option<&Address>) -> impl Iterator<Item = IpAddr> {
    let address = match place {
        Some(Address::Tcp(address)) => Some(address),
        _ => None,
    };
    let all = address.and_then(|address| address.to_socket_addrs().ok());
    all.into_iter().flatten().map(|address| address.ip())
}
