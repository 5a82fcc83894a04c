//! The claims' refusals, one a row, and their law: what parses encodes to the same bytes.

use proptest::prelude::*;

use super::*;
use crate::token::cbor::hex;

const ID: &str = "4c000102030405060708090a0b";

fn parse_hex(text: &str) -> Result<(), ClaimsError> {
    Claims::parse(&hex(text)).map(drop)
}

#[test]
fn claims_are_read_from_the_example_bytes() {
    let bytes = hex(&format!("88 {ID} 1a65000000 18c8 190384 1a00015180 03 656d6172696f a0"));
    let claims = Claims::parse(&bytes).unwrap();
    assert_eq!(claims.id, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(claims.issued_at(), 0x6500_0000 + 200);
    assert_eq!(claims.expires_at(), 0x6500_0000 + 200 + 900);
    assert_eq!(claims.ends_at(), 0x6500_0000 + 86_400);
    assert_eq!((claims.revision, claims.subject, claims.state), (3, Some("mario"), &[0xa0][..]));
}

/// T07.
#[test]
fn each_departure_from_the_table_is_refused_by_name() {
    let rows: &[(&str, &str, ClaimsError)] = &[
        ("nothing", "", ClaimsError::Cbor(CborError::End)),
        ("seven items", &format!("87 {ID} 01 00 01 05 00 f6 f6"), ClaimsError::ItemCount),
        ("nine items", &format!("89 {ID} 01 00 01 05 00 f6 f6"), ClaimsError::ItemCount),
        (
            "a longer array head",
            &format!("9808 {ID} 01 00 01 05 00 f6 f6"),
            ClaimsError::NotShortest,
        ),
        (
            "an indefinite array",
            &format!("9f {ID} 01 00 01 05 00 f6 f6 ff"),
            ClaimsError::Cbor(CborError::Indefinite),
        ),
        ("a map", &format!("a8 {ID} 01 00 01 05 00 f6 f6"), ClaimsError::Type),
        ("a tagged array", &format!("c0 88 {ID} 01 00 01 05 00 f6 f6"), ClaimsError::Type),
        ("a text id", "88 6c000102030405060708090a0b 01 00 01 05 00 f6 f6", ClaimsError::Type),
        (
            "an id of 11 bytes",
            "88 4b000102030405060708090a 01 00 01 05 00 f6 f6",
            ClaimsError::IdLength,
        ),
        (
            "an id of 13 bytes",
            "88 4d000102030405060708090a0b0c 01 00 01 05 00 f6 f6",
            ClaimsError::IdLength,
        ),
        (
            "an id in a longer form",
            "88 580c000102030405060708090a0b 01 00 01 05 00 f6 f6",
            ClaimsError::NotShortest,
        ),
        (
            "an indefinite id",
            "88 5f4c000102030405060708090a0bff 01 00 01 05 00 f6 f6",
            ClaimsError::Cbor(CborError::Indefinite),
        ),
        ("a negative start", &format!("88 {ID} 20 00 01 05 00 f6 f6"), ClaimsError::Type),
        ("a float start", &format!("88 {ID} f93c00 00 01 05 00 f6 f6"), ClaimsError::Type),
        ("a tagged start", &format!("88 {ID} c101 00 01 05 00 f6 f6"), ClaimsError::Type),
        ("a longer start", &format!("88 {ID} 1801 00 01 05 00 f6 f6"), ClaimsError::NotShortest),
        ("a longer issued", &format!("88 {ID} 01 190000 01 05 00 f6 f6"), ClaimsError::NotShortest),
        (
            "a longer expires",
            &format!("88 {ID} 01 00 1a00000001 05 00 f6 f6"),
            ClaimsError::NotShortest,
        ),
        (
            "a longer end",
            &format!("88 {ID} 01 00 01 1b0000000000000005 00 f6 f6"),
            ClaimsError::NotShortest,
        ),
        ("a longer revision", &format!("88 {ID} 01 00 01 05 1800 f6 f6"), ClaimsError::NotShortest),
        (
            "a reserved integer",
            &format!("88 {ID} 1c 00 01 05 00 f6 f6"),
            ClaimsError::Cbor(CborError::Reserved),
        ),
        ("expires 0", &format!("88 {ID} 01 00 00 05 00 f6 f6"), ClaimsError::NeverValid),
        (
            "a token that outlives its session",
            &format!("88 {ID} 01 00 06 05 00 f6 f6"),
            ClaimsError::OutlivesSession,
        ),
        (
            "an end of 2^40",
            &format!("88 {ID} 1b000000ffffffffff 00 01 01 00 f6 f6"),
            ClaimsError::TimeLimit,
        ),
        (
            "issued past 64 bits",
            &format!("88 {ID} 1bffffffffffffffff 01 01 05 00 f6 f6"),
            ClaimsError::Overflow,
        ),
        (
            "expires past 64 bits",
            &format!("88 {ID} 01 01 1bffffffffffffffff 05 00 f6 f6"),
            ClaimsError::Overflow,
        ),
        (
            "ends past 64 bits",
            &format!("88 {ID} 01 00 01 1bffffffffffffffff 00 f6 f6"),
            ClaimsError::Overflow,
        ),
        (
            "a revision of 2^32",
            &format!("88 {ID} 01 00 01 05 1b0000000100000000 f6 f6"),
            ClaimsError::Revision,
        ),
        (
            "null in two bytes",
            &format!("88 {ID} 01 00 01 05 00 f816 f6"),
            ClaimsError::Cbor(CborError::Reserved),
        ),
        ("undefined as subject", &format!("88 {ID} 01 00 01 05 00 f7 f6"), ClaimsError::Type),
        (
            "a float whose bits say null",
            &format!("88 {ID} 01 00 01 05 00 f90016 f6"),
            ClaimsError::Type,
        ),
        ("an empty subject", &format!("88 {ID} 01 00 01 05 00 60 f6"), ClaimsError::SubjectLength),
        ("a subject of bytes", &format!("88 {ID} 01 00 01 05 00 4161 f6"), ClaimsError::Type),
        (
            "a longer subject head",
            &format!("88 {ID} 01 00 01 05 00 780161 f6"),
            ClaimsError::NotShortest,
        ),
        (
            "a subject that is not utf-8",
            &format!("88 {ID} 01 00 01 05 00 61ff f6"),
            ClaimsError::Cbor(CborError::Utf8),
        ),
        (
            "an indefinite subject",
            &format!("88 {ID} 01 00 01 05 00 7f6161ff f6"),
            ClaimsError::Cbor(CborError::Indefinite),
        ),
        (
            "a subject of 256 bytes",
            &format!("88 {ID} 01 00 01 05 00 790100 {} f6", "61".repeat(256)),
            ClaimsError::SubjectLength,
        ),
        (
            "a subject of 256 bytes that are not there",
            &format!("88 {ID} 01 00 01 05 00 790100"),
            ClaimsError::SubjectLength,
        ),
        (
            "a subject beyond the end",
            &format!("88 {ID} 01 00 01 05 00 6561"),
            ClaimsError::Cbor(CborError::End),
        ),
        ("no state", &format!("88 {ID} 01 00 01 05 00 f6"), ClaimsError::NoState),
    ];
    for (name, hex, error) in rows {
        assert_eq!(parse_hex(hex), Err(*error), "{name}");
    }
}

#[test]
fn each_refusal_has_words_of_its_own_and_claims_show_times_alone() {
    use ClaimsError::*;

    let errors = [
        Cbor(CborError::End),
        Cbor(CborError::Reserved),
        Cbor(CborError::Indefinite),
        Cbor(CborError::Utf8),
        Type,
        NotShortest,
        ItemCount,
        IdLength,
        Revision,
        SubjectLength,
        NeverValid,
        OutlivesSession,
        TimeLimit,
        Overflow,
        NoState,
    ];
    let words: std::collections::BTreeSet<String> =
        errors.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), errors.len());
    let bytes = hex(&format!("88 {ID} 1a65000000 18c8 190384 1a00015180 03 656d6172696f 63616263"));
    let shown = format!("{:?}", Claims::parse(&bytes).unwrap());
    assert!(shown.starts_with("Claims {") && shown.contains("revision: 3"), "{shown}");
    assert!(!shown.contains("mario") && !shown.contains("99"), "{shown}");
}

