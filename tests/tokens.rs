//! Issue and verify: what comes back, under keys of every state, and what is not issued.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::{BTreeMap, HashSet};

use common::{
    DAY, FORGED, Forged, NOW, all_states, at, builder, id, key, refusal, ring_of, shop, with_skew,
};
use saddlebag::keys::{Audience, KeyRingHandle, Policy, UnixTime};
use saddlebag::{IssueError, NewSession, Protection, Reason, Tokens};
use serde::{Deserialize, Serialize};

const BOTH: [Protection; 2] = [Protection::Signed, Protection::Sealed];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    currency: String,
    items: Vec<(String, u8, f64)>,
    coupon: Option<String>,
}

fn cart() -> Cart {
    Cart {
        currency: "CHF".into(),
        items: vec![("apples".into(), 2, 3.5), ("pears".into(), 1, 0.1)],
        coupon: None,
    }
}

#[test]
fn what_was_issued_comes_back() {
    for protection in BOTH {
        let tokens = builder().protection(protection).build().unwrap();
        let session = NewSession::of(&cart()).subject("alice");
        let session = session.lifetime(600).session_lifetime(7_200);
        let issued = tokens.issue_at(session, at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW + 5)).unwrap();
        let info = verified.info();
        assert_eq!(*info, issued.info);
        assert_eq!(info.started_at, at(NOW));
        assert_eq!(info.issued_at, at(NOW));
        assert_eq!(info.expires_at, at(NOW + 600));
        assert_eq!(info.ends_at, at(NOW + 7_200));
        assert_eq!(info.revision, 0);
        assert_eq!(verified.subject(), Some("alice"));
        assert_eq!(verified.audience(), "shop");
        assert_eq!(verified.protection(), protection);
        assert_eq!(verified.key_id(), id(1));
        assert_eq!(verified.state::<Cart>().unwrap(), cart());
        assert_eq!(verified.raw_state().unwrap().as_cbor(), verified.state_cbor());
        assert_eq!(
            verified.state_json().unwrap(),
            r#"{"currency":"CHF","items":[["apples",2,3.5],["pears",1,0.1]],"coupon":null}"#
        );
    }
}

#[test]
fn the_machines_own_time_is_now() {
    let now = UnixTime::now().as_secs();
    let keys = [key(1, now - 10, Some(now + 99 * DAY)), key(2, now + 9 * DAY, None)];
    let ring = KeyRingHandle::fixed(ring_of(1, Policy::default(), &keys));
    let tokens = Tokens::builder(ring).build().unwrap();
    let issued = tokens.issue(NewSession::empty()).unwrap();
    assert!(issued.info.started_at.since(at(now)) < 60);
    let verified = tokens.verify(&issued.token).unwrap();
    assert!(!tokens.renewal_is_due(&verified));
    assert!(tokens.renew(&verified, saddlebag::Renewal::keep()).is_ok());
}

#[test]
fn either_protection_is_verified_whatever_is_issued() {
    for issues in BOTH {
        let tokens = builder().protection(issues).build().unwrap();
        for asked in BOTH {
            let session = NewSession::empty().protection(asked);
            let token = tokens.issue_at(session, at(NOW)).unwrap().token;
            let prefix = if asked == Protection::Signed { "sb1s" } else { "sb1e" };
            assert!(token.starts_with(prefix));
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            assert_eq!(verified.protection(), asked);
        }
    }
}

#[test]
fn somebody_elses_tokens_verify() {
    let tokens = shop();
    let forged = Forged {
        subject: Some("\u{fc}ser"),
        state: b"\x83\x01\x02\x03",
        revision: u64::from(u32::MAX),
        issued: 10,
        ..FORGED
    };
    let bound = tokens.bound_to(b"cert").unwrap();
    for (tokens, binding) in [(&tokens, &b""[..]), (&bound, b"cert")] {
        for token in [
            common::sign(1, "shop", binding, &forged.cbor()),
            common::seal(1, "shop", binding, [9; 24], &forged.cbor()),
        ] {
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            assert_eq!(verified.subject(), Some("\u{fc}ser"));
            assert_eq!(verified.state::<[u8; 3]>().unwrap(), [1, 2, 3]);
            assert_eq!(verified.info().id.to_bytes(), FORGED.id);
            assert_eq!(verified.info().revision, u32::MAX);
            assert_eq!(verified.info().issued_at, at(NOW + 10));
        }
    }
}

