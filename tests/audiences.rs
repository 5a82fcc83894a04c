//! Who a token is for, and what it is bound to: only the diagonal accepts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{NOW, at, builder, plain, refusal, shop};
use saddlebag::keys::{Audience, KeyRingHandle, Policy};
use saddlebag::{ConfigError, NewSession, Protection, Reason, Tokens};

const AUDIENCES: [&str; 12] = [
    "shop",
    "shop2",
    "sho",
    "hop",
    "shop.",
    "shop/admin",
    "shop:admin",
    "a",
    "saddlebag",
    "https://shop.example",
    "default",
    "shopshop",
];

/// T27, T43: of all pairs, only the diagonal accepts.
#[test]
fn only_the_audience_a_token_is_for_accepts_it() {
    let mut names = AUDIENCES.map(str::to_owned).to_vec();
    names.push("a".repeat(128));
    names.push("a".repeat(127));
    // One process, one ring: all share key ids and one table of derived ciphers.
    let first = builder().derived_ciphers(16).build().unwrap();
    let all: Vec<Tokens> = names.iter().map(|name| first.for_audience(name).unwrap()).collect();
    for protection in [Protection::Signed, Protection::Sealed] {
        let issued: Vec<String> = all
            .iter()
            .map(|tokens| {
                let session = NewSession::empty().protection(protection);
                tokens.issue_at(session, at(NOW)).unwrap().token
            })
            .collect();
        // Twice: from the second round on, what was derived is kept.
        for _ in 0..2 {
            for (i, token) in issued.iter().enumerate() {
                for (j, tokens) in all.iter().enumerate() {
                    let verified = tokens.verify_at(token, at(NOW));
                    if i == j {
                        let verified = verified.unwrap();
                        assert_eq!(verified.audience(), names[i]);
                        assert_eq!(verified.key_id(), common::id(1));
                    } else {
                        assert_eq!(refusal(verified), Reason::BadTag, "{} {}", names[i], names[j]);
                    }
                }
            }
        }
    }
}

#[test]
fn another_ring_of_the_same_name_accepts_nothing() {
    let keys = [common::key(7, NOW - 10, Some(NOW + 9_000_000)), common::key(8, NOW + 9_000, None)];
    let other = KeyRingHandle::fixed(common::ring_of(1, Policy::default(), &keys));
    let other = Tokens::builder(other).audience("shop").build().unwrap();
    let token = shop().issue_at(NewSession::empty(), at(NOW)).unwrap().token;
    let refused = other.verify_at(&token, at(NOW)).unwrap_err();
    assert_eq!(refused.reason(), Reason::UnknownKey);
    assert_eq!(refused.key_id(), Some(common::id(1)));
}

/// T27.
#[test]
fn reserved_audiences_are_the_systems_own() {
    for name in ["saddlebag:api", "saddlebag:", "saddlebag:x/y"] {
        let built = Tokens::builder(plain()).audience(name).build().unwrap_err();
        assert!(matches!(built, ConfigError::Reserved { .. }), "{built:?}");
        let derived = shop().for_audience(name).unwrap_err();
        assert!(matches!(derived, ConfigError::Reserved { .. }), "{derived:?}");
        assert_eq!(
            derived.to_string(),
            format!("the audience {name} is reserved: it starts with saddlebag:")
        );
    }
    for name in ["saddlebag", "saddlebags:api", "x:saddlebag:api", "saddlebag.api"] {
        assert!(shop().for_audience(name).is_ok(), "{name}");
    }
}

/// T43: no case is folded, nothing is trimmed.
#[test]
fn a_name_that_is_no_audience_is_not_made_one() {
    let long = "a".repeat(129);
    for name in [
        "",
        "Shop",
        "SHOP",
        "shop ",
        " shop",
        "sh op",
        "shop\0",
        "shop\n",
        "shop,admin",
        "caf\u{e9}",
        "\u{ff53}hop",
        "shop*",
        "shop?",
        "shop#1",
        "shop%20",
        "shop\\",
        "[shop]",
        &long,
    ] {
        for error in
            [builder().audience(name).build().unwrap_err(), shop().for_audience(name).unwrap_err()]
        {
            assert!(matches!(error, ConfigError::Audience(_)), "{error:?}");
            assert!(error.to_string().contains("is not an audience"), "{error}");
        }
    }
}

