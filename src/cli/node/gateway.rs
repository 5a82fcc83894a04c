//! The gateway listener as flags.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::carrier::Cookie;
use crate::cli::failure::Failure;
use crate::cli::input;
use crate::gateway::{Believed, Rules};
use crate::service::{Address, Bound, GatewaySettings, Handed, Original};

/// Forward-auth for nginx, HAProxy, Caddy, Traefik and Envoy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Gateway")]
pub(in crate::cli) struct GatewayArgs {
    /// Where proxies ask whether a request may pass (/v1/authorize): host:port, unix:PATH or systemd:NAME
    #[arg(long, env = "SADDLEBAG_GATEWAY_LISTEN", value_name = "ADDR")]
    pub(in crate::cli) gateway_listen: Option<Address>,

    /// Which requests need a session, by path and method: TOML [default: all do]
    #[arg(long, env = "SADDLEBAG_GATEWAY_RULES", value_name = "FILE")]
    gateway_rules: Option<PathBuf>,

    /// Where a proxy says which request it asks about; rules need it
    #[arg(long, env = "SADDLEBAG_GATEWAY_ORIGINAL", value_name = "WHERE")]
    gateway_original: Option<OriginalArg>,

    /// Whose word is taken for that: addresses, networks, or unix; nobody's unless named
    #[arg(long, env = "SADDLEBAG_GATEWAY_TRUST", value_name = "WHO,…", value_delimiter = ',')]
    gateway_trust: Vec<Believed>,

    /// Tells services the state, too, in X-Session-State
    #[arg(long, env = "SADDLEBAG_GATEWAY_STATE")]
    gateway_state: bool,

    /// The cookie that sessions ride in: __Host- and this name
    #[arg(
        long,
        env = "SADDLEBAG_GATEWAY_COOKIE",
        value_name = "NAME",
        default_value = "session",
        value_parser = |name: &str| Cookie::new(name).map_err(|error| error.to_string())
    )]
    gateway_cookie: Cookie,

    /// The cookie travels without TLS, and loses its prefix: for development on http://
    #[arg(long, env = "SADDLEBAG_GATEWAY_COOKIE_INSECURE")]
    gateway_cookie_insecure: bool,

    /// Takes bearer tokens, too, and before cookies
    #[arg(long, env = "SADDLEBAG_GATEWAY_BEARER")]
    gateway_bearer: bool,

    /// Sends browsers to the rules' login by 302; nginx takes nothing but a 401 with Location
    #[arg(long, env = "SADDLEBAG_GATEWAY_REDIRECT")]
    gateway_redirect: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OriginalArg {
    /// X-Forwarded-Method and X-Forwarded-Uri: Traefik, Caddy
    Forwarded,
    /// X-Original-Method and X-Original-Uri: nginx, HAProxy
    Original,
    /// Its method, and its path behind /v1/authorize: Envoy
    Path,
}

impl GatewayArgs {
    /// Its listener, where there is one.
    pub(in crate::cli) async fn bind(&self, handed: &mut Handed) -> Result<Option<Bound>, Failure> {
        match &self.gateway_listen {
            Some(place) => super::bind("--gateway-listen", place, false, handed).await.map(Some),
            None => Ok(None),
        }
    }

    /// What travels where others may read it, from these addresses: a gateway speaks no TLS.
    pub(in crate::cli) fn in_clear(
        &self,
        mut addresses: impl Iterator<Item = IpAddr>,
    ) -> Option<String> {
        let place = self.gateway_listen.as_ref()?;
        addresses.any(|address| !address.is_loopback()).then(|| {
            format!(
                "--gateway-listen {place} is beyond this machine, and without TLS tokens travel there in clear"
            )
        })
    }

    /// How the gateway is run, where there is one.
    pub(in crate::cli) fn load(&self) -> Result<Option<GatewaySettings>, Failure> {
        if self.gateway_listen.is_none() {
            return self.alone().map_or(Ok(None), Err);
        }
        let rules = self.rules()?;
        if rules.look_at_targets() && self.gateway_original.is_none() {
            return Err(Failure::usage(
                "--gateway-rules without --gateway-original: a rule needs to know the request",
                "say --gateway-original forwarded (Traefik, Caddy), original (nginx, HAProxy) or path (Envoy)",
            ));
        }
        if rules.look_at_targets() && self.gateway_trust.is_empty() {
            return Err(Failure::usage(
                "--gateway-rules without --gateway-trust: nobody's word is taken for the request",
                "name the proxies: --gateway-trust 127.0.0.1, a network, or unix",
            ));
        }
        let cookie = cookie(&self.gateway_cookie, self.gateway_cookie_insecure);
        Ok(Some(GatewaySettings {
            rules,
            original: self.gateway_original.map(|original| match original {
                OriginalArg::Forwarded => Original::Forwarded,
                OriginalArg::Original => Original::Named,
                OriginalArg::Path => Original::Path,
            }),
            believed: self.gateway_trust.clone(),
            with_state: self.gateway_state,
            redirect: self.gateway_redirect,
            cookie,
            bearer: self.gateway_bearer,
        }))
    }

    /// A flag of the gateway where there is none.
    fn alone(&self) -> Option<Failure> {
        let given = [
            ("--gateway-rules", self.gateway_rules.is_some()),
            ("--gateway-original", self.gateway_original.is_some()),
            ("--gateway-trust", !self.gateway_trust.is_empty()),
            ("--gateway-state", self.gateway_state),
            ("--gateway-cookie-insecure", self.gateway_cookie_insecure),
            ("--gateway-bearer", self.gateway_bearer),
            ("--gateway-redirect", self.gateway_redirect),
        ];
        let (flag, _) = given.into_iter().find(|(_, given)| *given)?;
        Some(Failure::usage(
            format!("{flag} without --gateway-listen"),
            "add --gateway-listen 127.0.0.1:7072, or unix:PATH",
        ))
    }

    fn rules(&self) -> Result<Rules, Failure> {
        rules("--gateway-rules", self.gateway_rules.as_deref())
    }
}

/// The rules of a file; without one, every request needs a session.
pub(in crate::cli) fn rules(flag: &str, path: Option<&Path>) -> Result<Rules, Failure> {
    let Some(path) = path else {
        return Ok(Rules::all_required());
    };
    let text = input::text_of_file(path, flag)?;
    Rules::parse(&text).map_err(|error| {
        Failure::usage(
            format!("{flag} {}: {error}", path.display()),
            "docs/service.md, Gateway, has an example",
        )
    })
}

/// The cookie that is meant.
pub(in crate::cli) fn cookie(cookie: &Cookie, insecure: bool) -> Cookie {
    match insecure {
        true => cookie.clone().dangerous().insecure().into(),
        false => cookie.clone(),
    }
}
