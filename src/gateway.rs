//! Between a proxy and the services behind it: which requests need a session, and what a service is told of one.
//!
//! ```text
//!   request ── path, one spelling ── rules ──▶ public · optional · required · with a role
//!                                                          │
//!   service ◀── X-Session-Id, -Subject, -Expires, -State ──┘
//! ```

pub(crate) mod identity;
mod path;
mod rules;

pub(crate) use rules::{Need, Rules};
