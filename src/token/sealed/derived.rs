//! What verifiers derived, kept: a bounded table that is read without a lock and written without
//! waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use super::Prefix;
use crate::token::apart::Apart;
use crate::token::provider::Cipher;

/// Derived ciphers by key and prefix, at most as many as it was made for.
///
/// A prefix may stay in any of the few slots of its set; where all are taken, one is replaced: which
/// costs somebody one derivation more, nothing else. Readers count no reference: a counter that every
/// thread writes would cost more than the decryption.
pub(crate) struct DerivedCiphers {
    sets: Box<[Set]>,
}

/// One cache line.
#[derive(Default)]
#[repr(align(64))]
struct Set {
    /// What may be in the slot of the same place; 0: nothing. So that a reader looks at one slot.
    marks: [AtomicU64; SLOTS],
    slots: [ArcSwapOption<Apart<Entry>>; SLOTS],
}

pub(super) struct Entry {
    key: u64,
    prefix: Prefix,
    pub(super) cipher: Cipher,
}

impl Entry {
    /// Both are compared whole: audiences share key ids, and issuers might share prefixes.
    fn is(&self, key: u64, prefix: &Prefix) -> bool {
        self.key == key && self.prefix == *prefix
    }
}

impl DerivedCiphers {
    /// Room for `capacity` ciphers, rounded up to whole sets.
    pub(crate) fn new(capacity: usize) -> Self {
        let sets = capacity.max(1).div_ceil(SLOTS);
        Self { sets: (0..sets).map(|_| Set::default()).collect() }
    }

    /// The entry kept for this key and prefix; where one is there, it is theirs.
    #[inline]
    pub(super) fn get(
        &self,
        key: u64,
        prefix: &Prefix,
    ) -> Option<Guard<Option<Arc<Apart<Entry>>>>> {
        let mark = mark(key, prefix);
        let set = self.set(mark)?;
        set.marks.iter().zip(&set.slots).find_map(|(kept, slot)| {
            if kept.load(Ordering::Acquire) != mark {
                return None;
            }
            let entry = slot.load();
            entry.as_ref().is_some_and(|entry| entry.is(key, prefix)).then_some(entry)
        })
    }

    /// Keeps a cipher whose first tag was right.
    pub(super) fn keep(&self, key: u64, prefix: &Prefix, cipher: Cipher) {
        let mark = mark(key, prefix);
        let Some(set) = self.set(mark) else {
            return;
        };
        let mut places = set.marks.iter().zip(&set.slots);
        let free = places.clone().find(|(_, slot)| slot.load().is_none());
        // A prefix is random: so is the slot that its last byte picks.
        let [.., last] = prefix;
        let place = free.or_else(|| places.nth(usize::from(*last) & (SLOTS.saturating_sub(1))));
        if let Some((kept, slot)) = place {
            slot.store(Some(Arc::new(Apart::new(Entry { key, prefix: *prefix, cipher }))));
            // Where two write at once, a mark may be left beside another's entry: it is not found, and made anew.
            kept.store(mark, Ordering::Release);
        }
    }

    /// Drops what a key derived.
    pub(super) fn forget(&self, key: u64) {
        for slot in self.sets.iter().flat_map(|set| &set.slots) {
            if slot.load().as_ref().is_some_and(|entry| entry.key == key) {
                slot.store(None);
            }
        }
    }

    fn set(&self, mark: u64) -> Option<&Set> {
        // The product's upper half is below the number of sets, without a division.
        let sets = u128::try_from(self.sets.len()).unwrap_or(0);
        let index = u128::from(mark).wrapping_mul(sets) >> 64;
        self.sets.get(usize::try_from(index).ok()?)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sets.iter().flat_map(|set| &set.slots).filter(|slot| slot.load().is_some()).count()
    }
}

/// A random number of this key and prefix, never 0.
fn mark(key: u64, prefix: &Prefix) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *prefix;
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ key.wrapping_mul(GOLDEN)).max(1)
}

const SLOTS: usize = 4;
/// 2^64 over the golden ratio: spreads the small numbers of keys.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