/// T02, T07: an error, never a null.
#[test]
fn state_that_does_not_decode_fails_where_it_is_asked_for() {
    let tokens = shop();
    for state in [
        &b"\xf6\xf6"[..],
        b"\xa2\x61a\x01\x61a\x02",
        b"\x9f\xff",
        b"\xc1\x00",
        b"\x82\x01",
        b"\xf7",
    ] {
        let token = Forged { state, ..FORGED }.signed(1, "shop");
        let verified = tokens.verify_at(&token, at(NOW)).unwrap();
        assert!(verified.state::<serde_json::Value>().is_err(), "{state:02x?}");
        assert!(verified.state_json().is_err(), "{state:02x?}");
        assert!(verified.raw_state().is_err(), "{state:02x?}");
    }
}

/// T52: each state, to verify and to issue.
#[test]
fn a_key_does_what_its_state_allows() {
    let ring = KeyRingHandle::fixed(all_states());
    let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
    for (n, expected) in [
        (1, None),
        (2, None),
        (3, Some(Reason::KeyRetired)),
        (4, None),
        (5, Some(Reason::KeyRevoked)),
        (6, Some(Reason::UnknownKey)),
    ] {
        let sealed = common::seal(n, "shop", b"", [n; 24], &FORGED.cbor());
        for token in [FORGED.signed(n, "shop"), sealed] {
            let refused = tokens.verify_at(&token, at(NOW)).err();
            assert_eq!(refused.map(|refused| refused.reason()), expected, "{n}");
            if let Some(refused) = refused {
                assert_eq!(refused.key_id(), Some(id(n)));
                // Nothing of a token that was not authenticated is shown as if it had been.
                assert_eq!(refused.issued_at(), None);
            }
        }
    }
    let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    assert_eq!(verified.key_id(), id(2));
}

/// T52.
#[test]
fn a_key_retires_exactly_at_drains_until_without_skew() {
    let drains = NOW + DAY;
    for skew in [0, 60, 300] {
        let keys = [key(1, NOW - 30 * DAY, Some(drains)), key(2, NOW - DAY, None)];
        let ring = KeyRingHandle::fixed(ring_of(1, with_skew(skew), &keys));
        let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
        let long = Forged { expires: 20 * DAY, ends: 30 * DAY, ..FORGED };
        let token = long.signed(1, "shop");
        assert!(tokens.verify_at(&token, at(drains - 1)).is_ok());
        for now in [drains, drains + 1] {
            assert_eq!(refusal(tokens.verify_at(&token, at(now))), Reason::KeyRetired);
        }
    }
}

#[test]
fn the_active_key_changes_by_the_clock() {
    let tokens = shop();
    let change = NOW + 364 * DAY;
    for (now, n) in [(change - 1, 1), (change, 2)] {
        let issued = tokens.issue_at(NewSession::empty(), at(now)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(now)).unwrap();
        assert_eq!(verified.key_id(), id(n));
        // A node whose clock is behind takes it all the same.
        assert!(tokens.verify_at(&issued.token, at(change - 1)).is_ok());
    }
}

/// T61.
#[test]
fn a_clock_before_the_first_key_or_beyond_the_format_issues_nothing() {
    let tokens = shop();
    for now in [0, NOW - DAY - 1, (1 << 40) - DAY, 1 << 40, u64::MAX] {
        let refused = tokens.issue_at(NewSession::empty(), at(now)).unwrap_err();
        assert!(matches!(refused, IssueError::Clock { .. }), "{refused:?}");
    }
    let last = (1 << 40) - DAY - 1;
    assert!(tokens.issue_at(NewSession::empty(), at(last)).is_ok());
    assert!(tokens.issue_at(NewSession::empty(), at(NOW - DAY)).is_ok());
}

