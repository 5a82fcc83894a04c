//! Every derivation and its label, in one sight (`docs/token-format.md`, section 5).
//!
//! ```text
//! root ─┬─ key id
//!       └─ K_audience ─┬─ K_signed
//!                      ├─ K_sealed
//!                      ├─ K_hs256
//!                      ├─ Ed25519 seed
//!                      └─ jwt kid
//! ```

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::audience::Audience;
use crate::key::KeyId;
use crate::secret::Secret;

/// The public name of a root, 4 bytes.
pub fn key_id(root: &Secret) -> KeyId {
    KeyId::from_bytes(first(&expand(root, &[KEY_ID])))
}

/// K_audience: everything that a root lets one audience do.
pub fn audience(root: &Secret, audience: &Audience) -> Secret {
    expand(root, &[AUDIENCE, audience.as_str().as_bytes()])
}

/// K_signed: the HMAC key of signed tokens.
pub fn signed(audience: &Secret) -> Secret {
    expand(audience, &[SIGNED])
}

/// K_sealed: the XAES-256-GCM key of sealed tokens.
pub fn sealed(audience: &Secret) -> Secret {
    expand(audience, &[SEALED])
}

/// K_hs256: the HMAC key of jwt tokens.
pub fn jwt_hs256(audience: &Secret) -> Secret {
    expand(audience, &[JWT_HS256])
}

/// The Ed25519 seed of jwt tokens (RFC 8032).
pub fn jwt_eddsa_seed(audience: &Secret) -> Secret {
    expand(audience, &[JWT_EDDSA])
}

/// The `kid` of jwt tokens before its base64url, 8 bytes.
pub fn jwt_kid(audience: &Secret) -> [u8; 8] {
    first(&expand(audience, &[JWT_KID]))
}

/// RFC 5869 HKDF-Expand with L = 32, `info` given in pieces.
fn expand(prk: &Secret, info: &[&[u8]]) -> Secret {
    let mut mac = hmac(prk);
    for piece in info {
        mac.update(piece);
    }
    mac.update(&[0x01]);
    Secret::from_bytes(mac.finalize().into_bytes().into())
}

/// HMAC-SHA-256 under a secret. RFC 2104 pads a short key with zeros to the hash's block; given whole
/// blocks, the crate has no length left to refuse.
pub fn hmac(key: &Secret) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; 64]);
    for (to, from) in block.iter_mut().zip(key.expose()) {
        *to = *from;
    }
    Hmac::new((&*block).into())
}

fn first<const N: usize>(secret: &Secret) -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(secret.expose()) {
        *to = *from;
    }
    bytes
}

const KEY_ID: &[u8] = b"saddlebag/1 key id";
const AUDIENCE: &[u8] = b"saddlebag/1 audience ";
const SIGNED: &[u8] = b"saddlebag/1 signed";
const SEALED: &[u8] = b"saddlebag/1 sealed";
const JWT_HS256: &[u8] = b"saddlebag/1 jwt hs256";
const JWT_EDDSA: &[u8] = b"saddlebag/1 jwt eddsa";
const JWT_KID: &[u8] = b"saddlebag/1 jwt kid";

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// T26.
    #[test]
    fn the_derivations_are_those_printed_in_the_format() {
        let root = Secret::from_bytes(std::array::from_fn(|i| i as u8));
        let shop = audience(&root, &Audience::new("shop").unwrap());
        assert_eq!(hex(&key_id(&root).to_bytes()), "2cd84cb3");
        for (derived, printed) in [
            (shop.clone(), "2c38d4109c6ee91ac9d575a31fd98d11379a1177b5a1b17ff0062b064a779b80"),
            (signed(&shop), "9f2c45babf5be460c7e7c50753b35ad12268cf4a66773f983cf8db1be503b1b8"),
            (sealed(&shop), "a5f72253f8dab8ccd774fbe14734d1e27da6fafa14b1699c4ab161af861f8717"),
            (jwt_hs256(&shop), "aa38b217d3c525f5964d09e520181bc6a40bb718e0576ae7ded771aea2284319"),
            (
                jwt_eddsa_seed(&shop),
                "faa48196120fd9818258ea120b3ca9bcc0e890049d2188193971a91a8147e148",
            ),
        ] {
            assert_eq!(hex(derived.expose()), printed);
        }
        assert_eq!(hex(&jwt_kid(&shop)), "3bf88e27ed006f1f"); // O_iOJ-0Abx8
    }
}
