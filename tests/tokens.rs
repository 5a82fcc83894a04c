//! Issue and verify: times, the states of keys, what comes back, and what every refusal looks like.

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

use common::{DAY, FORGED, Forged, NOW, at, builder, id, key, refusal, ring_of, shop, with_skew};
use proptest::prelude::*;
use saddlebag::keys::insecure::ChosenKey;
use saddlebag::keys::{Audience, KeyRing, KeyRingHandle, Policy, UnixTime};
use saddlebag::{IssueError, NewSession, Protection, RawState, Reason, Session, Tokens};
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
        let session: Session<Cart> = verified.session().unwrap();
        assert_eq!(session.info(), info);
        assert_eq!(session.subject(), Some("alice"));
        assert_eq!(session.audience(), verified.audience());
        assert_eq!(session.into_state(), cart());
        let raw = verified.raw_session().unwrap();
        assert_eq!(raw.state().as_cbor(), verified.state_cbor());
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

/// T07, T08, T09: what is authentic and not allowed is refused, not absent.
#[test]
fn authentic_claims_that_the_format_does_not_allow_are_refused() {
    let tokens = shop();
    let mut wrong: Vec<Vec<u8>> = vec![
        Forged { expires: 0, ..FORGED }.cbor(),
        Forged { ends: 899, ..FORGED }.cbor(),
        Forged { ends: 0, ..FORGED }.cbor(),
        Forged { issued: DAY, ..FORGED }.cbor(),
        Forged { issued: u64::MAX, ..FORGED }.cbor(),
        Forged { started: u64::MAX, ..FORGED }.cbor(),
        Forged { expires: u64::MAX, ends: u64::MAX, ..FORGED }.cbor(),
        Forged { ends: (1 << 40) - NOW, ..FORGED }.cbor(),
        Forged { revision: 1 << 32, ..FORGED }.cbor(),
        Forged { revision: u64::MAX, ..FORGED }.cbor(),
        Forged { subject: Some(""), ..FORGED }.cbor(),
        Forged { subject: Some(&"a".repeat(256)), ..FORGED }.cbor(),
        Forged { state: b"", ..FORGED }.cbor(),
    ];
    // Each of the items 1 to 5 as something else than an unsigned integer in its shortest form.
    let numbers = [NOW, 0, 900, DAY, 0];
    for place in 0..numbers.len() {
        for item in [
            &b"\xf6"[..],
            b"\xf4",
            b"\xf5",
            b"\x20",
            b"\x60",
            b"\x61\x31",
            b"\x40",
            b"\x80",
            b"\xa0",
            b"\xc1\x00",
            b"\xf9\x3c\x00",
            b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
            b"\x18\x17",
            b"\x19\x00\xff",
            b"\x1a\x00\x00\x00\x01",
            b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01",
            b"",
        ] {
            let mut claims = vec![0x88, 0x4c];
            claims.extend_from_slice(&FORGED.id);
            for (n, number) in numbers.iter().enumerate() {
                if n == place {
                    claims.extend_from_slice(item);
                } else {
                    common::head(&mut claims, 0, *number);
                }
            }
            claims.extend_from_slice(&[0xf6, 0xf6]);
            wrong.push(claims);
        }
    }
    // The array and the id.
    let good = FORGED.cbor();
    for start in [
        &[0x87, 0x4c][..],
        &[0x89, 0x4c],
        &[0x98, 8, 0x4c],
        &[0x9f, 0x4c],
        &[0xa8, 0x4c],
        &[0xc1, 0x88, 0x4c],
        &[0x88, 0x4b],
        &[0x88, 0x4d],
        &[0x88, 0x58, 12],
        &[0x88, 0x6c],
        &[0x88, 0x5f],
    ] {
        wrong.push([start, &good[2..]].concat());
    }
    // The subject: true, a byte string, not UTF-8, longer forms, undefined.
    for subject in [
        &b"\xf5"[..],
        b"\x41a",
        b"\x61\xff",
        b"\x78\x01a",
        b"\x7f\x61a\xff",
        b"\xf7",
        b"\xf8\x16",
        b"\x80",
    ] {
        wrong.push([&good[..good.len() - 2], subject, b"\xf6"].concat());
    }
    for claims in wrong {
        for token in
            [common::sign(1, "shop", b"", &claims), common::seal(1, "shop", b"", [1; 24], &claims)]
        {
            // Too short for its kind is another reason; nothing is no refusal.
            let reason = refusal(tokens.verify_at(&token, at(NOW)));
            assert!(
                matches!(reason, Reason::BadClaims | Reason::Malformed),
                "{reason:?} {claims:02x?}"
            );
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
        assert!(verified.session::<serde_json::Value>().is_err(), "{state:02x?}");
        assert!(verified.state_json().is_err(), "{state:02x?}");
        assert!(verified.raw_session().is_err(), "{state:02x?}");
    }
}

fn tokens_with_skew(skew: u64) -> Tokens {
    let ring = KeyRingHandle::fixed(common::plain_ring(with_skew(skew)));
    Tokens::builder(ring).audience("shop").build().unwrap()
}

/// T08.
#[test]
fn a_token_verifies_from_issue_less_skew_to_expiry_plus_skew() {
    for skew in [0, 1, 60, 300] {
        let tokens = tokens_with_skew(skew);
        for protection in BOTH {
            let session = NewSession::empty().protection(protection).lifetime(900);
            let issued = tokens.issue_at(session, at(NOW)).unwrap();
            let (first, last) = (NOW - skew, NOW + 900 + skew - 1);
            for (now, expected) in [
                (0, Some(Reason::NotYetValid)),
                (first - 1, Some(Reason::NotYetValid)),
                (first, None),
                (NOW, None),
                (NOW + 899, None),
                (last, None),
                (last + 1, Some(Reason::Expired)),
                (last + 2, Some(Reason::Expired)),
            ] {
                let verified = tokens.verify_at(&issued.token, at(now));
                assert_eq!(verified.as_ref().err().map(|refused| refused.reason()), expected);
                if let Err(refused) = verified {
                    assert_eq!(refused.issued_at(), Some(at(NOW)));
                    assert_eq!(refused.expires_at(), Some(at(NOW + 900)));
                    assert_eq!(refused.key_id(), Some(id(1)));
                }
            }
        }
    }
}

/// T09.
#[test]
fn no_clock_makes_verification_panic_or_wrap() {
    let tokens = tokens_with_skew(300);
    let latest = Forged { started: (1 << 40) - 2, expires: 1, ends: 1, ..FORGED };
    for (forged, valid_at) in [(latest, (1 << 40) - 2), (Forged { started: 0, ..FORGED }, 0)] {
        let token = forged.signed(2, "shop");
        let end = forged.started + forged.expires + 300;
        for now in [
            0,
            1,
            299,
            300,
            901,
            1_200,
            (1 << 31) - 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            (1 << 40) - 303,
            (1 << 40) - 302,
            (1 << 40) - 2,
            (1 << 40) - 1,
            1 << 40,
            (1 << 40) + 298,
            (1 << 40) + 299,
            (1 << 53) + 1,
            i64::MAX as u64,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let expected = forged.started <= now.saturating_add(300) && now < end;
            assert_eq!(tokens.verify_at(&token, at(now)).is_ok(), expected, "{now}");
        }
        assert!(tokens.verify_at(&token, at(valid_at)).is_ok());
    }
}

/// A retired, a draining, an active, a staged and a revoked key.
fn all_states() -> KeyRing {
    let revoked = ChosenKey {
        revoked_at: Some(at(NOW + 99 * DAY)),
        ..key(5, NOW - 70 * DAY, Some(NOW + 99 * DAY))
    };
    let keys = [
        key(3, NOW - 60 * DAY, Some(NOW - DAY)),
        key(1, NOW - 30 * DAY, Some(NOW + DAY)),
        key(2, NOW - DAY, Some(NOW + 60 * DAY)),
        key(4, NOW + 29 * DAY, None),
        revoked,
    ];
    ring_of(1, Policy::default(), &keys)
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
fn every_reason_has_its_code() {
    let codes: Vec<&str> = Reason::ALL.into_iter().map(Reason::code).collect();
    assert_eq!(
        codes,
        [
            "too_long",
            "not_a_token",
            "malformed",
            "jwt_not_accepted",
            "unknown_key",
            "key_retired",
            "key_revoked",
            "bad_tag",
            "bad_claims",
            "expired",
            "not_yet_valid",
            "no_ring",
        ]
    );
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
}

/// T28: one outward answer for all causes that can be had here; staleness.rs has `no_ring`.
#[test]
fn every_refusal_reads_the_same() {
    let ring = KeyRingHandle::fixed(all_states());
    let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
    let good = FORGED.signed(2, "shop");
    let mut seen = HashSet::new();
    for (token, reason) in [
        ("a".repeat(4_097), Reason::TooLong),
        (String::new(), Reason::NotAToken),
        ("sb2s".to_owned(), Reason::NotAToken),
        ("a.b".to_owned(), Reason::NotAToken),
        ("a.b.c.d".to_owned(), Reason::NotAToken),
        ("sb1s".to_owned(), Reason::Malformed),
        (format!("{good}="), Reason::Malformed),
        ("a.b.c".to_owned(), Reason::JwtNotAccepted),
        (FORGED.signed(6, "shop"), Reason::UnknownKey),
        (FORGED.signed(3, "shop"), Reason::KeyRetired),
        (FORGED.signed(5, "shop"), Reason::KeyRevoked),
        (FORGED.signed(2, "shop2"), Reason::BadTag),
        (Forged { expires: 0, ..FORGED }.signed(2, "shop"), Reason::BadClaims),
        (Forged { started: NOW - 961, ..FORGED }.signed(2, "shop"), Reason::Expired),
        (Forged { started: NOW + 61, ..FORGED }.signed(2, "shop"), Reason::NotYetValid),
    ] {
        let refused = tokens.verify_at(&token, at(NOW)).unwrap_err();
        assert_eq!(refused.reason(), reason, "{token}");
        assert_eq!(refused.to_string(), "the token is not valid");
        assert!(std::error::Error::source(&refused).is_none());
        seen.insert(reason);
    }
    assert_eq!(seen.len(), Reason::ALL.len() - 1);
}

/// T02: what fails at one step is not looked at by the next.
#[test]
fn the_order_of_checks_is_the_formats() {
    let ring = KeyRingHandle::fixed(all_states());
    let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
    // Each is wrong in a later way too.
    let long = format!("sb1s{}", "=".repeat(5_000));
    assert_eq!(refusal(tokens.verify_at(&long, at(NOW))), Reason::TooLong);
    let expired = Forged { started: 1, ..FORGED };
    for (n, reason) in [(6, Reason::UnknownKey), (3, Reason::KeyRetired), (5, Reason::KeyRevoked)] {
        let token = expired.signed(n, "elsewhere");
        assert_eq!(refusal(tokens.verify_at(&token, at(NOW))), reason);
    }
    let token = expired.signed(2, "elsewhere");
    assert_eq!(refusal(tokens.verify_at(&token, at(NOW))), Reason::BadTag);
    let token = Forged { expires: 0, ..expired }.signed(2, "shop");
    assert_eq!(refusal(tokens.verify_at(&token, at(NOW))), Reason::BadClaims);
}

#[test]
fn the_canonical_shortest_tokens_are_the_shortest_that_are_looked_at() {
    let tokens = shop();
    let least = Forged { started: 0, expires: 1, ends: 1, ..FORGED };
    let signed = least.signed(2, "shop");
    let sealed = common::seal(2, "shop", b"", [3; 24], &least.cbor());
    assert_eq!((signed.len(), sealed.len()), (59, 91));
    assert!(tokens.verify_at(&signed, at(0)).is_ok());
    assert!(tokens.verify_at(&sealed, at(0)).is_ok());
    for token in [signed, sealed] {
        let shorter = common::decode(&token);
        let shorter = common::encode(&shorter[..shorter.len() - 1]);
        assert_eq!(refusal(tokens.verify_at(&shorter, at(0))), Reason::Malformed);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |n| n.is_finite().then(|| Value::from(n))),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every protection that this build has.
fn protections() -> Vec<(Tokens, Protection)> {
    #[allow(unused_mut)]
    let mut all = vec![(shop(), Protection::Signed), (shop(), Protection::Sealed)];
    #[cfg(feature = "jwt")]
    {
        use saddlebag::JwtAlgorithm;
        for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
            all.push((builder().jwt(algorithm).build().unwrap(), Protection::Jwt));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_state_and_any_claims_survive(
        state in json(),
        subject in proptest::option::of(".{1,60}"),
        lifetime in 1..30 * DAY,
        session_lifetime in 1..365 * DAY,
        later in 0..1_000_u64,
    ) {
        for (tokens, protection) in protections() {
            let text = serde_json::to_vec(&state).unwrap();
            for raw in [RawState::from_json(&text).unwrap(), RawState::of(&state).unwrap()] {
                let mut session = NewSession::raw(raw.clone()).protection(protection);
                session = session.lifetime(lifetime).session_lifetime(session_lifetime);
                if let Some(subject) = &subject {
                    session = session.subject(subject);
                }
                let issued = match tokens.issue_at(session, at(NOW)) {
                    Err(IssueError::TooLong { .. }) => continue,
                    issued => issued.unwrap(),
                };
                let expires = lifetime.min(session_lifetime);
                let now = NOW + later % expires;
                let verified = tokens.verify_at(&issued.token, at(now)).unwrap();
                prop_assert_eq!(verified.info(), &issued.info);
                prop_assert_eq!(verified.info().expires_at, at(NOW + expires));
                prop_assert_eq!(verified.info().ends_at, at(NOW + session_lifetime));
                prop_assert_eq!(verified.subject(), subject.as_deref());
                prop_assert_eq!(verified.state::<serde_json::Value>().unwrap(), state.clone());
                let shown: serde_json::Value =
                    serde_json::from_str(&verified.state_json().unwrap()).unwrap();
                prop_assert_eq!(&shown, &state);
                if protection != Protection::Jwt {
                    prop_assert_eq!(verified.state_cbor(), raw.as_cbor());
                }
            }
        }
    }

    /// T16.
    #[test]
    fn any_flipped_bit_of_any_token_is_refused(state in json(), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        for (tokens, protection) in protections() {
            let session = NewSession::of(&state).protection(protection);
            let Ok(issued) = tokens.issue_at(session, at(NOW)) else { continue };
            let mut token = issued.token.into_bytes();
            let place = place.index(token.len());
            token[place] ^= 1 << bit;
            let Ok(token) = String::from_utf8(token) else { continue };
            prop_assert!(tokens.verify_at(&token, at(NOW)).is_err());
        }
    }

    /// T29.
    #[test]
    fn no_text_makes_verification_panic(text in "\\PC{0,80}", base in "[A-Za-z0-9_-]{0,200}", dots in "[A-Za-z0-9_.-]{0,100}") {
        for (tokens, _) in protections() {
            for token in [&text, &base, &dots, &format!("sb1s{base}"), &format!("sb1e{base}"), &format!("{base}.{base}.{base}")] {
                prop_assert!(tokens.verify_at(token, at(NOW)).is_err());
            }
        }
    }

    /// T29.
    #[test]
    fn authentic_nonsense_never_panics(claims in prop::collection::vec(any::<u8>(), 0..120)) {
        let tokens = shop();
        for token in [common::sign(1, "shop", b"", &claims), common::seal(1, "shop", b"", [0; 24], &claims)] {
            if let Ok(verified) = tokens.verify_at(&token, at(NOW)) {
                let _ = verified.state::<serde_json::Value>();
            }
        }
    }
}

#[test]
fn a_scope_is_asked_for_by_name() {
    let ring = common::plain_ring(Policy::default());
    let shop = Audience::new("shop").unwrap();
    assert_eq!(ring.scoped_to(&shop).unwrap().scope(), Some(&shop));
}
