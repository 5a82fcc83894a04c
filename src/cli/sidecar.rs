//! `saddlebag sidecar`: the reverse proxy beside a service.

mod check;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use saddlebag_keys::KeyRingHandle;

use super::End;
use super::config_file::Setting;
use super::console::Console;
use super::duration::Duration as Span;
use super::failure::{Exit, Failure};
use super::node::{
    self, GatewayArgs, LimitArgs, LogArgs, TlsArgs, WatchArgs, at_least_one, some_time,
};
use super::ring::{RingLocation, location_parser};
use crate::carrier::Cookie;
use crate::gateway::{Believed, Rules};
use crate::service::{
    Address, Bound, CannotServe, Handed, Listeners, LocalUser, Service, Settings,
};
use crate::sidecar::{Bounds, SidecarSettings, Upstream};
use crate::tokens::Tokens;

/// Gives a service in any language sessions: a reverse proxy beside it
///
/// The service gets X-Session-Id, -Subject, -Expires and -State with each request, and answers X-Session-Set (JSON),
/// -Subject, -Rotate and -Destroy: docs/sidecar.md. Ends on SIGTERM or SIGINT after what is under way. Every flag is also
/// a variable, SADDLEBAG_ and its name, and a setting of --config.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Sidecar {
    /// The key ring: file:PATH or vault:MOUNT/PATH; one that is scoped to the audience is enough
    #[arg(
        long,
        env = "SADDLEBAG_RING",
        value_name = "RING",
        value_parser = location_parser(),
        required_unless_present = "config"
    )]
    ring: Option<RingLocation>,

    /// Takes more flags from a TOML file: listen = "127.0.0.1:8080"
    #[arg(long, env = "SADDLEBAG_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Validates what would run, prints it, and ends
    #[arg(long)]
    check: bool,

    /// Prints it as JSON
    #[arg(long, requires = "check")]
    json: bool,

    /// Where clients' requests are taken: host:port (port 0 is any free one), unix:PATH, or systemd:NAME
    #[arg(long, env = "SADDLEBAG_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: Address,

    /// The service: http://host:port, h2c://host:port, unix:PATH or h2c+unix:PATH
    #[arg(
        long,
        env = "SADDLEBAG_UPSTREAM",
        value_name = "URL",
        required_unless_present = "config"
    )]
    upstream: Option<Upstream>,

    /// The audience of its sessions
    #[arg(long, env = "SADDLEBAG_AUDIENCE", value_name = "A", default_value = "default")]
    audience: String,

    /// Which requests need a session, by path and method: TOML [default: none does, and each is told of its own]
    #[arg(long, env = "SADDLEBAG_RULES", value_name = "FILE")]
    rules: Option<PathBuf>,

    /// The cookie that sessions ride in: __Host- and this name
    #[arg(
        long,
        env = "SADDLEBAG_COOKIE",
        value_name = "NAME",
        default_value = "session",
        value_parser = |name: &str| Cookie::new(name).map_err(|error| error.to_string())
    )]
    cookie: Cookie,

    /// The cookie travels without TLS, and loses its prefix: for development on http://
    #[arg(long, env = "SADDLEBAG_COOKIE_INSECURE")]
    cookie_insecure: bool,

    /// Takes bearer tokens, too, and before cookies
    #[arg(long, env = "SADDLEBAG_BEARER")]
    bearer: bool,

    /// Whose X-Forwarded-… are passed on: addresses, networks, or unix; nobody's unless named
    #[arg(long, env = "SADDLEBAG_TRUST", value_name = "WHO,…", value_delimiter = ',')]
    trust: Vec<Believed>,

    /// Where /healthz, /readyz and /metrics are, for probes alone
    #[arg(
        long,
        env = "SADDLEBAG_ADMIN_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:7071"
    )]
    admin_listen: Address,

    /// Where local users reach the API of `serve`, for what headers cannot do: unix:PATH
    #[arg(long, env = "SADDLEBAG_API_LISTEN", value_name = "ADDR")]
    api_listen: Option<Address>,

    /// Grants a local user roles there; give it again for more users, or put ; between them
    #[arg(long, env = "SADDLEBAG_ALLOW_UID", value_name = "UID=ROLE,…", value_delimiter = ';')]
    allow_uid: Vec<LocalUser>,

    /// How long requests under way may take when the sidecar ends
    #[arg(long, env = "SADDLEBAG_DRAIN", value_name = "DURATION", default_value = "10s")]
    drain: Span,

    #[command(flatten)]
    watch: WatchArgs,

    #[command(flatten)]
    service: ServiceArgs,

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

/// What the service may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Service")]
struct ServiceArgs {
    /// How long a connection to it may take
    #[arg(long, env = "SADDLEBAG_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = some_time)]
    connect_timeout: Span,

    /// How long it may do nothing before its answer begins
    #[arg(long, env = "SADDLEBAG_UPSTREAM_TIMEOUT", value_name = "DURATION", default_value = "60s", value_parser = some_time)]
    upstream_timeout: Span,

    /// How long an answer that has begun, or a WebSocket, may be silent
    #[arg(long, env = "SADDLEBAG_STREAM_TIMEOUT", value_name = "DURATION", default_value = "1h", value_parser = some_time)]
    stream_timeout: Span,

    /// Connections to it that are kept for the next request
    #[arg(long, env = "SADDLEBAG_UPSTREAM_IDLE", value_name = "N", default_value_t = 64)]
    upstream_idle: usize,

