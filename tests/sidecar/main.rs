//! The sidecar between real sockets: the program on a free port of loopback, and a service that these tests play.

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

mod api;
mod bearer;
mod bodies;
mod check;
mod deploy;
mod failing;
mod headers;
mod identity;
mod keep_alive;
mod login;
mod public;
mod rules;
mod smuggling;
mod support;
mod trailers;
mod translation;
mod tunnels;
mod versions;
