//! Tokens: pure. No I/O, no async, no clock of its own; time comes in as an argument.

mod cbor;
pub(crate) mod claims;
pub(crate) mod state;
