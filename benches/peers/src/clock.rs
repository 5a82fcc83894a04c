//! The wall clock as everybody reads it, for peers that leave the expiry to their user.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// How long every token of this benchmark lives, in seconds: saddlebag's default.
pub const LIFETIME: u64 = 15 * 60;
