//! The fast provider. It cannot wipe its keys: that is the one exemption from wiping, and documented.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac::{Context, HMAC_SHA256, Key};
use saddlebag_keys::Secret;

use super::NONCE_LEN;
use crate::token::format::TAG_LEN;

/// AES-256-GCM under one key.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    /// `None` where ring refuses the key, which it does for its length alone.
    pub(crate) fn new(key: &[u8; 32]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, key).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Encrypts in place, and gives the tag. `None` where the text is longer than GCM allows.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; TAG_LEN]> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), text).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts in place what is before the tag at the end. `None`, and zeros instead of what was
    /// decrypted, where that is not right.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        sealed: &mut [u8],
    ) -> Option<()> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0.open_in_place(nonce, Aad::from(aad), sealed).ok().map(drop)
    }
}

/// HMAC-SHA-256 under one key.
pub(crate) struct Mac(Key);

impl Mac {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(Key::new(HMAC_SHA256, key.expose()))
    }

    /// The whole tag over pieces, one after the other.
    pub(crate) fn tag(&self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut mac = Context::with_key(&self.0);
        for piece in pieces {
            mac.update(piece);
        }
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}
