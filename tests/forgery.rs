//! What somebody makes who has no key, another key, or every key but the right one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;
#[path = "forgery/gcm.rs"]
mod gcm;

use common::{FORGED, Forged, NOW, at, audience_key, builder, decode, encode, id, refusal, shop};
use hmac::Mac;
use saddlebag::keys::{Secret, derive};
use saddlebag::{NewSession, Protection, Reason, Tokens};

const KINDS: [[u8; 3]; 2] = [[0xb1, 0xbd, 0x6c], [0xb1, 0xbd, 0x5e]];

/// Everything that is derived from one root for one audience, and what it is derived from.
fn keys() -> [(&'static str, Secret); 6] {
    let audience = audience_key(1, "shop");
    [
        ("root", Secret::from_bytes(common::secret(1))),
        ("signed", derive::signed(&audience)),
        ("sealed", derive::sealed(&audience)),
        ("hs256", derive::jwt_hs256(&audience)),
        ("eddsa", derive::jwt_eddsa_seed(&audience)),
        ("audience", audience),
    ]
}

fn header(kind: usize, n: u8) -> Vec<u8> {
    [&KINDS[kind][..], &id(n).to_bytes()].concat()
}

/// Section 3 of the format, under any key.
fn sign(key: &Secret, header: &[u8], claims: &[u8]) -> String {
    let mut mac = derive::hmac(key);
    for piece in [header, &[0; 4], claims] {
        mac.update(piece);
    }
    encode(&[header, claims, &mac.finalize().into_bytes()[..16]].concat())
}

/// Section 4 of the format, under any key.
fn seal(key: &Secret, header: &[u8], claims: &[u8]) -> String {
    use xaes_256_gcm::Xaes256Gcm;
    use xaes_256_gcm::aead::{Aead, KeyInit, Payload};
    let nonce = [5; 24];
    let payload = Payload { msg: claims, aad: header };
    let sealed = Xaes256Gcm::new(key.expose().into()).encrypt((&nonce).into(), payload).unwrap();
    encode(&[header, &nonce, &sealed].concat())
}

/// Every verifier that this build has, and the name of the key that it takes.
fn verifiers() -> Vec<(Tokens, &'static str)> {
    #[allow(unused_mut)]
    let mut all = vec![(shop(), "none")];
    #[cfg(feature = "jwt")]
    for (algorithm, name) in
        [(saddlebag::JwtAlgorithm::Hs256, "hs256"), (saddlebag::JwtAlgorithm::EdDsa, "eddsa")]
    {
        all.push((builder().jwt(algorithm).build().unwrap(), name));
    }
    all
}

/// T01, T26: each kind has a key of its own, and what is made of any other key of the same root is nothing;
/// nor is a tag of one kind under the label of another.
#[test]
fn of_all_pairs_of_a_kind_and_a_key_only_the_issued_ones_verify() {
    let all = keys();
    for (i, (one, a)) in all.iter().enumerate() {
        for (other, b) in &all[i + 1..] {
            assert_ne!(a.expose(), b.expose(), "{one} {other}");
        }
    }
    let claims = FORGED.cbor();
    for (tokens, _) in verifiers() {
        for (name, key) in &all {
            for kind in 0..2 {
                for (made_as, token) in [
                    ("signed", sign(key, &header(kind, 1), &claims)),
                    ("sealed", seal(key, &header(kind, 1), &claims)),
                ] {
                    let right = name == &made_as && ["signed", "sealed"][kind] == made_as;
                    let verified = tokens.verify_at(&token, at(NOW));
                    assert_eq!(verified.is_ok(), right, "{made_as} under {name} as kind {kind}");
                }
            }
        }
    }
}

#[cfg(feature = "jwt")]
mod jwt {
    use super::*;
    use jsonwebtoken::{Algorithm, EncodingKey, crypto};
    use saddlebag::JwtAlgorithm;

    pub(super) fn signed_part(alg: &str, algorithm_kid: &str) -> String {
        let header = format!(r#"{{"alg":"{alg}","kid":"{algorithm_kid}","typ":"JWT"}}"#);
        let jti = encode(&FORGED.id);
        let payload = format!(
            r#"{{"aud":"shop","iat":{NOW},"exp":{},"auth_time":{NOW},"ends":{},"rev":0,"jti":"{jti}","state":null}}"#,
            NOW + 900,
            NOW + 86_400
        );
        format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()))
    }

    pub(super) fn kid() -> String {
        encode(&derive::jwt_kid(&audience_key(1, "shop")))
    }

    /// T01, T26: and so with both algorithms of a jwt, whichever of them a token names.
    #[test]
    fn of_all_pairs_of_a_jwt_algorithm_and_a_key_only_the_issued_ones_verify() {
        let pkcs8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        for (tokens, takes) in verifiers() {
            for (name, key) in keys() {
                let hs256 = EncodingKey::from_secret(key.expose());
                let eddsa = EncodingKey::from_ed_der(&[&pkcs8[..], key.expose()].concat());
                for alg in ["HS256", "EdDSA", "none", "HS512"] {
                    let signed = signed_part(alg, &kid());
                    for (made_with, key, algorithm) in
                        [("hs256", &hs256, Algorithm::HS256), ("eddsa", &eddsa, Algorithm::EdDSA)]
                    {
                        let tag = crypto::sign(signed.as_bytes(), key, algorithm).unwrap();
                        let token = format!("{signed}.{tag}");
                        let named = alg.eq_ignore_ascii_case(made_with);
                        let right = named && made_with == name && made_with == takes;
                        let verified = tokens.verify_at(&token, at(NOW));
                        assert_eq!(verified.is_ok(), right, "{alg} {made_with} {name} {takes}");
                    }
                }
            }
        }
    }

    /// T06, T15, T16: the same of a jwt's three fields, and of its signature.
    #[test]
    fn a_jwt_with_a_null_cut_or_longer_field_is_refused() {
        for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
            let tokens = builder().jwt(algorithm).protection(Protection::Jwt).build().unwrap();
            let issued = tokens.issue_at(NewSession::of(&[1, 2, 3]), at(NOW)).unwrap().token;
            let fields: Vec<Vec<u8>> = issued.split('.').map(decode).collect();
            let spelled = |fields: &[Vec<u8>]| {
                fields.iter().map(|field| encode(field)).collect::<Vec<_>>().join(".")
            };
            assert_eq!(spelled(&fields), issued);
            let whole = fields[2].len();
            let mut wrong = Vec::new();
            for byte in 0..=255 {
                for length in [0, 1, 15, 16, 31, 32, 33, 63, 64, 65] {
                    let null = vec![byte; length];
                    wrong.push(vec![fields[0].clone(), fields[1].clone(), null]);
                }
            }
            for kept in 0..whole {
                let cut = fields[2][..kept].to_vec();
                wrong.push(vec![fields[0].clone(), fields[1].clone(), cut]);
            }
            for place in 0..3 {
                for length in 1..=64 {
                    for filler in [0, b' ', b'}', 0xff] {
                        let mut longer = fields.clone();
                        longer[place].extend(std::iter::repeat_n(filler, length));
                        wrong.push(longer);
                    }
                }
            }
            for fields in wrong {
                let token = spelled(&fields);
                assert!(tokens.verify_at(&token, at(NOW)).is_err(), "{token}");
            }
        }
    }
}

