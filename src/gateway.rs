//! Between a proxy and the services behind it: which requests need a session, and what a service is told of one.
//!
//! ```text
//!   request ── path, one spelling ── rules ──▶ public · optional · required · with a role
//!                                                          │
//!   service ◀── X-Session-Id, -Subject, -Expires, -State ──┘
//! ```

mod believed;
pub(crate) mod identity;
mod login;
mod path;
mod rules;

pub(crate) use believed::Believed;
pub(crate) use login::unauthenticated;
pub(crate) use rules::{Need, Rules};
