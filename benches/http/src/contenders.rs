//! The same handler for everybody: it reads the session and answers with a text out of it.

pub mod jwt;
pub mod private;
pub mod redis;
pub mod saddlebag;

use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes).expect("random numbers");
    bytes
}