/// T06, T15, T16: bytes after, before and between the fields; tags that are cut, or of no key at all.
#[test]
fn a_token_with_a_null_cut_or_longer_field_is_refused() {
    let tokens = shop();
    for (protection, fields) in [
        (Protection::Signed, &[3, 7, usize::MAX][..]),
        (Protection::Sealed, &[3, 7, 19, 31, usize::MAX]),
    ] {
        let session = NewSession::of(&[1, 2, 3]).protection(protection);
        let bytes = decode(&tokens.issue_at(session, at(NOW)).unwrap().token);
        let tag_at = bytes.len() - 16;
        let mut wrong = Vec::new();
        let ends = fields.iter().map(|end| *end.min(&tag_at)).chain([bytes.len()]);
        for end in ends {
            for length in 1..=64 {
                for filler in [0, 0x41, 0xff] {
                    let filler = vec![filler; length];
                    wrong.push([&bytes[..end], &filler, &bytes[end..]].concat());
                }
                // Cut, too: a field that is shorter.
                if length <= end {
                    wrong.push([&bytes[..end - length], &bytes[end..]].concat());
                }
            }
        }
        for byte in 0..=255 {
            wrong.push([&bytes[..tag_at], &[byte; 16]].concat());
        }
        for wrong in wrong {
            assert!(tokens.verify_at(&encode(&wrong), at(NOW)).is_err(), "{wrong:02x?}");
        }
        assert!(tokens.verify_at(&encode(&bytes), at(NOW)).is_ok());
    }
}

