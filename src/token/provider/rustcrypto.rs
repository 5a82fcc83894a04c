//! The portable provider: `aes-gcm`, `hmac` and `sha2`.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use hmac::{Hmac, Mac as _};
use saddlebag_keys::{Secret, derive};
use sha2::Sha256;

use super::NONCE_LEN;
use crate::token::format::TAG_LEN;

/// AES-256-GCM under one key, which is wiped when it is dropped.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    /// Always there; the other provider has an error to report.
    #[allow(clippy::unnecessary_wraps)]
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self(Aes256Gcm::new(key.into())))
    }

    /// Encrypts in place, and gives the tag. `None` where the text is longer than GCM allows.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let tag = self.0.encrypt_inout_detached(nonce.into(), aad, text.into());
        tag.ok().map(Into::into)
    }

    /// Decrypts in place what is before the tag at the end. `None`, and nothing decrypted, where that
    /// is not right.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
        self.0.decrypt_inout_detached(nonce.into(), aad, text.into(), (&*tag).into()).ok()
    }
}

/// HMAC-SHA-256 under one key, which is wiped when it is dropped.
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(derive::hmac(key))
    }

    /// The whole tag over pieces, one after the other.
    pub(crate) fn tag(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}
