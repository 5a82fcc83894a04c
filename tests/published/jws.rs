//! JWS compact serialization: RFC 7515, A.1, and Wycheproof's cases under a symmetric key.
//!
//! Tokens of these vectors have other headers and payloads than ours, so the library refuses them all.
//! What it is made of is held to them here: three segments of strict base64url, the algorithm that the
//! key has, and `jsonwebtoken`'s check of a signature of exactly 32 bytes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use saddlebag::keys::insecure::{ChosenKey, ring};
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime};
use saddlebag::{JwtAlgorithm, Tokens};
use serde_json::Value;

use crate::PROVIDERS;

/// Whether a text is a JWS of this key: by [`jsonwebtoken`], which has no part in the library.
fn verifies(text: &str, key: &[u8]) -> bool {
    let parsed = parse(text).is_some_and(|(signed, signature)| {
        let key = DecodingKey::from_secret(key);
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::HS256, &key).unwrap();
        signature.len() == 32 && verifier.verify(signed.as_bytes(), &signature).is_ok()
    });
    // And by HMAC alone: both say the same.
    for provider in PROVIDERS {
        let by_hmac = parse(text)
            .is_some_and(|(signed, tag)| (provider.hmac)(key, signed.as_bytes())[..] == tag[..]);
        assert_eq!(parsed, by_hmac, "{}: {text}", provider.name);
    }
    parsed
}

fn parse(text: &str) -> Option<(&str, Vec<u8>)> {
    let (signed, signature) = text.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&BASE64.decode(header).ok()?).ok()?;
    BASE64.decode(payload).ok()?;
    (header["alg"] == "HS256").then_some((signed, BASE64.decode(signature).ok()?))
}

/// Where we depart from what the vectors say, and why.
const DEVIATIONS: [(u64, &str); 4] = [
    (367, "labelled invalid, and the same text as case 357, which is valid: its padding was lost"),
    (370, "labelled invalid, and the same text as case 357, which is valid: its padding was lost"),
    (372, "labelled valid, and has a `?` inside a segment: a second spelling"),
    (373, "labelled valid, and has a `?` inside a segment: a second spelling"),
];

#[test]
fn every_symmetric_jws_case_of_wycheproof_holds_but_for_four_listed_ones() {
    let file: Value = serde_json::from_str(include_str!("jws.json")).unwrap();
    let (mut seen, mut deviated) = (0, Vec::new());
    for group in file["groups"].as_array().unwrap() {
        let key = BASE64.decode(group["k"].as_str().unwrap()).unwrap();
        for case in group["tests"].as_array().unwrap() {
            seen += 1;
            let (number, text) = (case["tcId"].as_u64().unwrap(), case["jws"].as_str().unwrap());
            let valid = case["result"] == "valid";
            if verifies(text, &key) != valid {
                deviated.push(number);
            }
        }
    }
    assert_eq!(seen, 40);
    assert_eq!(deviated, DEVIATIONS.map(|(number, _)| number));
}

/// T03: tokens of other headers are refused, whatever they are signed with.
#[test]
fn the_library_takes_no_jws_of_wycheproof_for_a_session() {
    let key = |n: u8, activates_at: u64| ChosenKey {
        secret: std::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ n),
        id: None,
        created_at: UnixTime::from_secs(activates_at - 9),
        activates_at: UnixTime::from_secs(activates_at),
        drains_until: None,
        revoked_at: None,
    };
    let ring = ring("test", 1, Policy::default(), &[key(1, 1_000), key(2, 1_000_000)]).unwrap();
    let tokens = Tokens::builder(KeyRingHandle::fixed(ring)).jwt(JwtAlgorithm::Hs256);
    let tokens = tokens.build().unwrap();
    let file: Value = serde_json::from_str(include_str!("jws.json")).unwrap();
    for group in file["groups"].as_array().unwrap() {
        for case in group["tests"].as_array().unwrap() {
            let text = case["jws"].as_str().unwrap();
            assert!(tokens.verify_at(text, UnixTime::from_secs(2_000)).is_err(), "{text}");
        }
    }
}

const A_1: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzOD\
                   AsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A_1_KEY: &str =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

/// T18: the last character of the tag has unused bits, and `l` differs from `k` in those alone.
#[test]
fn the_example_of_rfc_7515_holds_and_its_other_spellings_do_not() {
    let key = BASE64.decode(A_1_KEY).unwrap();
    let good = format!("{A_1}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert!(verifies(&good, &key));
    let (start, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=";
    for other in alphabet.chars().filter(|other| !last.starts_with(*other)) {
        assert!(!verifies(&format!("{start}{other}"), &key), "{other}");
    }
    assert!(!verifies(&format!("{good}="), &key));
}
