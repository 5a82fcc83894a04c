//! The limits as flags.

use clap::Args;

use crate::cli::duration::Duration as Span;
use crate::service::Limits;

/// What the service bears at most.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct LimitArgs {
    /// Connections of each listener (the admin listener, and a sidecar's API, have 1,024 at most); those above are told 503 and closed
    #[arg(
        long,
        env = "SADDLEBAG_MAX_CONNECTIONS",
        value_name = "N",
        default_value_t = Limits::DEFAULT.connections,
        value_parser = at_least_one
    )]
    max_connections: usize,

    /// Of which so many from one address (of IPv6: from one network of 64 bits)
    #[arg(
        long,
        env = "SADDLEBAG_MAX_CONNECTIONS_PER_PEER",
        value_name = "N",
        default_value_t = Limits::DEFAULT.connections_per_peer,
        value_parser = at_least_one
    )]
    max_connections_per_peer: usize,

    /// Requests under way; those above are answered 503
    #[arg(
        long,
        env = "SADDLEBAG_MAX_REQUESTS",
        value_name = "N",
        default_value_t = Limits::DEFAULT.requests,
        value_parser = at_least_one
    )]
    max_requests: usize,

    /// How long a TLS handshake may take
    #[arg(long, env = "SADDLEBAG_HANDSHAKE_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = some_time)]
    handshake_timeout: Span,

    /// How long the head of a request may take, and an answer be left unread
    #[arg(long, env = "SADDLEBAG_HEAD_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = some_time)]
    head_timeout: Span,

    /// How long a body may take
    #[arg(long, env = "SADDLEBAG_BODY_TIMEOUT", value_name = "DURATION", default_value = "10s", value_parser = some_time)]
    body_timeout: Span,

    /// How long a connection may have no request under way
    #[arg(long, env = "SADDLEBAG_IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s", value_parser = some_time)]
    idle_timeout: Span,

    /// Bytes of a request's head
    #[arg(
        long,
        env = "SADDLEBAG_MAX_HEAD_BYTES",
        value_name = "N",
        default_value_t = Limits::DEFAULT.head_bytes,
        // hyper takes no less, and a credential wants some hundreds.
        value_parser = clap::value_parser!(u32).range(8_192..=1_048_576)
    )]
    max_head_bytes: u32,

    /// Requests under way on one HTTP/2 connection
    #[arg(
        long,
        env = "SADDLEBAG_MAX_STREAMS",
        value_name = "N",
        default_value_t = Limits::DEFAULT.streams,
        value_parser = clap::value_parser!(u32).range(1..=65_536)
    )]
    max_streams: u32,
}

impl LimitArgs {
    pub(in crate::cli) fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            connections_per_peer: self.max_connections_per_peer,
            requests: self.max_requests,
            handshake_within: self.handshake_timeout.into(),
            head_within: self.head_timeout.into(),
            body_within: self.body_timeout.into(),
            idle_for: self.idle_timeout.into(),
            head_bytes: self.max_head_bytes,
            streams: self.max_streams,
        }
    }
}

pub(in crate::cli) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed to serve anybody".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

pub(in crate::cli) fn some_time(text: &str) -> Result<Span, String> {
    match text.parse()? {
        Span(0) => Err("in no time nobody is served: at least 1s".to_owned()),
        // tokio counts further, but a day is longer than anybody waits.
        Span(86_401..) => Err("at most 1d".to_owned()),
        span => Ok(span),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        limits: LimitArgs,
    }

    #[test]
    fn the_flags_defaults_are_the_services() {
        assert_eq!(Alone::parse_from(["x"]).limits.limits(), Limits::DEFAULT);
    }

    #[test]
    fn limits_that_serve_nobody_are_refused() {
        for flag in [
            "--max-connections=0",
            "--max-requests=-1",
            "--max-streams=0",
            "--max-head-bytes=100",
            "--idle-timeout=0s",
            "--body-timeout=2d",
        ] {
            assert!(Alone::try_parse_from(["x", flag]).is_err(), "{flag}");
        }
    }
}
