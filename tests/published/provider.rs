//! The product's own providers, compiled here as they stand: what the vectors meet is what tokens go through.

use saddlebag::keys::Secret;

use crate::Provider;

const NONCE_LEN: usize = 12;

#[cfg(feature = "ring")]
#[path = "../../src/token/provider/ring.rs"]
mod ring;
#[path = "../../src/token/provider/rustcrypto.rs"]
mod rustcrypto;

macro_rules! provider {
    ($name:literal, $provider:ident, $hmac:ident) => {
        Provider {
            name: $name,
            seal: |key, nonce, aad, text| {
                let mut text = text.to_vec();
                let cipher = $provider::Cipher::new(key).unwrap();
                let tag = cipher.seal(nonce, aad, &mut text).unwrap();
                text.extend_from_slice(&tag);
                text
            },
            open: |key, nonce, aad, text, tag| {
                let mut sealed = [&text[..], tag].concat();
                let opened = $provider::Cipher::new(key).unwrap().open(nonce, aad, &mut sealed);
                // What is left where a tag was wrong, too.
                text.copy_from_slice(&sealed[..text.len()]);
                opened.is_some()
            },
            hmac: |key, text| match key.try_into() {
                Ok(key) => {
                    // In two pieces, as tokens are.
                    let (head, rest) = text.split_at(text.len() / 3);
                    $provider::Mac::new(&Secret::from_bytes(key)).tag(&[head, rest])
                }
                Err(_) => $hmac(key, text),
            },
        }
    };
}

pub const PROVIDERS: &[Provider] = &[
    provider!("RustCrypto", rustcrypto, hmac_by_rust_crypto),
    #[cfg(feature = "ring")]
    provider!("ring", ring, hmac_by_ring),
];

/// The vectors have keys of other lengths than tokens.
fn hmac_by_rust_crypto(key: &[u8], text: &[u8]) -> [u8; 32] {
    use hmac::{Hmac, KeyInit, Mac};

    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(feature = "ring")]
fn hmac_by_ring(key: &[u8], text: &[u8]) -> [u8; 32] {
    use ::ring::hmac::{HMAC_SHA256, Key, sign};

    sign(&Key::new(HMAC_SHA256, key), text).as_ref().try_into().unwrap()
}
