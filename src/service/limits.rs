//! What the service bears at most: every bound, its default and why, in one sight.
//!
//! Those of [`Limits`] are flags of `serve`; the constants are the contract's own.

use std::time::Duration;

/// The bounds that an operator may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Connections a listener has at once ([`INNER_CONNECTIONS`] bounds some further); those above are told 503 and closed.
    pub(crate) connections: usize,
    /// Of which so many from one peer: an IPv4 address, an IPv6 network of 64 bits.
    pub(crate) connections_per_peer: usize,
    /// Requests under way at once; those above are answered 503.
    pub(crate) requests: usize,
    /// How long a TLS handshake may take.
    pub(crate) handshake_within: Duration,
    /// How long the head of a request may take, from its first byte.
    pub(crate) head_within: Duration,
    /// How long a body may take.
    pub(crate) body_within: Duration,
    /// How long a connection may have no request under way.
    pub(crate) idle_for: Duration,
    /// Bytes of a request's head.
    pub(crate) head_bytes: u32,
    /// Requests under way on one HTTP/2 connection.
    pub(crate) streams: u32,
}

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        connections: 4_096,
        // A quarter: no one host takes the seats of all others.
        connections_per_peer: 1_024,
        // Some 64 MiB of bodies at the very worst, and of answers as much again.
        requests: 1_024,
        handshake_within: Duration::from_secs(10),
        head_within: Duration::from_secs(10),
        body_within: Duration::from_secs(10),
        // Longer than what pools of most HTTP clients and proxies keep a connection for.
        idle_for: Duration::from_secs(75),
        head_bytes: 32 * 1024,
        streams: 128,
    };
}

/// Bytes of a body, unless its route says otherwise.
pub(super) const BODY: usize = 64 * 1024;

/// Bytes of a batch, its tokens, and batches under way at once: each may keep a thread busy for some
/// milliseconds, and they have 64 MiB of bodies together.
pub(super) const BATCH_BODY: usize = 2 * 1024 * 1024;
pub(super) const BATCH_TOKENS: usize = 256;
pub(super) const BATCHES: usize = 32;

/// HTTP/2 streams that the other end reset before anybody looked at them (CVE-2023-44487), and that this
/// end reset for the other's errors (CVE-2025-8671), before the connection is ended.
pub(super) const PENDING_RESETS: usize = 20;
pub(super) const OWN_RESETS: usize = 128;

/// Files that are kept for other things than the connections of its listeners: the ring, TLS, refusals.
pub(super) const OTHER_FILES: u64 = 256;

/// Connections that the admin listener has at most, and the API beside a sidecar: probes, scrapers, one machine's programs.
pub(super) const INNER_CONNECTIONS: u64 = 1_024;

/// Connections that are told at once why they are refused; those above are closed without a word.
pub(super) const REFUSALS: usize = 64;
