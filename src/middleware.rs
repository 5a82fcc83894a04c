//! Sessions in HTTP: a layer for any tower service, extractors for axum, and what is passed on to other services.

mod incoming;

pub use incoming::Incoming;