#[test]
fn the_limits_themselves_are_accepted() {
    for hex in [
        // ends_at = 2^40 - 1, reached by the token itself
        format!("88 {ID} 1b000000fffffffffe 00 01 01 00 f6 f6"),
        format!("88 {ID} 01 00 01 05 1affffffff f6 f6"),
        format!("88 {ID} 01 00 01 05 00 78ff {} f6", "61".repeat(255)),
        // state is not decoded here, whatever it is
        format!("88 {ID} 01 00 01 05 00 f6 ff00"),
    ] {
        assert_eq!(parse_hex(&hex), Ok(()), "{hex}");
    }
}

#[test]
fn a_session_without_a_subject_costs_what_the_format_says() {
    let claims = Claims {
        id: [7; 12],
        started: 1_790_000_000,
        issued: 0,
        expires: 900,
        ends: 86_400,
        revision: 0,
        subject: None,
        state: &[0xf6],
    };
    let mut out = Vec::new();
    claims.encode_into(&mut out);
    // Signed: 7 of header, 16 of tag, and 53 in all before the state.
    assert_eq!(out.len() - claims.state.len(), 53 - 7 - 16);
}

/// Memory is made by it.
#[test]
fn the_longest_claims_are_as_long_as_is_reckoned() {
    let subject = "s".repeat(256);
    let claims = Claims {
        id: [7; 12],
        started: u64::MAX,
        issued: u64::MAX,
        expires: u64::MAX,
        ends: u64::MAX,
        revision: u32::MAX,
        subject: Some(&subject),
        state: &[0xf6; 9],
    };
    let mut out = Vec::new();
    claims.encode_into(&mut out);
    assert_eq!(out.len(), claims.most_len());
}

