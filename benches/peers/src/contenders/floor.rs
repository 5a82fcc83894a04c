//! What no token can go below: the bare primitive under a kept key over as many bytes as saddlebag's token has,
//! base64, one allocation for the answer, and for issuing one call for 24 random bytes of the operating system.
//!
//! Two crates of primitives, three of base64: the fastest pair at each payload is the floor of the tables.

use std::hint::black_box;
use std::sync::LazyLock;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::NO_PAD;
use hmac::{Hmac, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::Sha256;

use crate::harness::{Contender, Kind, Op, leak, runner};
use crate::states::{Payload, SEALED_CHARACTERS, SIGNED_CHARACTERS};

/// Base64url without padding.
trait Base64: 'static {
    fn encode(bytes: &[u8]) -> String;
    fn decode(text: &str) -> Vec<u8>;
}

struct Plain;
struct Simd;
struct Turbo;

impl Base64 for Plain {
    fn encode(bytes: &[u8]) -> String {
        ENGINE.encode(bytes)
    }

    fn decode(text: &str) -> Vec<u8> {
        ENGINE.decode(text).expect("base64")
    }
}

/// The fastest that `base64` has for this processor.
static ENGINE: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));

impl Base64 for Simd {
    fn encode(bytes: &[u8]) -> String {
        base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
    }

    fn decode(text: &str) -> Vec<u8> {
        base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).expect("base64")
    }
}

impl Base64 for Turbo {
    fn encode(bytes: &[u8]) -> String {
        base64_turbo::URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Vec<u8> {
        base64_turbo::URL_SAFE_NO_PAD.decode(text).expect("base64")
    }
}

/// Protects in place: `bytes` is a head of `head` bytes, then the text; the tag is appended.
trait Primitive: 'static {
    fn protect(&self, nonce: [u8; 12], bytes: &mut Vec<u8>);
    fn check(&self, nonce: [u8; 12], bytes: &mut [u8]);
}

struct RingAead(LessSafeKey);
struct RustAead(Aes256Gcm);
struct RingHmac(ring::hmac::Key);
struct RustHmac(Hmac<Sha256>);

impl Primitive for RingAead {
    fn protect(&self, nonce: [u8; 12], bytes: &mut Vec<u8>) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::empty(), &mut bytes[HEAD..]);
        bytes.extend_from_slice(tag.expect("sealed").as_ref());
    }

    fn check(&self, nonce: [u8; 12], bytes: &mut [u8]) {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::empty(), &mut bytes[HEAD..]).expect("opened");
    }
}

impl Primitive for RustAead {
    fn protect(&self, nonce: [u8; 12], bytes: &mut Vec<u8>) {
        let text = (&mut bytes[HEAD..]).into();
        let tag = self.0.encrypt_inout_detached((&nonce).into(), b"", text).expect("sealed");
        bytes.extend_from_slice(&tag);
    }

    fn check(&self, nonce: [u8; 12], bytes: &mut [u8]) {
        let (text, tag) = bytes[HEAD..].split_last_chunk_mut::<16>().expect("a tag");
        let tag = (&*tag).into();
        self.0.decrypt_inout_detached((&nonce).into(), b"", text.into(), tag).expect("opened");
    }
}

impl Primitive for RingHmac {
    fn protect(&self, _: [u8; 12], bytes: &mut Vec<u8>) {
        let tag = ring::hmac::sign(&self.0, bytes);
        bytes.extend_from_slice(tag.as_ref());
    }

    fn check(&self, _: [u8; 12], bytes: &mut [u8]) {
        let (text, tag) = bytes.split_last_chunk::<32>().expect("a tag");
        ring::hmac::verify(&self.0, text, tag).expect("authentic");
    }
}

