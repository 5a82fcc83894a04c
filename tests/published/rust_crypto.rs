//! The crates of RustCrypto, called as `token/provider/rustcrypto.rs` and `derive.rs` call them.

use ::aes_gcm::aead::AeadInOut;
use ::aes_gcm::{Aes256Gcm, KeyInit};
use ::hmac::{Hmac, Mac};
use saddlebag::keys::{Secret, derive};
use sha2::Sha256;

use crate::{Key, Nonce, Provider, Tag};

pub const PROVIDER: Provider = Provider { name: "RustCrypto", seal, open, hmac };

fn seal(key: &Key, nonce: &Nonce, aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let cipher = Aes256Gcm::new(key.into());
    let tag = cipher.encrypt_inout_detached(nonce.into(), aad, text.as_mut_slice().into());
    text.extend_from_slice(&tag.unwrap());
    text
}

fn open(key: &Key, nonce: &Nonce, aad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
    let cipher = Aes256Gcm::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), aad, text.into(), tag.into()).is_ok()
}

/// Keys of 32 bytes by the function that every derivation and every tag goes through; the vectors have
/// others, too.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = match key.try_into() {
        Ok(key) => derive::hmac(&Secret::from_bytes(key)),
        Err(_) => <Hmac<Sha256> as ::hmac::KeyInit>::new_from_slice(key).unwrap(),
    };
    mac.update(text);
    mac.finalize().into_bytes().into()
}
