//! The issuing side: one prefix, drawn now and then, and the cipher it gave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwapOption, Guard};
use rand::rngs::SysError;
use saddlebag_keys::UnixTime;

use super::{PREFIX_LEN, Prefix, REST_LEN, SealedKey, seal};
use crate::token::apart::Apart;
use crate::token::provider::Cipher;
use crate::token::random::draw;

/// Seals under the issuer's current prefix, and draws another when it starts, when its key changes,
/// every 2^20 tokens and every hour.
#[derive(Default)]
pub(crate) struct Sealer {
    current: ArcSwapOption<Apart<Current>>,
}

struct Current {
    key: u64,
    prefix: Prefix,
    cipher: Cipher,
    drawn_at: UnixTime,
    /// Written by all threads, with every token.
    used: Apart<AtomicU64>,
}

/// The half of a nonce that is drawn for one token, and used up by it.
pub(crate) struct FreshNonce([u8; REST_LEN]);

impl FreshNonce {
    /// Takes bytes that were just drawn from the operating system.
    pub(crate) fn drawn(bytes: [u8; REST_LEN]) -> Self {
        Self(bytes)
    }
}

impl Sealer {
    /// Seals the claims that follow a header and room for a nonce, which is then there, and appends the tag.
    pub(crate) fn seal(
        &self,
        key: &SealedKey,
        token: &mut Vec<u8>,
        binding: &[u8],
        nonce: FreshNonce,
        now: UnixTime,
    ) -> Result<(), SysError> {
        let current = self.current(key, now)?;
        let current = current.as_ref().ok_or(SysError::UNEXPECTED)?;
        // A token is far below the 2^36 bytes at which AES-GCM refuses.
        seal(&current.cipher, &current.prefix, &nonce.0, token, binding).ok_or(SysError::UNEXPECTED)
    }

    /// What this token is sealed with; always there.
    fn current(
        &self,
        key: &SealedKey,
        now: UnixTime,
    ) -> Result<Guard<Option<Arc<Apart<Current>>>>, SysError> {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| current.serves(key, now)) {
            return Ok(current);
        }
        let prefix = draw::<PREFIX_LEN>()?;
        let current = Some(Arc::new(Apart::new(Current {
            key: key.number,
            prefix,
            cipher: key.derive(&prefix).ok_or(SysError::UNEXPECTED)?,
            drawn_at: now,
            used: Apart::new(AtomicU64::new(1)),
        })));
        // Two threads may both draw here; each uses its own, and one of the two is kept.
        self.current.store(current.clone());
        Ok(Guard::from_inner(current))
    }
}

impl Current {
    /// Whether one more token may be sealed under this prefix; counts it if so.
    fn serves(&self, key: &SealedKey, now: UnixTime) -> bool {
        let same_hour = self.drawn_at <= now && now.since(self.drawn_at) < LONGEST;
        // The few that count beyond it, until the next prefix is there, are far from 2^64.
        self.key == key.number
            && same_hour
            && self.used.fetch_add(1, Ordering::Relaxed) < MOST_TOKENS
    }
}

const LONGEST: u64 = 3_600;
const MOST_TOKENS: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::sealed::DerivedCiphers;
    use saddlebag_keys::Secret;

    fn key() -> SealedKey {
        let derived = Arc::new(DerivedCiphers::new(4));
        SealedKey::new(&Secret::from_bytes([7; 32]), &derived)
    }

    fn prefix(sealer: &Sealer, key: &SealedKey, now: u64) -> Prefix {
        sealer.current(key, UnixTime::from_secs(now)).unwrap().as_ref().unwrap().prefix
    }

    /// T12.
    #[test]
    fn a_prefix_is_kept_for_an_hour_of_one_key() {
        let (sealer, one, other) = (Sealer::default(), key(), key());
        let first = prefix(&sealer, &one, 1_000);
        assert_eq!(prefix(&sealer, &one, 1_000 + 3_599), first);
        let second = prefix(&sealer, &one, 1_000 + 3_600);
        assert_ne!(second, first);
        let third = prefix(&sealer, &other, 1_000 + 3_600);
        assert_ne!(third, second);
        // A clock that was set back: the hour cannot be told, so another prefix.
        assert_ne!(prefix(&sealer, &other, 999), third);
    }

    /// T12: the budget of one AES-256-GCM key, far below 2^32.
    #[test]
    fn a_prefix_is_used_for_two_to_the_twentieth_tokens() {
        let (sealer, key) = (Sealer::default(), key());
        let first = prefix(&sealer, &key, 1_000);
        for _ in 1..MOST_TOKENS {
            assert_eq!(prefix(&sealer, &key, 1_000), first);
        }
        assert_ne!(prefix(&sealer, &key, 1_000), first);
    }

    /// T11.
    #[test]
    fn two_issuers_never_start_with_the_same_prefix() {
        let key = key();
        assert_ne!(prefix(&Sealer::default(), &key, 1), prefix(&Sealer::default(), &key, 1));
    }
}