impl Primitive for RustHmac {
    fn protect(&self, _: [u8; 12], bytes: &mut Vec<u8>) {
        let mut mac = self.0.clone();
        mac.update(bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
    }

    fn check(&self, _: [u8; 12], bytes: &mut [u8]) {
        let (text, tag) = bytes.split_last_chunk::<32>().expect("a tag");
        let mut mac = self.0.clone();
        mac.update(text);
        mac.verify(tag.into()).expect("authentic");
    }
}

pub fn contenders(payload: &'static Payload) -> Vec<Contender> {
    let sealed = SEALED_CHARACTERS[payload.place()];
    let signed = SIGNED_CHARACTERS[payload.place()];
    let key = [7; 32];
    let ring_aead =
        || RingAead(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes")));
    let rust_aead = || RustAead(Aes256Gcm::new(&key.into()));
    let ring_hmac = || RingHmac(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key));
    let rust_hmac = || RustHmac(Hmac::new_from_slice(&key).expect("32 bytes"));
    let place = payload.name;
    vec![
        one::<_, Plain>("ring + base64", Kind::SealedFloor, place, sealed, ring_aead()),
        one::<_, Simd>("ring + base64-simd", Kind::SealedFloor, place, sealed, ring_aead()),
        one::<_, Turbo>("ring + base64-turbo", Kind::SealedFloor, place, sealed, ring_aead()),
        one::<_, Plain>("aes-gcm + base64", Kind::SealedFloor, place, sealed, rust_aead()),
        one::<_, Simd>("aes-gcm + base64-simd", Kind::SealedFloor, place, sealed, rust_aead()),
        one::<_, Turbo>("aes-gcm + base64-turbo", Kind::SealedFloor, place, sealed, rust_aead()),
        one::<_, Plain>("ring hmac + base64", Kind::SignedFloor, place, signed, ring_hmac()),
        one::<_, Simd>("ring hmac + base64-simd", Kind::SignedFloor, place, signed, ring_hmac()),
        one::<_, Turbo>("ring hmac + base64-turbo", Kind::SignedFloor, place, signed, ring_hmac()),
        one::<_, Plain>("hmac/sha2 + base64", Kind::SignedFloor, place, signed, rust_hmac()),
        one::<_, Simd>("hmac/sha2 + base64-simd", Kind::SignedFloor, place, signed, rust_hmac()),
        one::<_, Turbo>("hmac/sha2 + base64-turbo", Kind::SignedFloor, place, signed, rust_hmac()),
    ]
}

fn one<P: Primitive, B: Base64>(
    name: &'static str,
    kind: Kind,
    payload: &'static str,
    characters: usize,
    primitive: P,
) -> Contender {
    let (head, tag) = match kind {
        Kind::SealedFloor => (HEAD, 16),
        _ => (7, 32),
    };
    let (issue, verify) = pair::<P, B>(characters, head, tag, primitive);
    let ops = vec![(Op::Issue, runner(issue)), (Op::VerifyBytes, runner(verify))];
    Contender { name, kind, payload, characters, full: characters, ops }
}

/// Issues a token of so many characters, and verifies one.
fn pair<P: Primitive, B: Base64>(
    characters: usize,
    head: usize,
    tag: usize,
    primitive: P,
) -> (impl Fn() -> String, impl Fn() -> Vec<u8> + use<P, B>) {
    let primitive: &'static P = leak(primitive);
    let text: &'static [u8] = vec![b'x'; characters * 3 / 4 - head - tag].leak();
    let issue = move || {
        let mut random = [0; 24];
        SysRng.try_fill_bytes(&mut random).expect("random bytes");
        let mut bytes = Vec::with_capacity(head + text.len() + tag);
        bytes.extend_from_slice(&[1; 7]);
        bytes.extend_from_slice(&random[..head - 7]);
        bytes.extend_from_slice(black_box(text));
        primitive.protect([9; 12], &mut bytes);
        B::encode(&bytes)
    };
    let token: &'static str = issue().leak();
    assert_eq!(token.len(), characters, "as many characters");
    let verify = move || {
        let mut bytes = B::decode(black_box(token));
        primitive.check([9; 12], &mut bytes);
        bytes
    };
    assert_eq!(verify()[head..].get(..text.len()), Some(text), "the text comes back");
    (issue, verify)
}

/// A verification by ring and base64-simd that threads share.
pub fn shared(payload: &Payload) -> impl Fn() -> Vec<u8> + Sync {
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("32 bytes");
    let sealed = SEALED_CHARACTERS[payload.place()];
    pair::<_, Simd>(sealed, HEAD, 16, RingAead(LessSafeKey::new(key))).1
}

/// A sealed token's bytes before its ciphertext: header and nonce.
const HEAD: usize = 31;
