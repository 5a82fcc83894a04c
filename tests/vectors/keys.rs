//! Section 5 of the contract: every key out of a root, with the label beside it.

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::text::{base64url, hex};

/// What one root gives for one audience.
#[derive(Clone)]
pub struct Keys {
    pub id: [u8; 4],
    pub audience: [u8; 32],
    pub signed: [u8; 32],
    pub sealed: [u8; 32],
    pub hs256: [u8; 32],
    pub ed25519: SigningKey,
    pub kid: String,
}

impl Keys {
    pub fn new(root: &[u8; 32], audience: &str) -> Self {
        let k = expand(root, &["saddlebag/1 audience ", audience]);
        Self {
            id: key_id(root),
            audience: k,
            signed: expand(&k, &["saddlebag/1 signed"]),
            sealed: expand(&k, &["saddlebag/1 sealed"]),
            hs256: expand(&k, &["saddlebag/1 jwt hs256"]),
            ed25519: SigningKey::from_bytes(&expand(&k, &["saddlebag/1 jwt eddsa"])),
            kid: base64url(&expand(&k, &["saddlebag/1 jwt kid"])[..8]),
        }
    }
}

pub fn key_id(root: &[u8; 32]) -> [u8; 4] {
    expand(root, &["saddlebag/1 key id"])[..4].try_into().unwrap()
}

/// RFC 5869 HKDF-Expand with L = 32.
pub fn expand(prk: &[u8; 32], info: &[&str]) -> [u8; 32] {
    let mut parts: Vec<&[u8]> = info.iter().map(|part| part.as_bytes()).collect();
    parts.push(&[1]);
    hmac(prk, &parts)
}

pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A root that no check for weak secrets refuses, and that anybody can compute again.
pub fn root(label: &str) -> [u8; 32] {
    fixed(&format!("root {label}"))
}

/// The nonce of the vector with this name.
pub fn nonce(name: &str) -> [u8; 24] {
    fixed(&format!("nonce {name}"))[..24].try_into().unwrap()
}

/// SHA-256 in the place of randomness: the same bytes in every run.
pub fn fixed(label: &str) -> [u8; 32] {
    Sha256::digest(format!("saddlebag-vectors/1 {label}")).into()
}

#[test]
fn the_derivations_printed_in_the_contract_hold() {
    let root: [u8; 32] = core::array::from_fn(|i| i as u8);
    let keys = Keys::new(&root, "shop");
    let seed = hex(keys.ed25519.as_bytes());
    let public = hex(keys.ed25519.verifying_key().as_bytes());
    assert_eq!(hex(&keys.id), "2cd84cb3");
    for (got, printed) in [
        (hex(&keys.audience), "2c38d4109c6ee91ac9d575a31fd98d11379a1177b5a1b17ff0062b064a779b80"),
        (hex(&keys.signed), "9f2c45babf5be460c7e7c50753b35ad12268cf4a66773f983cf8db1be503b1b8"),
        (hex(&keys.sealed), "a5f72253f8dab8ccd774fbe14734d1e27da6fafa14b1699c4ab161af861f8717"),
        (hex(&keys.hs256), "aa38b217d3c525f5964d09e520181bc6a40bb718e0576ae7ded771aea2284319"),
        (seed, "faa48196120fd9818258ea120b3ca9bcc0e890049d2188193971a91a8147e148"),
        (public, "88a4c7952e874b3640e11ff0dc4aa19589effdde7644496ff8fbda5240ec22e1"),
    ] {
        assert_eq!(got, printed);
    }
    assert_eq!(keys.kid, "O_iOJ-0Abx8");
}
