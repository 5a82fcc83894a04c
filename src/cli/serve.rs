//! `saddlebag serve`: the HTTP service.

mod check;
mod dev;
mod rotate;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use saddlebag_keys::KeyRingHandle;

use super::End;
use super::config_file::Setting;
use super::console::Console;
use super::duration::Duration as Span;
use super::failure::{Exit, Failure};
use super::node::{self, GatewayArgs, LimitArgs, LogArgs, TlsArgs, WatchArgs};
use super::ring::{RingLocation, location_parser};
use super::token::Jwt;
use crate::service::{
    Address, Bound, CannotServe, Handed, Listeners, LocalUser, Service, Settings,
};
use crate::tokens::Tokens;

/// Serves sessions over HTTP: issue, verify, renew, introspect
///
/// Callers need a credential (saddlebag credential issue). Listens on loopback unless told otherwise, and
/// ends on SIGTERM or SIGINT after what is under way. Every flag is also a variable, SADDLEBAG_ and its
/// name, and a setting of --config: what is typed wins over the variable, the variable over the file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// The key ring: file:PATH or vault:MOUNT/PATH
    #[arg(
        long,
        env = "SADDLEBAG_RING",
        value_name = "RING",
        value_parser = location_parser(),
        required_unless_present_any = ["dev", "config"]
    )]
    ring: Option<RingLocation>,

    /// Takes more flags from a TOML file: listen = "127.0.0.1:7070"
    #[arg(long, env = "SADDLEBAG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Validates what would run, prints it, and ends
    #[arg(long, conflicts_with = "dev")]
    check: bool,

    /// Prints it as JSON
    #[arg(long, requires = "check")]
    json: bool,

    /// Makes a ring and a credential in your state folder, and prints curl lines to try it
    #[arg(long)]
    dev: bool,

    /// Where callers' requests are taken: host:port (port 0 is any free one), unix:PATH, or systemd:NAME
    #[arg(long, env = "SADDLEBAG_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: Address,

    /// Where /healthz, /readyz and /metrics are, for probes alone
    #[arg(
        long,
        env = "SADDLEBAG_ADMIN_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:7071"
    )]
    admin_listen: Address,

    /// On a Unix socket, grants a local user roles without a credential; give it again for more users, or
    /// put ; between them
    #[arg(long, env = "SADDLEBAG_ALLOW_UID", value_name = "UID=ROLE,…", value_delimiter = ';')]
    allow_uid: Vec<LocalUser>,

    /// The audience of requests that name none
    #[arg(long, env = "SADDLEBAG_AUDIENCE", value_name = "A", default_value = "default")]
    audience: String,

    /// Issues and accepts jwt tokens of this one algorithm too
    #[arg(long, env = "SADDLEBAG_JWT", value_name = "ALG")]
    jwt: Option<Jwt>,

    /// Another ring for callers' credentials; a scoped --ring needs it
    #[arg(long, env = "SADDLEBAG_CREDENTIAL_RING", value_name = "RING", value_parser = location_parser())]
    credential_ring: Option<RingLocation>,

    /// Rotates the ring whenever something is due, as any number of nodes may; without it, a node never
    /// writes to the ring
    #[arg(long, env = "SADDLEBAG_ROTATE")]
    rotate: bool,

    #[command(flatten)]
    watch: WatchArgs,

    /// How long requests under way may take when the server ends
    #[arg(long, env = "SADDLEBAG_DRAIN", value_name = "DURATION", default_value = "10s")]
    drain: Span,

    #[command(flatten)]
    tls: TlsArgs,

    #[command(flatten)]
    gateway: GatewayArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    logs: LogArgs,

    /// Everything above as it is in force, and from where.
    #[arg(skip)]
    pub(super) settings: Vec<Setting>,
}

const EXAMPLES: &str = "\
Examples:
  saddlebag serve --dev
  saddlebag serve --ring file:/etc/saddlebag/ring.json --state-dir /var/lib/saddlebag
  saddlebag serve --ring file:ring.json --listen unix:/run/saddlebag/api.sock --allow-uid 1000=verify
  saddlebag serve --ring file:ring.json --listen 0.0.0.0:7443 --tls-cert chain.pem --tls-key key.pem
  saddlebag serve --config /etc/saddlebag/serve.toml --check";

impl Serve {
    pub(super) fn run(self, console: &mut Console) -> End {
        if self.check {
            return self.check(console);
        }
        if let Some(failure) = self.misplaced() {
            return Err(failure);
        }
        let traces = self.logs.begin()?;
        let end = self.serve();
        traces.end();
        end
    }

    fn serve(self) -> End {
        // Before there are other threads, the ring's first.
        let mut handed = Handed::from_env();
        let dev = match self.dev {
            true => Some(dev::prepare(self.ring.as_ref())?),
            false => None,
        };
        let place = dev.as_ref().map(dev::Dev::ring).or(self.ring.as_ref());
        let place = place.ok_or_else(|| node::no_ring(", or --dev"))?;
        let ring = self.watch.watch(place, self.watch.ring_cache.as_ref(), self.dev)?;
        let credential_ring =
            self.credential_ring.as_ref().map(|place| self.watch.watch(place, None, self.dev));
        let credential_ring = credential_ring.transpose()?;
        let service = self.service(ring.clone(), credential_ring.clone())?;
        let rotator = self.rotator(place, &ring)?;
        let runtime = node::runtime()?;
        if let Some(rotator) = rotator {
            runtime.spawn(rotate::rotate(rotator, place.clone(), service.rotations()));
        }
        let end =
            runtime.block_on(self.listen(service, [Some(ring), credential_ring], dev, &mut handed));
        // Whoever still looks at files on a disk that hangs is not waited for.
        runtime.shutdown_background();
        end
    }

