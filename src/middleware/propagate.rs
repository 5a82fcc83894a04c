//! Passing the session of a request on to the services that are called for it.
//!
//! ```text
//!   client ── token for `front` ──▶ front ── child for `cart` ──▶ cart ── child for `stock` ──▶ stock
//!                                     │  Incoming: in the request's extensions, or of the task
//!                                     └─ PropagateLayer: hosts it is told, no others
//! ```

#[cfg(feature = "reqwest")]
mod client;
mod current;
mod error;
mod future;
mod hosts;
mod layer;
mod pass;
mod service;

pub use error::PropagateError;
pub use future::PropagateFuture;
pub use hosts::{Hosts, InvalidHost};
pub use layer::PropagateLayer;
pub use service::PropagateService;
