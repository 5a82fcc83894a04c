//! Tokens: pure. No I/O, no async, no clock of its own; time comes in as an argument.

#[cfg(feature = "server")]
pub(crate) mod anatomy;
pub(crate) mod apart;
mod cbor;
pub(crate) mod claims;
pub(crate) mod format;
#[cfg(feature = "jwt")]
pub(crate) mod jwt;
mod provider;
pub(crate) mod random;
pub(crate) mod reason;
pub(crate) mod sealed;
pub(crate) mod signed;
pub(crate) mod state;
