//! What the targets share: a ring that everybody knows, its tokens, and signatures over anything.

pub mod program;

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::Mac;
use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{Audience, KeyRing, KeyRingHandle, Policy, Secret, UnixTime, derive};
use saddlebag::{JwtAlgorithm, Reason, Refused, Renewal, Tokens, Verified};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Unix seconds at which the tokens of the corpora were issued, and at which they are verified.
pub const NOW: u64 = 1_800_000_000;

pub fn now() -> UnixTime {
    UnixTime::from_secs(NOW)
}

/// The root of the format's section 5.
pub fn root() -> [u8; 32] {
    std::array::from_fn(|i| i as u8)
}

/// A ring of that one root.
pub fn ring() -> KeyRing {
    let key = ChosenKey {
        secret: root(),
        id: None,
        created_at: UnixTime::from_secs(NOW - 1_000),
        activates_at: UnixTime::from_secs(NOW - 1_000),
        drains_until: None,
        revoked_at: None,
    };
    insecure::ring("fuzz", 1, Policy::default(), &[key]).expect("it is a ring")
}

/// Tokens for `shop` that take signed, sealed and jwt of one algorithm.
pub fn tokens(algorithm: JwtAlgorithm) -> Tokens {
    let builder = Tokens::builder(KeyRingHandle::fixed(ring())).audience("shop");
    let builder = builder.jwt(algorithm).longest_verified(65_536);
    builder.build().expect("they can be set up")
}

pub static HS256: LazyLock<Tokens> = LazyLock::new(|| tokens(JwtAlgorithm::Hs256));
pub static EDDSA: LazyLock<Tokens> = LazyLock::new(|| tokens(JwtAlgorithm::EdDsa));

fn shop() -> Secret {
    let shop = Audience::new("shop").expect("an audience");
    derive::audience(&Secret::from_bytes(root()), &shop)
}

/// A signed token over any claims.
pub fn signed(claims: &[u8]) -> String {
    let id = derive::key_id(&Secret::from_bytes(root())).to_bytes();
    let header = [&[0xb1, 0xbd, 0x6c][..], &id].concat();
    let mut mac = derive::hmac(&derive::signed(&shop()));
    for piece in [&header[..], &[0; 4], claims] {
        mac.update(piece);
    }
    let tag = mac.finalize().into_bytes();
    BASE64_URL_SAFE_NO_PAD.encode([&header[..], claims, &tag[..16]].concat())
}

/// A jwt (HS256) over any payload.
pub fn jwt(payload: &[u8]) -> String {
    let kid = BASE64_URL_SAFE_NO_PAD.encode(derive::jwt_kid(&shop()));
    let header = format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"JWT"}}"#);
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(payload));
    let mut mac = derive::hmac(&derive::jwt_hs256(&shop()));
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
}

/// A ring document with `@digest@` filled in: the digest of what the document is otherwise.
pub fn with_digest(text: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"@digest@";
    let Some(at) = text.windows(NAME.len()).position(|some| some == NAME) else {
        return text.to_vec();
    };
    let digest = match serde_json::from_slice::<Value>(text) {
        Ok(Value::Object(mut members)) => {
            members.remove("digest");
            // Sorted by name and without white space: RFC 8785, as far as a ring goes.
            Sha256::digest(Value::Object(members).to_string()).into()
        }
        _ => [0; 32],
    };
    let digest = BASE64_URL_SAFE_NO_PAD.encode(digest);
    [&text[..at], digest.as_bytes(), &text[at + NAME.len()..]].concat()
}

/// The laws of renewal (format, section 6) for whatever was verified now.
pub fn renewal_keeps_its_laws(tokens: &Tokens, verified: &Verified) {
    let before = *verified.info();
    let Ok(renewed) = tokens.renew_at(verified, Renewal::keep(), now()) else {
        return;
    };
    assert!(now() < before.ends_at, "an ended session was renewed");
    let after = renewed.info;
    assert_eq!((after.id, after.started_at), (before.id, before.started_at));
    assert_eq!(after.ends_at, before.ends_at);
    assert_eq!(after.revision, before.revision + 1);
    assert_eq!(after.issued_at, now().max(before.issued_at));
    assert!(after.issued_at < after.expires_at && after.expires_at <= after.ends_at);
    let lifetime = |from: UnixTime, to: UnixTime| to.since(from);
    assert!(
        lifetime(after.issued_at, after.expires_at)
            <= lifetime(before.issued_at, before.expires_at)
    );
    let again = tokens.verify_at(&renewed.token, now()).expect("a renewed token verifies");
    assert_eq!(*again.info(), after);
    assert_eq!(again.subject(), verified.subject());
    assert_eq!(again.state_cbor(), verified.state_cbor());
    assert_eq!(again.protection(), verified.protection());
}

/// A refusal shows its reason, key id and times, and nothing else of what was refused. It is compared as a whole: a
/// fuzzer whose bytes are looked for in it learns to write its words.
pub fn is_told_by_its_reason(refused: &Refused) {
    let (reason, key) = (refused.reason(), refused.key_id());
    let times = refused.issued_at().zip(refused.expires_at());
    let told = format!("Refused {{ reason: {reason:?}, key: {key:?}, times: {times:?} }}");
    assert_eq!(format!("{refused:?}"), told);
    assert_eq!(refused.to_string(), "the token is not valid");
    assert!(Reason::ALL.contains(&reason));
    let for_its_times = matches!(reason, Reason::Expired | Reason::NotYetValid);
    assert_eq!(times.is_some(), for_its_times, "{refused:?}");
}