    /// Flags that do not go together in a way that clap cannot tell.
    fn misplaced(&self) -> Option<Failure> {
        if let Some(failure) = self.tls.incomplete() {
            return Some(failure);
        }
        if matches!(self.listen, Address::Tcp(_)) && !self.allow_uid.is_empty() {
            return Some(self.no_unix_socket());
        }
        if matches!(self.listen, Address::Unix(_)) && self.tls.is_on() {
            return Some(self.needs_no_tls());
        }
        if matches!(self.listen, Address::Systemd(_)) && self.listen == self.admin_listen {
            return Some(Failure::usage(
                format!("--listen and --admin-listen are both {}", self.listen),
                "give each a socket of its own, with another FileDescriptorName=",
            ));
        }
        None
    }

    /// The same, of the socket that there is: systemd's may be of either kind.
    fn misplaced_on(&self, api: &Bound) -> Option<Failure> {
        match api.ip() {
            Some(_) if !self.allow_uid.is_empty() => Some(self.no_unix_socket()),
            None if self.tls.is_on() => Some(self.needs_no_tls()),
            _ => None,
        }
    }

    fn no_unix_socket(&self) -> Failure {
        Failure::usage(
            format!("--allow-uid: --listen {} is no Unix socket, and tells no user", self.listen),
            "add --listen unix:PATH",
        )
    }

    fn needs_no_tls(&self) -> Failure {
        Failure::usage(
            format!("--tls-cert: --listen {} is a Unix socket, which needs no TLS", self.listen),
            "leave the certificate out, or listen at host:port",
        )
    }

    /// What travels where others may read it, from these addresses.
    fn in_clear(&self, mut addresses: impl Iterator<Item = IpAddr>) -> Option<String> {
        let beyond = addresses.any(|address| !address.is_loopback());
        (beyond && !self.tls.is_on()).then(|| {
            format!(
                "--listen {} is beyond this machine, and without --tls-cert tokens and credentials \
                 travel there in clear",
                self.listen
            )
        })
    }

    fn tokens(&self, ring: KeyRingHandle) -> Result<Tokens, Failure> {
        let mut tokens = Tokens::builder(ring).audience(&self.audience);
        if let Some(algorithm) = self.jwt {
            tokens = tokens.jwt(algorithm.into());
        }
        tokens.build().map_err(|error| Failure::config(&error))
    }

    fn service(
        &self,
        ring: KeyRingHandle,
        credential_ring: Option<KeyRingHandle>,
    ) -> Result<Service, Failure> {
        let settings = Settings {
            limits: self.limits.limits(),
            local_users: self.allow_uid.clone(),
            tls: self.tls.load()?.map(Arc::new),
            gateway: self.gateway.load()?,
            sidecar: None,
            request_log: self.logs.log_requests,
            traced: self.logs.otlp.is_some(),
            rotates: self.rotate,
        };
        Service::new(self.tokens(ring)?, credential_ring, settings).map_err(|error| match error {
            CannotServe::Callers(error) => Failure::usage(
                format!("callers cannot be checked: {error}"),
                "a scoped ring needs --credential-ring: the root ring, or its export for saddlebag:api",
            ),
            CannotServe::Metrics(error) => node::no_metrics(&error),
        })
    }

    async fn listen(
        &self,
        service: Service,
        rings: [Option<KeyRingHandle>; 2],
        dev: Option<dev::Dev>,
        handed: &mut Handed,
    ) -> End {
        // From here on an end is a good one.
        let ended = node::shutdown()?;
        let open = !self.allow_uid.is_empty();
        let api = node::bind("--listen", &self.listen, open, handed).await?;
        let admin = node::bind("--admin-listen", &self.admin_listen, false, handed).await?;
        let gateway = self.gateway.bind(handed).await?;
        if let Some(failure) = self.misplaced_on(&api) {
            return Err(failure);
        }
        let bound = gateway.as_ref().and_then(Bound::ip).into_iter();
        let warnings = [self.in_clear(api.ip().into_iter()), self.gateway.in_clear(bound)];
        for warning in warnings.into_iter().flatten() {
            tracing::warn!("{warning}");
        }
        let api_address = node::announce("api", &api)?;
        node::announce("admin", &admin)?;
        if let Some(gateway) = &gateway {
            node::announce("gateway", gateway)?;
        }
        let tls = self.tls.is_on();
        node::tell_when_ready(rings.into_iter().flatten().collect(), move || {
            dev.map(|dev| dev.lines(&api_address, tls))
        });
        let listeners = Listeners { api: Some(api), admin, gateway, front: None };
        service.run(listeners, ended, Duration::from_secs(self.drain.0)).await;
        Ok(Exit::Done)
    }
}
