//! Vectors that others have published, against the code through which this crate uses the primitives.
//!
//! C2SP's vectors for XAES-256-GCM are in `vectors/xaes.rs` and in `src/token/sealed/tests.rs`. A build
//! with the feature `ring` holds both providers to every vector.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub
)]

mod aes_gcm;
mod hmac;
#[cfg(feature = "jwt")]
mod jws;
mod provider;

/// For the product's own files.
mod token {
    pub(crate) mod format {
        pub(crate) const TAG_LEN: usize = 16;
    }
}

use provider::PROVIDERS;

pub type Key = [u8; 32];
pub type Nonce = [u8; 12];
pub type Tag = [u8; 16];

/// What the suites are made of: AES-256-GCM with nonces of 12 bytes and tags of 16, and HMAC-SHA-256.
pub struct Provider {
    pub name: &'static str,
    /// Key, nonce, AAD, text: ciphertext, then tag.
    pub seal: fn(&Key, &Nonce, &[u8], &[u8]) -> Vec<u8>,
    /// Key, nonce, AAD, the buffer that is opened in place, tag: whether the tag was right.
    pub open: fn(&Key, &Nonce, &[u8], &mut [u8], &Tag) -> bool,
    /// Key, text.
    pub hmac: fn(&[u8], &[u8]) -> [u8; 32],
}

fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
}
