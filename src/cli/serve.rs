//! `saddlebag serve`: the HTTP service.

mod dev;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use saddlebag_keys::{HighWater, KeyRingHandle, Watch, WatchOptions};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::End;
use super::duration::Duration as Span;
use super::failure::{Exit, Failure};
use super::ring::{RingLocation, location_parser};
use super::token::Jwt;
use crate::service::{Address, Bound, Service};
use crate::tokens::Tokens;

/// Serves sessions over HTTP: issue, verify and renew
///
/// Callers need a credential (saddlebag credential issue). Listens on loopback unless told otherwise, and
/// ends on SIGTERM or SIGINT after what is under way.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// The key ring: file:PATH
    #[arg(
        long,
        env = "SADDLEBAG_RING",
        value_name = "RING",
        value_parser = location_parser(),
        required_unless_present = "dev"
    )]
    ring: Option<RingLocation>,

    /// Makes a ring and a credential in your state folder, and prints curl lines to try it
    #[arg(long)]
    dev: bool,

    /// Where callers' requests are taken: host:port (port 0 is any free one) or unix:PATH
    #[arg(long, env = "SADDLEBAG_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: Address,

    /// Where /healthz and /readyz are, for probes alone
    #[arg(
        long,
        env = "SADDLEBAG_ADMIN_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:7071"
    )]
    admin_listen: Address,

    /// The audience of requests that name none
    #[arg(long, env = "SADDLEBAG_AUDIENCE", value_name = "A", default_value = "default")]
    audience: String,

    /// Issues and accepts jwt tokens of this one algorithm too
    #[arg(long, env = "SADDLEBAG_JWT", value_name = "ALG")]
    jwt: Option<Jwt>,

    /// Another ring for callers' credentials; a scoped --ring needs it
    #[arg(long, env = "SADDLEBAG_CREDENTIAL_RING", value_name = "RING", value_parser = location_parser())]
    credential_ring: Option<RingLocation>,

    /// Where the highest generation used is kept, so that no restart takes an older ring
    #[arg(long, env = "SADDLEBAG_STATE_DIR", value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Takes an older ring than the one used before: after a restore from backup, and not for longer
    #[arg(long)]
    allow_rollback: bool,

    /// Takes ring files that their owner's group may read too
    #[arg(long, env = "SADDLEBAG_ALLOW_GROUP_READ")]
    allow_group_read: bool,

    /// Stops issuing so long after the last good look at the ring [default: its publish_ahead]
    #[arg(long, env = "SADDLEBAG_STALE_AFTER", value_name = "DURATION")]
    stale_after: Option<Span>,

    /// How long requests under way may take when the server ends
    #[arg(long, env = "SADDLEBAG_DRAIN", value_name = "DURATION", default_value = "10s")]
    drain: Span,

    /// What is logged to standard error: error, warn, info, debug, or a filter of tracing's
    #[arg(long, env = "SADDLEBAG_LOG", value_name = "FILTER", default_value = "info")]
    log: String,
}

const EXAMPLES: &str = "\
Examples:
  saddlebag serve --dev
  saddlebag serve --ring file:/etc/saddlebag/ring.json --state-dir /var/lib/saddlebag
  saddlebag serve --ring file:ring.json --listen unix:/run/saddlebag/api.sock --audience shop";

impl Serve {
    pub(super) fn run(self) -> End {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| {
            Failure::usage(
                format!("--log {:?} is no filter: {error}", self.log),
                "say --log info, or for one part of the program --log info,saddlebag::service=debug",
            )
        })?;
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        // Fails where a log is set up already, which is then as good.
        let _ = logs.try_init();

        let dev = match self.dev {
            true => Some(dev::prepare(self.ring.as_ref())?),
            false => None,
        };
        let place = dev.as_ref().map(dev::Dev::ring).or(self.ring.as_ref());
        let place =
            place.ok_or_else(|| Failure::usage("no ring", "say --ring file:PATH, or --dev"))?;
        let ring = self.watch(place);
        let credential_ring = match &self.credential_ring {
            Some(place) => self.watch(place),
            None => ring.clone(),
        };
        let service = self.service(ring.clone(), credential_ring)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Failure::unavailable(
                format!("no threads to serve with: {error}"),
                "this user's limits on processes and memory must allow a few",
            )
        })?;
        runtime.block_on(self.listen(service, ring, dev))
    }

    /// A handle that is kept fresh. A ring that cannot be read yet is waited for: the service is not
    /// ready until then, and says so.
    fn watch(&self, place: &RingLocation) -> KeyRingHandle {
        let options = WatchOptions {
            stale_after: self.stale_after.map(|span| span.0),
            high_water: self.state_dir.clone().map(HighWater::new),
            allow_rollback: self.allow_rollback,
            ..WatchOptions::default()
        };
        if self.state_dir.is_none() && !self.dev {
            tracing::warn!(
                "without --state-dir a restart takes an older ring than the one used before"
            );
        }
        // What went wrong is in the log already, and in /readyz.
        Watch::new(place.store(self.allow_group_read), options).start_waiting().0
    }

    fn service(&self, ring: KeyRingHandle, callers: KeyRingHandle) -> Result<Service, Failure> {
        let mut tokens = Tokens::builder(ring).audience(&self.audience);
        if let Some(algorithm) = self.jwt {
            tokens = tokens.jwt(algorithm.into());
        }
        let tokens = tokens.build().map_err(|error| Failure::config(&error))?;
        Service::new(tokens, callers).map_err(|error| {
            Failure::usage(
                format!("callers cannot be checked: {error}"),
                "a scoped ring needs --credential-ring: the root ring, or its export for saddlebag:api",
            )
        })
    }

    async fn listen(&self, service: Service, ring: KeyRingHandle, dev: Option<dev::Dev>) -> End {
        let api = bind("--listen", &self.listen).await?;
        let admin = bind("--admin-listen", &self.admin_listen).await?;
        let api_address = address(&api)?;
        say(&format!("api listening on {api_address}"));
        say(&format!("admin listening on {}", address(&admin)?));
        tokio::spawn(async move {
            while ring.load().is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            say("ready");
            if let Some(dev) = dev {
                say(&dev.lines(&api_address));
            }
        });
        let ended = shutdown()?;
        service.run(api, admin, ended, Duration::from_secs(self.drain.0)).await;
        Ok(Exit::Done)
    }
}

async fn bind(flag: &str, place: &Address) -> Result<Bound, Failure> {
    Bound::to(place).await.map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("something else listens there: stop it, or say {flag} 127.0.0.1:0 for a free port")
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not listen there: ports below 1024 and others' folders are root's".to_owned()
            }
            _ => format!("{flag} takes host:port of this machine, or unix:PATH"),
        };
        Failure::refused(format!("cannot listen on {place}: {error}"), help)
    })
}

fn address(listener: &Bound) -> Result<String, Failure> {
    listener.address().map_err(|error| {
        Failure::refused(format!("a listener has no address: {error}"), "start it again")
    })
}

/// Resolves at the first SIGTERM or SIGINT.
fn shutdown() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::refused(format!("signals cannot be taken: {error}"), "start it again")
        })
    };
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: no new connections, and what is under way is finished");
    })
}

/// A line for whoever started the server, at once. One that nobody reads is no reason to stop.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