#[test]
fn a_subject_has_1_to_255_bytes() {
    let tokens = shop();
    for length in [1, 23, 24, 255] {
        let subject = "a".repeat(length);
        let session = NewSession::empty().subject(&subject);
        let issued = tokens.issue_at(session, at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
        assert_eq!(verified.subject(), Some(&*subject));
    }
    for subject in [String::new(), "a".repeat(256), "\u{e9}".repeat(128)] {
        let session = NewSession::empty().subject(&subject);
        let refused = tokens.issue_at(session, at(NOW)).unwrap_err();
        let length = subject.len();
        assert_eq!(
            refused.to_string(),
            format!("the subject has {length} bytes; it may have 1 to 255")
        );
    }
}

/// T20.
#[test]
fn subjects_and_states_are_kept_byte_for_byte() {
    let tokens = shop();
    // NFC and NFD twins, NUL, an emoji, a right-to-left mark, spaces that some frameworks strip.
    for text in [
        "\u{e9}",
        "e\u{301}",
        "a\0b",
        "\u{1f4a9}",
        "\u{202e}abc",
        "\u{2000}a\u{2000}",
        " a ",
        "ALICE",
        "alice",
    ] {
        let session = NewSession::of(text).subject(text);
        let issued = tokens.issue_at(session, at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
        assert_eq!(verified.subject(), Some(text));
        assert_eq!(verified.state::<&str>().unwrap(), text);
    }
}

#[test]
fn state_may_borrow_from_the_token() {
    let tokens = shop();
    let issued = tokens.issue_at(NewSession::of(&("abc", true)), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    let (text, yes): (&str, bool) = verified.state().unwrap();
    assert!(text == "abc" && yes);
}

#[test]
fn state_that_breaks_a_rule_is_not_issued() {
    let tokens = shop();
    let nested = (0..33).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
    for session in [
        NewSession::of(&f64::NAN),
        NewSession::of(&nested),
        NewSession::of(&BTreeMap::from([(vec![1], 2)])),
    ] {
        let refused = tokens.issue_at(session, at(NOW)).unwrap_err();
        assert!(matches!(refused, IssueError::State(_)), "{refused:?}");
    }
}

#[test]
fn two_sessions_never_have_one_id() {
    let tokens = shop();
    let ids: HashSet<_> = (0..1_000)
        .map(|_| tokens.issue_at(NewSession::empty(), at(NOW)).unwrap().info.id)
        .collect();
    assert_eq!(ids.len(), 1_000);
}

/// T11, T14: distinct nonces over threads and over issuers of one key.
#[test]
fn no_nonce_is_used_twice() {
    let (one, two) = (shop(), shop());
    let bound = one.bound_to(b"x").unwrap();
    let issuers = [&one, &two, &bound, &one, &one, &two, &bound, &one];
    let each = 1_500;
    let nonces: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = issuers
            .iter()
            .map(|tokens| {
                scope.spawn(move || {
                    (0..each)
                        .map(|_| {
                            let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
                            common::decode(&issued.token)[7..31].to_vec()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let distinct: HashSet<_> = nonces.iter().collect();
    assert_eq!(distinct.len(), issuers.len() * each);
    let lasts: HashSet<_> = nonces.iter().map(|nonce| &nonce[12..]).collect();
    assert_eq!(lasts.len(), nonces.len());
    // Two issuers of one key, and their clones: a handful of prefixes where threads raced, at least 2.
    let prefixes: HashSet<_> = nonces.iter().map(|nonce| &nonce[..12]).collect();
    assert!((2..=16).contains(&prefixes.len()), "{}", prefixes.len());
}

/// T11.
#[test]
fn a_renewed_token_has_its_own_nonce() {
    let tokens = shop();
    let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let renewed = tokens.renew_at(&verified, saddlebag::Renewal::keep(), at(NOW)).unwrap();
        assert!(seen.insert(common::decode(&renewed.token)[7..31].to_vec()));
    }
}

#[test]
fn a_scope_is_asked_for_by_name() {
    let ring = common::plain_ring(Policy::default());
    let shop = Audience::new("shop").unwrap();
    assert_eq!(ring.scoped_to(&shop).unwrap().scope(), Some(&shop));
}

#[test]
fn a_states_size_is_that_of_its_tokens() {
    for state in [vec![], vec!["apples"; 3], vec!["x"; 700]] {
        let size = saddlebag::StateSize::of(&state).unwrap();
        for (protection, length) in
            [(Protection::Sealed, size.sealed()), (Protection::Signed, size.signed())]
        {
            let session = NewSession::of(&state).protection(protection);
            assert_eq!(shop().issue_at(session, at(NOW)).unwrap().token.len(), length);
        }
    }
}
