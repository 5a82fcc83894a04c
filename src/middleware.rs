//! Sessions in HTTP: a layer for any tower service, extractors for axum, and what is passed on to other services.

mod incoming;
#[cfg(feature = "propagate")]
mod propagate;

pub use incoming::Incoming;
#[cfg(feature = "propagate")]
pub use propagate::{
    Hosts, InvalidHost, PropagateError, PropagateFuture, PropagateLayer, PropagateService,
};
