//! The two primitives of tokens, AES-256-GCM and HMAC-SHA-256, under keys that are kept.
//!
//! Two providers have the same interface, and a build has one of them: the RustCrypto crates, which run
//! everywhere and wipe their keys, or ring (feature `ring`), which is faster and cannot wipe. The same
//! vectors are tested with both.

#[cfg(feature = "ring")]
mod ring;
#[cfg(any(test, not(feature = "ring")))]
mod rustcrypto;

#[cfg(feature = "ring")]
pub(super) use ring::{Cipher, Mac};
#[cfg(not(feature = "ring"))]
pub(super) use rustcrypto::{Cipher, Mac};

/// Bytes of an AES-256-GCM nonce, as everybody has them (SP 800-38D, section 8.2).
pub(super) const NONCE_LEN: usize = 12;

#[cfg(all(test, feature = "ring"))]
mod tests {
    use proptest::prelude::*;

    use super::super::format::TAG_LEN;
    use super::{NONCE_LEN, ring, rustcrypto};

    proptest! {
        #[test]
        fn both_providers_seal_to_the_same_bytes_and_open_each_others(
            key in any::<[u8; 32]>(),
            nonce in any::<[u8; NONCE_LEN]>(),
            aad in prop::collection::vec(any::<u8>(), 0..80),
            text in prop::collection::vec(any::<u8>(), 0..600),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
        ) {
            let one = ring::Cipher::new(&key).unwrap();
            let other = rustcrypto::Cipher::new(&key).unwrap();
            let mut sealed = text.clone();
            let tag = one.seal(&nonce, &aad, &mut sealed).unwrap();
            let mut again = text.clone();
            prop_assert_eq!(other.seal(&nonce, &aad, &mut again), Some(tag));
            prop_assert_eq!(&again, &sealed);
            sealed.extend_from_slice(&tag);

            for bytes in [&mut sealed.clone(), &mut sealed.clone()] {
                other.open(&nonce, &aad, bytes).unwrap();
                prop_assert_eq!(&bytes[..text.len()], &text[..]);
            }
            let mut opened = sealed.clone();
            one.open(&nonce, &aad, &mut opened).unwrap();
            prop_assert_eq!(&opened[..text.len()], &text[..]);

            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(one.open(&nonce, &aad, &mut sealed.clone()).is_none());
            prop_assert!(other.open(&nonce, &aad, &mut sealed.clone()).is_none());
        }

        #[test]
        fn both_providers_make_the_same_tag(
            key in any::<[u8; 32]>(),
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 3),
        ) {
            let secret = saddlebag_keys::Secret::from_bytes(key);
            let [a, b, c] = [0, 1, 2].map(|n: usize| pieces[n].as_slice());
            let tag = ring::Mac::new(&secret).tag(&[a, b, c]);
            prop_assert_eq!(rustcrypto::Mac::new(&secret).tag(&[a, b, c]), tag);
        }
    }

    #[test]
    fn neither_provider_opens_what_is_shorter_than_a_tag() {
        for length in 0..TAG_LEN {
            let mut bytes = vec![0; length];
            let none = [0; NONCE_LEN];
            assert!(ring::Cipher::new(&[1; 32]).unwrap().open(&none, b"", &mut bytes).is_none());
            let other = rustcrypto::Cipher::new(&[1; 32]).unwrap();
            assert!(other.open(&none, b"", &mut bytes).is_none());
        }
    }
}
