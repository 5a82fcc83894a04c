//! Session state that travels with the request.

// Until issue and verify use it all.
#![allow(dead_code, unused_imports)]

mod token;

pub use token::state::{StateError, StateErrorKind, weights};
