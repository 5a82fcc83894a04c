//! The HTTP service as its callers meet it: the real program on free ports of loopback, always stopped.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub
)]

mod attacks;
mod batch;
mod callers;
mod canary;
mod clocks;
mod config;
mod credentials;
mod dev;
mod errors;
#[path = "../common/faketime.rs"]
mod faketime;
mod forge;
mod gateway;
mod headers;
mod introspect;
mod jwks;
mod lifecycle;
mod limits;
mod logs;
mod memory;
mod metrics;
mod negative;
mod nodes;
mod outgoing;
mod page;
mod refusals;
mod regression;
mod replay;
mod rotation;
mod secrecy;
mod sessions;
mod smuggling;
mod support;
mod systemd;
mod tls;
mod traces;
mod unix;
