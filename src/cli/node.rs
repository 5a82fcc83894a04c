//! What verbs that serve have in common: flags, listeners, how they begin and how they end.

mod check;
mod gateway;
mod limits;
mod logs;
mod systemd;
mod tls;
mod watch;

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use saddlebag_keys::{KeyRingHandle, UnixTime};
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::until_told::told;
use crate::service::{Address, Bound, Handed, clock_complaint};

pub(super) use check::{Findings, addresses};
pub(super) use gateway::{GatewayArgs, cookie, rules};
pub(super) use limits::{LimitArgs, at_least_one, some_time};
pub(super) use logs::LogArgs;
pub(super) use tls::TlsArgs;
pub(super) use watch::WatchArgs;

/// A listener at the place that a flag names; on a Unix socket `open` lets other users in.
pub(super) async fn bind(
    flag: &str,
    place: &Address,
    open: bool,
    handed: &mut Handed,
) -> Result<Bound, Failure> {
    Bound::to(place, open, handed).await.map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("something else listens there: stop it, or say {flag} 127.0.0.1:0 for a free port")
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not listen there: ports below 1024 and others' folders are root's".to_owned()
            }
            io::ErrorKind::NotFound if matches!(place, Address::Systemd(_)) => {
                "start it by its .socket unit, whose FileDescriptorName= is that name".to_owned()
            }
            io::ErrorKind::NotFound => "make the folder of the socket first".to_owned(),
            _ => format!("{flag} takes host:port of this machine, unix:PATH, or systemd:NAME"),
        };
        Failure::refused(format!("cannot listen on {place}: {error}"), help)
    })
}

/// Says where a listener is, and returns it.
pub(super) fn announce(name: &str, listener: &Bound) -> Result<String, Failure> {
    let address = address(listener)?;
    say(&format!("{name} listening on {address}"));
    Ok(address)
}

fn address(listener: &Bound) -> Result<String, Failure> {
    listener.address().map_err(|error| {
        Failure::refused(format!("a listener has no address: {error}"), "start it again")
    })
}

/// Resolves when this server is told to end.
pub(super) fn shutdown() -> Result<impl Future<Output = ()>, Failure> {
    let told = told()?;
    Ok(async move {
        told.await;
        systemd::ending();
        tracing::info!("ending: no new connections, and what is under way is finished");
    })
}

/// Says, to whoever started this node and to systemd, when it has its rings, and what there is to say then.
pub(super) fn tell_when_ready(
    rings: Vec<KeyRingHandle>,
    more: impl FnOnce() -> Option<String> + Send + 'static,
) {
    tokio::spawn(systemd::watchdog());
    tokio::spawn(async move {
        for ring in &rings {
            if ring.load().is_none() {
                systemd::waiting();
            }
            while ring.load().is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if let Some(ring) = &*ring.load()
                && let Some(complaint) = clock_complaint(ring, UnixTime::now())
            {
                tracing::error!("{complaint}");
            }
        }
        say("ready");
        systemd::ready();
        if let Some(more) = more() {
            say(&more);
        }
    });
}

/// Nothing says where the ring is; `more` is what else could be said in its place.
pub(super) fn no_ring(more: &str) -> Failure {
    Failure::usage("no ring", format!("say --ring file:PATH or vault:MOUNT/PATH{more}"))
}

/// Two metrics have one name.
pub(super) fn no_metrics(error: &impl Display) -> Failure {
    Failure::bug(format!("metrics cannot be set up: {error}"))
}

/// What requests are served on.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::unavailable(
            format!("no threads to serve with: {error}"),
            "this user's limits on processes and memory must allow a few",
        )
    })
}

/// A line for whoever started the server, at once. One that nobody reads is no reason to stop.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