/// T13: AES-GCM lets who knows two keys make one ciphertext that both open. Here the key of the token's
/// key id opens it to nonsense and the ring's other key to good claims: refused under either key id, for
/// one key id is one key, and the key id is authenticated with what it selects.
#[test]
fn a_ciphertext_that_two_keys_open_is_refused_under_both_key_ids() {
    use aes_gcm::aead::{Aead, AeadInOut, KeyInit, Payload};
    use aes_gcm::{Aes256Gcm, Nonce};

    let nonce: [u8; 24] = std::array::from_fn(|i| i as u8);
    let rest: Nonce<_> = <[u8; 12]>::try_from(&nonce[12..]).unwrap().into();
    let aad = header(1, 1);
    let derived = [1, 2]
        .map(|n| gcm::derive(derive::sealed(&audience_key(n, "shop")).expose(), &nonce[..12]));
    let ciphers = derived.map(|key| Aes256Gcm::new((&key).into()));
    // State of bytes, so that the last block may hold anything.
    let state = [&[0x58, 61][..], &[7; 61]].concat();
    let mut claims = Forged { state: &state, ..FORGED }.cbor();
    while !claims.len().is_multiple_of(16) {
        claims.push(0);
    }
    let sealed = ciphers[1].encrypt(&rest, Payload { msg: &claims, aad: &aad }).unwrap();
    let mut text = sealed[..claims.len()].to_vec();
    let tag = gcm::collide(&derived, &nonce[12..], &aad, &mut text);

    let opened = ciphers.map(|cipher| {
        let mut opened = text.clone();
        let tag = (&tag).into();
        cipher.decrypt_inout_detached(&rest, &aad, opened.as_mut_slice().into(), tag).unwrap();
        opened
    });
    assert_eq!(opened[1][..claims.len() - 16], claims[..claims.len() - 16]);
    assert_ne!(opened[0][..20], claims[..20]);

    let tokens = shop();
    for (n, reason) in [(1, Reason::BadClaims), (2, Reason::BadTag)] {
        let token = encode(&[&header(1, n)[..], &nonce, &text, &tag].concat());
        // Again, when the first key's derived cipher is kept.
        for _ in 0..2 {
            let refused = tokens.verify_at(&token, at(NOW)).unwrap_err();
            assert_eq!((refused.reason(), refused.key_id()), (reason, Some(id(n))));
        }
    }
    // Good claims under the key id that they were sealed for do verify: the collision was the fault.
    let honest = common::seal(2, "shop", b"", nonce, &Forged { state: &state, ..FORGED }.cbor());
    assert!(tokens.verify_at(&honest, at(NOW)).is_ok());
}

/// T03, T42: whatever a key id spells, it is looked up in memory: no file, no name, no address is opened.
#[test]
fn key_ids_are_looked_up_in_memory_and_nothing_is_opened_or_called() {
    const NAME: &str = "key_ids_are_looked_up_in_memory_and_nothing_is_opened_or_called";
    if std::env::var_os("SADDLEBAG_TEST_PART").is_some() {
        let long = builder().longest_verified(65_536);
        #[cfg(feature = "jwt")]
        let long = long.jwt(saddlebag::JwtAlgorithm::Hs256);
        let tokens = long.build().unwrap();
        let good = FORGED.signed(1, "shop");
        let corpus = key_ids();
        let verify_all = || {
            for token in &corpus {
                assert!(tokens.verify_at(token, at(NOW)).is_err());
            }
            assert!(tokens.verify_at(&good, at(NOW)).is_ok());
        };
        verify_all();
        let _ = std::fs::symlink_metadata("/saddlebag-mark-begin");
        verify_all();
        let _ = std::fs::symlink_metadata("/saddlebag-mark-end");
        return;
    }
    let tokens = shop();
    for token in key_ids() {
        let reason = refusal(tokens.verify_at(&token, at(NOW)));
        let public =
            [Reason::UnknownKey, Reason::Malformed, Reason::JwtNotAccepted, Reason::TooLong];
        assert!(public.contains(&reason), "{reason:?}");
    }
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut traced = std::process::Command::new("strace");
    traced.args(["-f", "-o"]).arg(log.path()).arg(std::env::current_exe().unwrap());
    traced.args([NAME, "--exact", "--test-threads=1"]).env("SADDLEBAG_TEST_PART", "1");
    let output = traced.output().expect("these tests need strace: apt-get install -y strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(log.path()).unwrap();
    let (_, after) = log.split_once("/saddlebag-mark-begin").unwrap();
    let (between, _) = after.split_once("/saddlebag-mark-end").unwrap();
    // Memory is all that verification may ask the kernel for.
    let memory = ["brk", "mmap", "munmap", "mremap", "madvise", "statx"];
    for line in between.lines().skip(1) {
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        let call = call.split('(').next().unwrap();
        assert!(memory.contains(&call), "{line}");
    }
}

/// Tokens whose key ids are paths, statements, addresses, nothing, or very long.
fn key_ids() -> Vec<String> {
    let mut tokens = Vec::new();
    let claims = FORGED.cbor();
    for kind in KINDS {
        for id in [*b"../x", *b"/etc", *b"' OR", *b"\0\0\0\0", *b"http", [0xff; 4], *b"%2e%"] {
            let body = [&[9; 24][..], &claims, &[9; 16]].concat();
            tokens.push(encode(&[&kind[..], &id, &body].concat()));
        }
    }
    let long = ["A", "../", "\\u0000", "%00"].map(|piece| piece.repeat(48_000 / piece.len() / 2));
    for kid in [
        "../../../../etc/passwd",
        "/dev/random",
        "file:///etc/shadow",
        "http://127.0.0.1:1/jwks.json",
        "x' UNION SELECT 'AAAA",
        "$(id)",
        "\\u0000",
        "",
        "a\\u0000b",
    ]
    .into_iter()
    .chain(long.iter().map(String::as_str))
    {
        for more in ["", r#","jku":"http://127.0.0.1:1/""#, r#","jwk":{"kty":"oct","k":"AA"}"#] {
            let header = format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"JWT"{more}}}"#);
            tokens.push(format!("{}.e30.{}", encode(header.as_bytes()), encode(&[0; 32])));
        }
    }
    tokens
}
