//! What the targets of the program share: its API over a ring of today, and canaries.
//!
//! The program reads the machine's clock, and tokens of today are good today alone. So inputs hold names
//! in their place (`@sealed@`), which are filled in when they are read: an input means the same for ever.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use saddlebag::fuzzing::{Answer, Api, issue};
use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{KeyRing, KeyRingHandle, Policy, UnixTime};
use saddlebag::{JwtAlgorithm, NewSession, Protection, Tokens};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The secret of the ring's one key: no text that anything but a ring holds. Text itself would be weak.
fn secret() -> [u8; 32] {
    Sha256::digest(b"canary").into()
}

/// The binding of the token that has one.
pub const BINDING: &[u8] = b"tls";
pub const BINDING_TEXT: &str = "dGxz";
/// The session of every token.
pub const SUBJECT: &str = "alice";
pub const STATE: &str = r#"{"cart":["apples"]}"#;

/// The texts that stand for the names in an input.
pub struct Canaries {
    pub sealed: String,
    pub signed: String,
    pub jwt: String,
    /// Sealed, with a binding.
    pub bound: String,
    pub credential: String,
    pub secret: String,
}

impl Canaries {
    pub fn named(&self) -> [(&'static [u8], &str); 6] {
        [
            (b"@sealed@", &self.sealed),
            (b"@signed@", &self.signed),
            (b"@jwt@", &self.jwt),
            (b"@bound@", &self.bound),
            (b"@credential@", &self.credential),
            (b"@secret@", &self.secret),
        ]
    }

    /// The tokens that verify for `shop` without a binding.
    pub fn tokens(&self) -> [&str; 3] {
        [&self.sealed, &self.signed, &self.jwt]
    }
}

/// A ring of one key, which was made in 2023 and has issued ever since.
pub fn ring_of_today() -> KeyRing {
    let made = UnixTime::from_secs(1_700_000_000);
    let key = ChosenKey {
        secret: secret(),
        id: None,
        created_at: made,
        activates_at: made,
        drains_until: None,
        revoked_at: None,
    };
    insecure::ring("fuzz", 1, Policy::default(), &[key]).expect("it is a ring")
}

fn handle() -> KeyRingHandle {
    KeyRingHandle::fixed(ring_of_today())
}

pub static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let builder = Tokens::builder(handle()).audience("shop").jwt(JwtAlgorithm::Hs256);
    builder.build().expect("they can be set up")
});

pub static API: LazyLock<Api> = LazyLock::new(|| Api::new(TOKENS.clone()));

pub static CANARIES: LazyLock<Canaries> = LazyLock::new(|| {
    let state: Value = serde_json::from_str(STATE).expect("it is JSON");
    let token = |tokens: &Tokens, protection| {
        // A run may last longer than a session usually lies idle.
        let session = NewSession::of(&state).lifetime(7 * 86_400).session_lifetime(7 * 86_400);
        let session = session.subject(SUBJECT).protection(protection);
        tokens.issue(session).expect("it is issued").token
    };
    let bound = TOKENS.bound_to(BINDING).expect("it is short");
    let roles = vec!["issue".to_owned(), "verify".to_owned()];
    let known = ("fuzz".to_owned(), roles, None);
    Canaries {
        sealed: token(&TOKENS, Protection::Sealed),
        signed: token(&TOKENS, Protection::Signed),
        jwt: token(&TOKENS, Protection::Jwt),
        bound: token(&bound, Protection::Sealed),
        credential: issue(handle(), &known, UnixTime::now()).expect("it is issued"),
        secret: BASE64_URL_SAFE_NO_PAD.encode(secret()),
    }
});

/// An input with its names filled in.
pub fn filled(input: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some(first) = rest.first() {
        let found = CANARIES.named().into_iter().find(|(name, _)| rest.starts_with(name));
        match found {
            Some((name, text)) => {
                filled.extend_from_slice(text.as_bytes());
                rest = &rest[name.len()..];
            }
            None => {
                filled.push(*first);
                rest = &rest[1..];
            }
        }
    }
    filled
}

/// The canaries of which even the end is in `text`.
pub fn seen_in(text: &[u8]) -> Vec<&'static str> {
    let all = CANARIES.named().into_iter();
    let seen = all.filter(|(_, canary)| {
        let end = &canary.as_bytes()[canary.len() - 20..];
        text.windows(end.len()).any(|some| some == end)
    });
    seen.map(|(name, _)| std::str::from_utf8(name).expect("they are ASCII")).collect()
}

/// Posts as a caller with the credential.
pub fn post(path: &str, kind: &str, body: &[u8]) -> Answer {
    let bearer = format!("Bearer {}", CANARIES.credential);
    let headers = [("authorization", bearer.as_bytes()), ("content-type", kind.as_bytes())];
    API.post(path, &headers, body).expect("it is a request")
}

/// The laws of any answer: it is no failure of the service; a refusal is a problem that says so itself,
/// and repeats no token, no credential and no secret; and what was not in the body is never in an answer.
pub fn keeps_its_laws(answer: &Answer, body: &[u8]) -> Value {
    let Answer { status, headers, body: told } = answer;
    let shown = || String::from_utf8_lossy(told);
    assert!(*status < 500, "{status}: {}", shown());
    let said: Value = serde_json::from_slice(told).expect("an answer is JSON");
    let kind = |kind: &str| headers.contains(&("content-type".into(), kind.into()));
    let given = seen_in(body);
    let seen = seen_in(told);
    if *status < 300 {
        assert!(kind("application/json"), "{headers:?}");
        let fresh = seen.iter().find(|name| !given.contains(name));
        assert_eq!(fresh, None, "{}", shown());
    } else {
        assert!(kind("application/problem+json"), "{headers:?}");
        assert_eq!(said["status"], *status);
        assert_eq!(
            said["type"],
            format!("urn:saddlebag:problem:{}", said["code"].as_str().unwrap())
        );
        // Nothing tells a secret of a ring from any other name, where a caller sends it as one.
        let known = |name: &&&str| **name != "@secret@" || !given.contains(name);
        assert_eq!(seen.iter().find(known), None, "{}", shown());
    }
    for (name, value) in headers {
        assert!(seen_in(value).is_empty(), "a canary in the header {name}");
    }
    assert!(headers.contains(&("cache-control".into(), "no-store".into())));
    said
}
