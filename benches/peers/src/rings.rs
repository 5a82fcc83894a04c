//! Key rings to measure with.

use saddlebag::keys::insecure::{ChosenKey, ring};
use saddlebag::keys::{KeyRing, KeyRingHandle, Policy, UnixTime, rotation};

/// A ring as `saddlebag keys init` made it yesterday: an active key and a standby.
pub fn usual() -> KeyRingHandle {
    let yesterday = UnixTime::now().saturating_sub(DAY);
    let plan = rotation::init("peers", Policy::default(), yesterday, &mut rand::rngs::SysRng);
    KeyRingHandle::fixed(plan.expect("a ring").ring)
}

/// A ring of `count` keys, one a day until yesterday, all of which verify; the last one is active.
pub fn of_keys(count: u8, generation: u64) -> KeyRing {
    let now = UnixTime::now();
    let keys: Vec<ChosenKey> = (0..count)
        .rev()
        .map(|age| {
            let at = now.saturating_sub(DAY * (u64::from(age) + 1));
            ChosenKey {
                secret: std::array::from_fn(|i| age.wrapping_mul(37) ^ (i as u8).wrapping_mul(101)),
                id: None,
                created_at: at,
                activates_at: at,
                drains_until: (age > 0).then(|| now.saturating_add(40 * DAY)),
                revoked_at: None,
            }
        })
        .collect();
    ring("peers", generation, Policy::default(), &keys).expect("a ring")
}

pub const DAY: u64 = 86_400;
