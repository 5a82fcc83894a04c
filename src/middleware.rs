//! Sessions in HTTP: a layer for any tower service, extractors for axum, and what is passed on to other services.
//!
//! ```text
//!   request ──▶ SessionLayer ── carriers ── verify ──▶ Slot in the extensions ──▶ Session<T> in a handler
//!                                                        │  changed, ended, or left alone
//!   answer  ◀── Set-Cookie, Vary, Cache-Control ◀── finish ┘
//! ```

mod event;
mod extract;
mod finish;
mod forms;
mod incoming;
mod layer;
#[cfg(feature = "propagate")]
mod propagate;
mod raw;
mod rejection;
mod service;
mod session;
mod slot;

pub use event::SessionEvent;
pub use forms::{Forms, NoForms, ReadForms};
pub use incoming::Incoming;
pub use layer::SessionLayer;
#[cfg(feature = "propagate")]
pub use propagate::{
    Hosts, InvalidHost, PropagateError, PropagateFuture, PropagateLayer, PropagateService,
};
pub use raw::RawSession;
pub use rejection::SessionRejection;
pub use service::{SessionFuture, SessionService};
pub use session::{Session, SessionOrNew};
