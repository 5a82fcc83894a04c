//! Secrets that somebody typed, copied or forgot to set: a ring that has one is not loaded.

#![allow(
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod common;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use common::{folder_with_ring, redigested, ring, text, write_raw};
use saddlebag_keys::{FileStore, Secret, Store, StoreErrorKind, derive};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What tutorials, images and wordlists have for secrets.
const TYPED: [&str; 64] = [
    "secret",
    "Secret",
    "SECRET",
    "secret_key",
    "secretkey",
    "my-secret",
    "mysecret",
    "my-256-bit-secret",
    "your-256-bit-secret",
    "your_jwt_secret",
    "jwt_secret",
    "jwt-secret-key",
    "jwtsecret",
    "changeme",
    "change-me",
    "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
    "change this in production please",
    "default",
    "password",
    "Password1",
    "passw0rd",
    "hunter2",
    "letmein",
    "qwerty",
    "qwertyuiopasdfghjklzxcvbnm123456",
    "123456",
    "1234567890",
    "12345678901234567890123456789012",
    "00000000000000000000000000000000",
    "0123456789abcdef0123456789abcdef",
    "deadbeefdeadbeefdeadbeefdeadbeef",
    "abc123",
    "abcdefghijklmnopqrstuvwxyzabcdef",
    "admin",
    "administrator",
    "root",
    "toor",
    "test",
    "testing",
    "test-secret-do-not-use-anywhere!",
    "example",
    "example-secret",
    "development",
    "dev-secret",
    "production",
    "staging",
    "token",
    "session",
    "session_secret",
    "keyboard cat",
    "shhhhh",
    "shhhhhhared-secret",
    "supersecret",
    "super-secret-key",
    "topsecret",
    "private",
    "privatekey",
    "foobar",
    "foo",
    "django-insecure-0123456789abcdef",
    "flask-secret",
    "laravel",
    "thisisasecretthisisasecretthisis",
    "null",
];

/// The ring of the tests with its first secret replaced, and its id that of the secret.
fn document(secret: &[u8]) -> Vec<u8> {
    let mut document: Value = serde_json::from_slice(&text(&ring(1))).unwrap();
    document["keys"][0]["secret"] = BASE64.encode(secret).into();
    if let Ok(whole) = secret.try_into() {
        let id = derive::key_id(&Secret::from_bytes(whole));
        document["keys"][0]["id"] = id.to_string().into();
    }
    redigested(document)
}

fn refusal(store: &FileStore, secret: &[u8]) -> String {
    write_raw(store.path(), &document(secret), 0o600);
    let refused = store.load().unwrap_err();
    assert!(matches!(refused.kind(), StoreErrorKind::Invalid(_)), "{secret:02x?}");
    let told = format!("{refused} {refused:?}");
    let spelled = BASE64.encode(secret);
    // Nothing of it is repeated, where there is enough of it to tell.
    assert!(spelled.len() < 12 || !told.contains(&spelled[..12]), "{told}");
    refused.to_string()
}

/// T05.
#[test]
fn secrets_that_somebody_typed_are_refused() {
    let (_folder, store) = folder_with_ring();
    for typed in TYPED.map(str::as_bytes) {
        let cut = &typed[..typed.len().min(32)];
        let mut after = [0; 32];
        after[..cut.len()].copy_from_slice(cut);
        let mut before = [0; 32];
        before[32 - cut.len()..].copy_from_slice(cut);
        let mut spaces = [b' '; 32];
        spaces[..cut.len()].copy_from_slice(cut);
        let over_and_over: Vec<u8> = typed.iter().copied().cycle().take(32).collect();
        for secret in [after, before, spaces, over_and_over.try_into().unwrap()] {
            assert!(refusal(&store, &secret).contains("is weak"), "{secret:02x?}");
        }
    }
    // The words of hashes and ids, printed: text as well.
    let digest = Sha256::digest("secret");
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    assert!(refusal(&store, hex.as_bytes()).contains("is weak"));
}

/// T05: blank, one byte over and over, counting, and of another length than 32.
#[test]
fn blank_patterned_short_and_long_secrets_are_refused() {
    let (_folder, store) = folder_with_ring();
    for byte in 0..=255 {
        assert!(refusal(&store, &[byte; 32]).contains("is weak"));
    }
    for first in [0, 1, 128, 250] {
        let counting: [u8; 32] = std::array::from_fn(|i| i as u8 + first % 200);
        assert!(refusal(&store, &counting).contains("is weak"));
    }
    let random: Vec<u8> = (0..64_u8).map(|n| Sha256::digest([n])[0]).collect();
    for length in [0, 1, 15, 16, 20, 24, 31, 33, 48, 64] {
        let told = refusal(&store, &random[..length]);
        assert!(!told.contains("is weak"), "{told}");
    }
    // The way a ring is spoilt here spoils nothing else: a good secret loads.
    write_raw(store.path(), &document(&random[..32]), 0o600);
    assert_eq!(store.load().unwrap().generation(), 1);
}
