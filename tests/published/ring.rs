//! ring, called as `token/provider/ring.rs` calls it.

use ::ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as RingNonce, UnboundKey};
use ::ring::hmac::{Context, HMAC_SHA256, Key as MacKey};

use crate::{Key, Nonce, Provider, Tag};

pub const PROVIDER: Provider = Provider { name: "ring", seal, open, hmac };

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap())
}

fn seal(key: &Key, nonce: &Nonce, aad: &[u8], text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    let nonce = RingNonce::assume_unique_for_key(*nonce);
    let tag = cipher(key).seal_in_place_separate_tag(nonce, Aad::from(aad), &mut text).unwrap();
    text.extend_from_slice(tag.as_ref());
    text
}

fn open(key: &Key, nonce: &Nonce, aad: &[u8], text: &mut [u8], tag: &Tag) -> bool {
    let mut sealed = [&text[..], tag].concat();
    let nonce = RingNonce::assume_unique_for_key(*nonce);
    let opened = cipher(key).open_in_place(nonce, Aad::from(aad), &mut sealed).is_ok();
    // What is left where a tag was wrong, too.
    text.copy_from_slice(&sealed[..text.len()]);
    opened
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Context::with_key(&MacKey::new(HMAC_SHA256, key));
    mac.update(text);
    mac.sign().as_ref().try_into().unwrap()
}
