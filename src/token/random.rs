//! The one file of this crate that draws random numbers: session ids and nonces.
//!
//! Straight from the kernel, by a call for each token. A generator of the process's own would repeat itself in a process that
//! was copied, or restored from a checkpoint; and glibc has one, from 2.41 on: its `getrandom` answers from memory of the
//! process (the vDSO's), which the kernel wipes for a fork and renews in a restored machine, and which a restored process
//! still has. So it is not asked, where that can be done.
//!
//! rustix makes the call itself on x86, Arm (both of 32 and 64 bits) and RISC-V of 64 bits. On other processors, and where another crate of the
//! program turns on its feature `use-libc`, it asks the C library.

use rand::TryRng;
use rand::rngs::{SysError, SysRng};

/// Draws `N` bytes.
#[inline(always)]
pub(crate) fn draw<const N: usize>() -> Result<[u8; N], SysError> {
    let mut bytes = [0; N];
    if !kernel_fills(&mut bytes) {
        // Another system; or a kernel that has no such call, or refused it, which this one is to report.
        SysRng.try_fill_bytes(&mut bytes)?;
    }
    Ok(bytes)
}

/// Up to 256 bytes come whole, or not at all (getrandom(2)).
#[cfg(target_os = "linux")]
#[inline(always)]
fn kernel_fills(bytes: &mut [u8]) -> bool {
    use rustix::rand::{GetRandomFlags, getrandom};

    let wanted = bytes.len();
    getrandom(bytes, GetRandomFlags::empty()) == Ok(wanted)
}

#[cfg(not(target_os = "linux"))]
fn kernel_fills(_: &mut [u8]) -> bool {
    false
}
