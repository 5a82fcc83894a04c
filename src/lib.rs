//! *A saddlebag rides with the traveller*: session state travels with each request, in a compact token
//! that any node verifies on its own. No session store, no sticky load balancer, no session lost when a
//! node dies.
//!
//! ```text
//!                 ┌───────────── token: who, until when, the application's state ─────────────┐
//!   client ───────┤                                                                           ├──▶ any node
//!                 └ sb1s… signed: readable, not changeable   sb1e… sealed: neither   or a jwt ┘      │
//!                                                                                                    │
//!   key ring (a file) ── watched, swapped atomically ── derives keys for one audience ── verifies ◀──┘
//! ```
//!
//! Sessions for an axum application, by one layer and one extractor:
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Json, Router, routing::post};
//! use saddlebag::{Session, SessionLayer, Tokens};
//! # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Cart { items: Vec<String> }
//!
//! async fn add_to_cart(mut session: Session<Cart>, Json(item): Json<String>) -> Json<Cart> {
//!     session.items.push(item); // changed: the answer carries the new token
//!     Json(session.to_owned_state())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tokens = Tokens::from_file("ring.json").audience("shop").build()?;
//! let app: Router = Router::new()
//!     .route("/cart", post(add_to_cart))
//!     .layer(SessionLayer::<Cart>::new(tokens));
//! # Ok(())
//! # }
//! ```
//!
//! The guide from here to the full thing is `docs/sessions.md` in the repository. Tokens alone, without HTTP:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use saddlebag::{NewSession, Tokens};
//! let tokens = Tokens::from_file("ring.json").audience("shop").build()?;
//! let issued = tokens.issue(NewSession::of(&["apples"]).subject("alice"))?;
//! let verified = tokens.verify(&issued.token)?;
//! let cart: Vec<String> = verified.state()?;
//! # Ok(())
//! # }
//! ```
//!
//! The ring is made and kept by the program (`saddlebag keys init --ring file:ring.json`), or through
//! [`keys`]. A whole session's life, with the ring in memory and the time in the caller's hands:
//!
//! ```
//! use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
//! use saddlebag::{NewSession, Renewal, Tokens};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Cart {
//!     items: Vec<String>,
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UnixTime::now();
//! let plan = rotation::init("shop-prod", Policy::default(), now, &mut rand::rngs::SysRng)?;
//! let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("shop").build()?;
//!
//! // Login: the session begins, here with a cart.
//! let cart = Cart { items: vec!["apples".into()] };
//! let first = tokens.issue_at(NewSession::of(&cart).subject("alice"), now)?;
//!
//! // Each request: verified without decoding the state, which is read where it is needed.
//! let later = now.saturating_add(300);
//! let verified = tokens.verify_at(&first.token, later)?;
//! assert_eq!(verified.subject(), Some("alice"));
//! assert_eq!(verified.state::<Cart>()?, cart);
//!
//! // A session in use is renewed now and then, and never beyond its absolute end.
//! assert!(tokens.renewal_is_due_at(&verified, later));
//! let second = tokens.renew_at(&verified, Renewal::keep(), later)?;
//! assert_eq!(second.info.id, first.info.id);
//! assert_eq!(second.info.ends_at, first.info.ends_at);
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! - No place for much state: some 2.9 KB of CBOR sealed, in 4,000 characters. Keep ids, not what they name.
//! - No logout that reaches other nodes at once: a token is good until it ends (15 minutes, unless renewed)
//!   or its key is revoked, which ends every session under that key.
//! - No counter: two requests at once each carry the state they were sent with, and the last answer wins.
//! - No secret-keeping by [`Protection::Signed`] or [`Protection::Jwt`]: anyone who has such a token can
//!   read it.
//!
//! # Features
//!
//! - `axum`, on by default: the layer, its carriers and the extractors. It brings the traits of tower and of axum's
//!   core, and neither axum nor a runtime.
//! - `jwt`: the third spelling of a token, for software that only speaks JWT ([`Protection::Jwt`]).
//! - `propagate`: the session of a request, passed on to the services that are called for it; `reqwest`: also by
//!   clients of reqwest, through reqwest-middleware.
//! - `ring`: the same tokens by the crate ring, faster where a C compiler is at hand.
//! - `vault`: rings in Vault.
//! - `server`: the program `saddlebag`, with its HTTP service and command line. Not for libraries.
//!
//! The format is `docs/token-format.md` in the repository, with test vectors that any language can read.

// Tests may stop at what they did not expect.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

#[cfg(feature = "server")]
mod answer;
#[cfg(feature = "axum")]
mod carrier;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "server")]
mod credential;
#[cfg(feature = "server")]
mod framing;
/// What fuzz targets reach of the program: built for them alone.
#[cfg(all(fuzzing, feature = "server"))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "server")]
mod gateway;
mod lifetime;
#[cfg(feature = "server")]
mod mask;
#[cfg(feature = "axum")]
mod middleware;
#[cfg(feature = "server")]
mod service;
mod session;
#[cfg(feature = "server")]
mod sidecar;
mod size;
mod token;
mod tokens;

#[cfg(feature = "axum")]
pub use carrier::{Carrier, Cookie, Dangerous, InvalidCookie, SameSite};
pub use lifetime::{Lifetime, RenewalRule};
#[cfg(feature = "axum")]
pub use middleware::{
    Forms, Incoming, NoForms, RawSession, ReadForms, Session, SessionEvent, SessionFuture,
    SessionLayer, SessionOrNew, SessionRejection, SessionService,
};
#[cfg(feature = "propagate")]
pub use middleware::{
    Hosts, InvalidHost, PropagateError, PropagateFuture, PropagateLayer, PropagateService,
};
pub use session::{RawState, SessionId, SessionInfo, Verified};
pub use size::StateSize;
pub use token::format::Protection;
#[cfg(feature = "jwt")]
pub use token::jwt::JwtAlgorithm;
pub use token::reason::Reason;
pub use token::state::{StateError, StateErrorKind};
pub use tokens::{
    Child, ChildError, ConfigError, IssueError, Issued, NewSession, Refused, RenewError, Renewal,
    Tokens, TokensBuilder,
};

/// The key ring: its life cycle, its document and its stores.
pub use saddlebag_keys as keys;

/// The Rust of the README and of the documents is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(all(doctest, feature = "axum"))]
#[doc = include_str!("../docs/sessions.md")]
struct Sessions;
