//! Ports that stay a test's own, also while nothing listens on them: a server that was killed comes back at
//! its address.

use std::fs::{self, File};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A free port of 127.0.0.1, and the one above it, which Vault takes for its cluster unless it is told. No other
/// test takes them until this is dropped, in this process or another.
pub(crate) struct Port {
    pub(crate) number: u16,
    /// Locked: the kernel lets go of it however this process ends.
    _lock: File,
}

impl Port {
    pub(crate) fn free() -> Self {
        let folder = std::env::temp_dir()
            .join(format!("saddlebag-test-ports-{}", rustix::process::geteuid().as_raw()));
        fs::create_dir_all(&folder).unwrap();
        for _ in FIRST..LAST {
            let step = NEXT.fetch_add(2, Ordering::Relaxed);
            // Processes that start together begin at different places.
            let start = u16::try_from(std::process::id() * 62 % u32::from(LAST - FIRST)).unwrap();
            let number = FIRST + start.wrapping_add(step) % (LAST - FIRST);
            let lock = File::create(folder.join(number.to_string())).unwrap();
            let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
            if lock.try_lock().is_ok() && free(number) && free(number + 1) {
                return Self { number, _lock: lock };
            }
        }
        panic!("no port from {FIRST} to {LAST} is free");
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }

    /// That of the port above.
    pub(crate) fn cluster_address(&self) -> String {
        format!("127.0.0.1:{}", self.number + 1)
    }
}

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Below the range from which the kernel gives ports to outgoing connections.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;