    /// How long they are kept: less than the service keeps them, which is 5 s in Node
    #[arg(long, env = "SADDLEBAG_UPSTREAM_IDLE_TIMEOUT", value_name = "DURATION", default_value = "4s", value_parser = some_time)]
    upstream_idle_timeout: Span,

    /// Bytes of a request's body
    #[arg(long, env = "SADDLEBAG_MAX_BODY_BYTES", value_name = "N", default_value_t = 10 * 1024 * 1024, value_parser = at_least_one)]
    max_body_bytes: usize,
}

const EXAMPLES: &str = "\
Examples:
  saddlebag sidecar --ring file:ring.json --upstream http://127.0.0.1:3000 --cookie-insecure
  saddlebag sidecar --ring file:ring.json --listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem \\
      --upstream unix:/run/app.sock --rules rules.toml --audience shop
  saddlebag sidecar --config /etc/saddlebag/sidecar.toml --check";

impl Sidecar {
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
        let place = self.ring.as_ref().ok_or_else(|| node::no_ring(""))?;
        let ring = self.watch.watch(place, self.watch.ring_cache.as_ref(), false)?;
        let service = self.service(self.tokens(ring.clone())?)?;
        let runtime = node::runtime()?;
        let end = runtime.block_on(async {
            // From here on an end is a good one.
            let ended = node::shutdown()?;
            let front = node::bind("--listen", &self.listen, true, &mut handed).await?;
            let admin =
                node::bind("--admin-listen", &self.admin_listen, false, &mut handed).await?;
            let gateway = self.gateway.bind(&mut handed).await?;
            let api = match &self.api_listen {
                Some(place) => Some(node::bind("--api-listen", place, true, &mut handed).await?),
                None => None,
            };
            let beyond = gateway.as_ref().and_then(Bound::ip).into_iter();
            if let Some(warning) = self.gateway.in_clear(beyond) {
                tracing::warn!("{warning}");
            }
            node::announce("front", &front)?;
            node::announce("admin", &admin)?;
            for (name, bound) in [("gateway", &gateway), ("api", &api)] {
                if let Some(bound) = bound {
                    node::announce(name, bound)?;
                }
            }
            node::tell_when_ready(vec![ring], || None);
            let listeners = Listeners { api, admin, gateway, front: Some(front) };
            service.run(listeners, ended, Duration::from_secs(self.drain.0)).await;
            Ok(Exit::Done)
        });
        // Whoever still looks at files on a disk that hangs is not waited for.
        runtime.shutdown_background();
        end
    }

    /// Flags that do not go together in a way that clap cannot tell.
    fn misplaced(&self) -> Option<Failure> {
        if let Some(failure) = self.tls.incomplete() {
            return Some(failure);
        }
        match &self.api_listen {
            Some(Address::Unix(_)) if self.allow_uid.is_empty() => Some(Failure::usage(
                "--api-listen without --allow-uid: nobody may call it",
                "add --allow-uid UID=issue,verify",
            )),
            Some(place @ (Address::Tcp(_) | Address::Systemd(_))) => Some(Failure::usage(
                format!("--api-listen {place}: it knows its callers by their Unix socket alone"),
                "say unix:PATH; for callers with credentials there is saddlebag serve",
            )),
            None if !self.allow_uid.is_empty() => Some(Failure::usage(
                "--allow-uid without --api-listen",
                "add --api-listen unix:PATH",
            )),
            _ => None,
        }
    }

    fn tokens(&self, ring: KeyRingHandle) -> Result<Tokens, Failure> {
        let tokens = Tokens::builder(ring).audience(&self.audience).build();
        tokens.map_err(|error| Failure::config(&error))
    }

    fn rules(&self) -> Result<Rules, Failure> {
        match &self.rules {
            Some(path) => node::rules("--rules", Some(path)),
            None => Ok(Rules::all_optional()),
        }
    }

    fn service(&self, tokens: Tokens) -> Result<Service, Failure> {
        let limits = self.limits.limits();
        let upstream = self.upstream.clone().ok_or_else(no_upstream)?;
        let bounds = Bounds {
            body_bytes: u64::try_from(self.service.max_body_bytes).unwrap_or(u64::MAX),
            body_within: limits.body_within,
            connect_within: self.service.connect_timeout.into(),
            answer_within: self.service.upstream_timeout.into(),
            silent_for: self.service.stream_timeout.into(),
            idle_connections: self.service.upstream_idle,
            idle_for: self.service.upstream_idle_timeout.into(),
            head_bytes: limits.head_bytes,
        };
        let sidecar = SidecarSettings {
            upstream,
            rules: self.rules()?,
            cookie: node::cookie(&self.cookie, self.cookie_insecure),
            bearer: self.bearer,
            believed: self.trust.clone(),
            bounds,
        };
        let settings = Settings {
            limits,
            local_users: self.allow_uid.clone(),
            tls: self.tls.load()?.map(std::sync::Arc::new),
            gateway: self.gateway.load()?,
            sidecar: Some(sidecar),
            request_log: self.logs.log_requests,
            traced: self.logs.otlp.is_some(),
            rotates: false,
        };
        Service::new(tokens, None, settings).map_err(|error| match error {
            CannotServe::Callers(error) => Failure::config(&error),
            CannotServe::Metrics(error) => node::no_metrics(&error),
        })
    }
}

fn no_upstream() -> Failure {
    Failure::usage("no upstream", "say --upstream http://127.0.0.1:3000")
}
