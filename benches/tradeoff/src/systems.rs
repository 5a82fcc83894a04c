//! The kinds of session, each with the same routes:
//!
//! - `/login/{bytes}` begins a session whose state has so many bytes,
//! - `/` reads it, `/change` changes its counter,
//! - `/fill/{sessions}/{bytes}` begins sessions of nobody, where there is a place that keeps them.

pub mod jsonwebtoken;
pub mod memcached;
pub mod pairs;
pub mod saddlebag;
pub mod stores;