#[test]
fn without_a_name_the_audience_is_default() {
    let tokens = Tokens::builder(plain()).build().unwrap();
    assert_eq!(tokens.audience().as_str(), "default");
}

/// T43.
#[test]
fn a_scoped_ring_serves_its_audience_and_no_other() {
    let root = common::plain_ring(Policy::default());
    let scoped = root.scoped_to(&Audience::new("shop").unwrap()).unwrap();
    let scoped = KeyRingHandle::fixed(scoped);
    let there = Tokens::builder(scoped.clone()).audience("shop").build().unwrap();
    for protection in [Protection::Signed, Protection::Sealed] {
        let session = || NewSession::empty().protection(protection);
        let token = shop().issue_at(session(), at(NOW)).unwrap().token;
        assert!(there.verify_at(&token, at(NOW)).is_ok());
        let back = there.issue_at(session(), at(NOW)).unwrap().token;
        assert!(shop().verify_at(&back, at(NOW)).is_ok());
        let other = shop().for_audience("admin").unwrap();
        assert_eq!(refusal(other.verify_at(&back, at(NOW))), Reason::BadTag);
    }
    let refused = Tokens::builder(scoped).audience("admin").build().unwrap_err();
    assert!(matches!(refused, ConfigError::Scope(_)), "{refused:?}");
    let refused = there.for_audience("admin").unwrap_err();
    assert_eq!(refused.to_string(), "the ring is scoped to shop, and has no keys for admin");
}

/// T33: a token that was captured is of no use without what it is bound to.
#[test]
fn a_binding_must_be_the_same_on_both_sides() {
    let tokens = shop();
    let long = [7; 1_024];
    let bindings: [&[u8]; 8] = [b"", b"a", b"b", b"ab", b"a\0", b"\0", b"\0\0\0\0", &long];
    let bound: Vec<Tokens> =
        bindings.iter().map(|binding| tokens.bound_to(binding).unwrap()).collect();
    for protection in [Protection::Signed, Protection::Sealed] {
        for (i, issuer) in bound.iter().enumerate() {
            let session = NewSession::empty().protection(protection);
            let token = issuer.issue_at(session, at(NOW)).unwrap().token;
            for (j, verifier) in bound.iter().enumerate() {
                let verified = verifier.verify_at(&token, at(NOW));
                if i == j {
                    assert!(verified.is_ok(), "{i}");
                } else {
                    assert_eq!(refusal(verified), Reason::BadTag, "{i} {j}");
                }
            }
            // None configured is the same as an empty one.
            assert_eq!(tokens.verify_at(&token, at(NOW)).is_ok(), i == 0);
        }
    }
}

#[test]
fn a_binding_of_more_than_1024_bytes_is_refused() {
    let refused = shop().bound_to(&[0; 1_025]).unwrap_err();
    assert!(matches!(refused, ConfigError::Binding { length: 1_025 }));
    assert_eq!(refused.to_string(), "the binding has 1025 bytes; it may have 0 to 1024");
}

/// T27, T33.
#[test]
fn bytes_cannot_be_moved_between_binding_and_claims() {
    // The MAC of section 3 says where the binding ends; the header's length does so in section 4.
    let tokens = shop();
    let state = [&[0x78, 99][..], &[b'a'; 99]].concat();
    let forged = common::Forged { state: &state, ..common::FORGED };
    let claims = forged.cbor();
    for cut in 1..90 {
        let (binding, rest) = claims.split_at(cut);
        let bound = tokens.bound_to(binding).unwrap();
        let signed = common::decode(&common::sign(1, "shop", b"", &claims));
        let moved = [&signed[..7], rest, &signed[signed.len() - 16..]].concat();
        let moved = bound.verify_at(&common::encode(&moved), at(NOW));
        assert_eq!(refusal(moved), Reason::BadTag);
        // And the other way.
        let signed = common::decode(&common::sign(1, "shop", binding, rest));
        let moved = [&signed[..7], binding, rest, &signed[signed.len() - 16..]].concat();
        let moved = tokens.verify_at(&common::encode(&moved), at(NOW));
        assert_eq!(refusal(moved), Reason::BadTag);
    }
}