fn any_claims() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let seconds = || prop_oneof![0..30_u64, 0..100_000_u64, 0..(1_u64 << 38), any::<u64>()];
    (
        (any::<[u8; 12]>(), seconds(), seconds(), seconds(), seconds(), any::<u32>()),
        prop::option::of("\\PC{0,90}"),
        prop::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|((id, started, issued, expires, ends, revision), subject, state)| {
            let claims = Claims {
                id,
                started,
                issued,
                expires,
                ends,
                revision,
                subject: subject.as_deref(),
                state: &state,
            };
            let mut out = Vec::new();
            claims.encode_into(&mut out);
            assert!(out.len() <= claims.most_len());
            let valid = claims.validate().is_ok();
            (out, valid)
        })
}

proptest! {
    #[test]
    fn what_validates_is_what_parses((encoded, valid) in any_claims()) {
        prop_assert_eq!(Claims::parse(&encoded).is_ok(), valid);
    }

    #[test]
    fn what_parses_encodes_to_the_same_bytes(
        (mut encoded, _) in any_claims(),
        at in any::<prop::sample::Index>(),
        flip in any::<u8>(),
        mutate in any::<bool>(),
    ) {
        if mutate {
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
        }
        if let Ok(claims) = Claims::parse(&encoded) {
            let mut again = Vec::new();
            claims.encode_into(&mut again);
            prop_assert_eq!(&again, &encoded);
            prop_assert!(claims.issued_at() < claims.expires_at());
            prop_assert!(claims.expires_at() <= claims.ends_at());
            prop_assert!(claims.ends_at() < 1 << 40);
        }
    }
}
