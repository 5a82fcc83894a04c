//! The sealed suite: claims that only a key's holder reads, under XAES-256-GCM (C2SP).
//!
//! ```text
//! header (7) ‖ prefix (12) ‖ rest of the nonce (12) ‖ ciphertext ‖ tag (16)      AAD = header ‖ binding
//! ```
//!
//! XAES derives an AES-256-GCM key from K_sealed and the nonce's prefix, and uses it with the rest.
//! Deriving costs more than sealing a small token, so both sides keep what they derived:
//! [`Sealer`] on the issuing side, [`DerivedCiphers`] on the verifying one.

mod derived;
mod sealer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use saddlebag_keys::{Secret, derive};
use zeroize::{Zeroize, Zeroizing};

use super::format::HEADER_LEN;
use super::provider::{Cipher, NONCE_LEN};

pub(crate) use derived::DerivedCiphers;
pub(crate) use sealer::{FreshNonce, Sealer};

/// The first half of a nonce: what a derived cipher belongs to, next to its key.
pub(crate) type Prefix = [u8; PREFIX_LEN];

/// K_sealed, ready to derive from.
pub(crate) struct SealedKey {
    aes: Aes256,
    /// CMAC's subkey K1 of SP 800-38B, as XAES-256-GCM uses it.
    k1: Zeroizing<[u8; 16]>,
    /// Tells this key from every other of the process, whatever their key ids.
    number: u64,
    derived: Arc<DerivedCiphers>,
}

impl SealedKey {
    /// The key of an audience; what it derives to verify is kept in `derived`, and goes with it.
    pub(crate) fn new(audience: &Secret, derived: &Arc<DerivedCiphers>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::numbered(&derive::sealed(audience), number, derived)
    }

    fn numbered(key: &Secret, number: u64, derived: &Arc<DerivedCiphers>) -> Self {
        let aes = Aes256::new(key.expose().into());
        let mut block = aes::Block::default();
        aes.encrypt_block(&mut block);
        let l = Zeroizing::new(u128::from_be_bytes(block.into()));
        block.zeroize();
        // L << 1, and the carry out of its first bit comes back as 0x87 (both in GF(2^128)).
        let carry = 0x87_u128.wrapping_mul(*l >> 127);
        let k1 = Zeroizing::new(((*l << 1) ^ carry).to_be_bytes());
        Self { aes, k1, number, derived: Arc::clone(derived) }
    }

    /// The AES-256-GCM key that XAES-256-GCM derives for one prefix. `None` where the provider refuses it,
    /// which it has no reason to.
    fn derive(&self, prefix: &Prefix) -> Option<Cipher> {
        let mut key = Zeroizing::new([0; 32]);
        for (counter, half) in [1, 2].into_iter().zip(key.chunks_exact_mut(16)) {
            let mut block =
                aes::Block::from([0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            for (to, from) in block.iter_mut().skip(4).zip(prefix) {
                *to = *from;
            }
            for (to, from) in block.iter_mut().zip(self.k1.iter()) {
                *to ^= from;
            }
            self.aes.encrypt_block(&mut block);
            for (to, from) in half.iter_mut().zip(block.iter()) {
                *to = *from;
            }
            block.zeroize();
        }
        Cipher::new(&key)
    }

    /// Decrypts a token in place: its claims are then where its ciphertext was. `None`, and nothing of them
    /// to be seen, where the tag is not right.
    pub(crate) fn open(&self, token: &mut [u8], binding: &[u8]) -> Option<()> {
        let (header, body) = token.split_first_chunk_mut::<HEADER_LEN>()?;
        let (prefix, body) = body.split_first_chunk_mut::<PREFIX_LEN>()?;
        let (rest, sealed) = body.split_first_chunk_mut::<REST_LEN>()?;
        with_aad(header, binding, |aad| {
            if let Some(kept) = self.derived.get(self.number, prefix) {
                return kept.as_ref()?.cipher.open(rest, aad, sealed);
            }
            let cipher = self.derive(prefix)?;
            cipher.open(rest, aad, sealed)?;
            // Only now: a forged token leaves nothing behind.
            self.derived.keep(self.number, prefix, cipher);
            Some(())
        })
    }
}

/// What a key derived goes with it.
impl Drop for SealedKey {
    fn drop(&mut self) {
        self.derived.forget(self.number);
    }
}

/// Puts the nonce into its place behind a header, encrypts the claims that follow it, and appends the tag.
fn seal(
    cipher: &Cipher,
    prefix: &Prefix,
    rest: &[u8; REST_LEN],
    token: &mut Vec<u8>,
    binding: &[u8],
) -> Option<()> {
    let (header, body) = token.split_first_chunk_mut::<HEADER_LEN>()?;
    let (first, body) = body.split_first_chunk_mut::<PREFIX_LEN>()?;
    let (second, text) = body.split_first_chunk_mut::<REST_LEN>()?;
    (*first, *second) = (*prefix, *rest);
    let tag = with_aad(header, binding, |aad| cipher.seal(rest, aad, text))?;
    token.extend_from_slice(&tag);
    Some(())
}

/// Gives header and binding in one piece.
#[inline]
fn with_aad<T>(header: &[u8; HEADER_LEN], binding: &[u8], with: impl FnOnce(&[u8]) -> T) -> T {
    if binding.is_empty() {
        return with(header);
    }
    let mut room = [0; HEADER_LEN + LONGEST_BINDING];
    let Some((aad, _)) = room.split_at_mut_checked(HEADER_LEN.saturating_add(binding.len())) else {
        return with(&[header, binding].concat());
    };
    for (to, from) in aad.iter_mut().zip(header.iter().chain(binding)) {
        *to = *from;
    }
    with(aad)
}

/// Bytes of the longest binding.
pub(crate) const LONGEST_BINDING: usize = 1_024;
pub(crate) const PREFIX_LEN: usize = 12;
pub(crate) const REST_LEN: usize = NONCE_LEN;
/// Room for a nonce, before there is one.
pub(crate) const NO_NONCE: [u8; PREFIX_LEN + REST_LEN] = [0; PREFIX_LEN + REST_LEN];
/// Where the claims of a sealed token start.
pub(crate) const CLAIMS_AT: usize = HEADER_LEN + PREFIX_LEN + REST_LEN;

#[cfg(test)]
mod tests;
