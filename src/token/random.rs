//! The one file of this crate that draws random numbers: session ids and nonces.
//!
//! Straight from the operating system each time. A generator of the process's own would repeat itself
//! in a cloned or restored machine.

use rand::TryRng;
use rand::rngs::{SysError, SysRng};

/// Draws `N` bytes.
pub(crate) fn draw<const N: usize>() -> Result<[u8; N], SysError> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}
