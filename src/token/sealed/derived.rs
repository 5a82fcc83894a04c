//! What verifiers derived, kept: a bounded table that is read without a lock and written without
//! waiting.

use std::sync::Arc;

use aes_gcm::Aes256Gcm;
use arc_swap::ArcSwapOption;

use super::Prefix;

/// Derived ciphers by key and prefix, at most as many as it was made for.
///
/// A prefix may stay in any of the few slots of its set; where all are taken, one is replaced: which
/// costs somebody one derivation more, nothing else.
pub(crate) struct DerivedCiphers {
    slots: Box<[ArcSwapOption<Entry>]>,
}

struct Entry {
    key: u64,
    prefix: Prefix,
    cipher: Aes256Gcm,
}

impl DerivedCiphers {
    /// Room for `capacity` ciphers, rounded up to whole sets.
    pub(crate) fn new(capacity: usize) -> Self {
        let slots = capacity.max(1).next_multiple_of(SET);
        Self { slots: (0..slots).map(|_| ArcSwapOption::empty()).collect() }
    }

    /// The cipher kept for this key and prefix. Both are compared whole: audiences share key ids, and
    /// issuers might share prefixes.
    pub(super) fn get(&self, key: u64, prefix: &Prefix) -> Option<Kept> {
        self.set(key, prefix).iter().find_map(|slot| {
            let entry = slot.load();
            let entry = entry.as_ref()?;
            (entry.key == key && entry.prefix == *prefix).then(|| Kept(Arc::clone(entry)))
        })
    }

    /// Keeps a cipher whose first tag was right.
    pub(super) fn keep(&self, key: u64, prefix: &Prefix, cipher: Aes256Gcm) {
        let set = self.set(key, prefix);
        let free = set.iter().find(|slot| slot.load().is_none());
        // A prefix is random: so is the slot that its last byte picks.
        let [.., last] = prefix;
        let victim = set.get(usize::from(*last).checked_rem(set.len()).unwrap_or(0));
        if let Some(slot) = free.or(victim) {
            slot.store(Some(Arc::new(Entry { key, prefix: *prefix, cipher })));
        }
    }

    /// Drops what a key derived.
    pub(super) fn forget(&self, key: u64) {
        for slot in &self.slots {
            if slot.load().as_ref().is_some_and(|entry| entry.key == key) {
                slot.store(None);
            }
        }
    }

    fn set(&self, key: u64, prefix: &Prefix) -> &[ArcSwapOption<Entry>] {
        let [a, b, c, d, e, f, g, h, ..] = *prefix;
        let random = u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ key.wrapping_mul(GOLDEN);
        let sets = self.slots.chunks_exact(SET);
        let count = u64::try_from(sets.len()).unwrap_or(u64::MAX);
        let index = random.checked_rem(count).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.slots.chunks_exact(SET).nth(index)).unwrap_or(&[])
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.iter().filter(|slot| slot.load().is_some()).count()
    }
}

/// A cipher that was kept.
pub(super) struct Kept(Arc<Entry>);

impl std::ops::Deref for Kept {
    type Target = Aes256Gcm;

    fn deref(&self) -> &Aes256Gcm {
        &self.0.cipher
    }
}

const SET: usize = 4;
/// 2^64 over the golden ratio: spreads the small numbers of keys.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
