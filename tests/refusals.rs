//! What verification refuses, in which order, by which reason, and that nobody is told which it was.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::HashSet;

use common::{DAY, FORGED, Forged, NOW, all_states, at, refusal, shop};
use saddlebag::keys::KeyRingHandle;
use saddlebag::{Reason, Tokens};

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
