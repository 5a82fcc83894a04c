//! What a ring tells of this machine's clock.

use saddlebag_keys::{KeyRing, UnixTime};

/// What is wrong with this machine's clock, as far as a ring can tell: keys are made before they are read.
pub(crate) fn clock_complaint(ring: &KeyRing, now: UnixTime) -> Option<String> {
    let behind = ahead_of_clock(ring, now);
    (behind > ring.policy().clock_skew).then(|| {
        format!(
            "this clock shows {now}, {behind} s before the ring's newest key was made: \
             set it, from a time server, or the clock of whoever makes keys"
        )
    })
}

/// Seconds from `now` to the creation of the ring's newest key, 0 where that has been.
pub(super) fn ahead_of_clock(ring: &KeyRing, now: UnixTime) -> u64 {
    ring.keys().iter().map(|key| key.created_at().since(now)).max().unwrap_or_default()
}
