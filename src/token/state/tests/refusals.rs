//! What the strict pass refuses, one rule a row, in every reader.

use super::*;

#[test]
fn each_broken_rule_is_refused_by_name_and_by_every_reader() {
    use StateErrorKind::*;
    for (bytes, kind) in [
        ("", Truncated),
        ("18", Truncated),
        ("6261", Truncated),
        ("8201", Truncated),
        ("9bffffffffffffffff", Truncated),
        ("bbffffffffffffffff", Truncated),
        ("bb8000000000000000", Truncated),
        ("7bffffffffffffffff", Truncated),
        ("a1 6161", Truncated),
        ("0000", Trailing),
        ("f6f6", Trailing),
        ("1c", Malformed),
        ("f816", Malformed),
        ("9fff", Indefinite),
        ("bfff", Indefinite),
        ("7f6161ff", Indefinite),
        ("81ff", Indefinite),
        ("c100", Tag),
        ("81 d9d9f7 00", Tag),
        ("f7", Simple),
        ("e0", Simple),
        ("f8ff", Simple),
        ("61ff", NotUtf8),
        ("a1 61ff 00", NotUtf8),
        ("a1 00 00", KeyNotText),
        ("a1 4161 00", KeyNotText),
        ("a1 80 00", KeyNotText),
        ("a2 6161 00 6161 01", DuplicateKey),
        ("a2 6161 00 780161 01", DuplicateKey),
        ("81 a3 6161 00 6162 00 6161 00", DuplicateKey),
        ("f97e00", NotFinite),
        ("f97c00", NotFinite),
        ("fa7f800000", NotFinite),
        ("fbfff0000000000000", NotFinite),
        ("3b8000000000000000", IntegerRange),
        ("3bffffffffffffffff", IntegerRange),
    ] {
        let bytes = hex(bytes);
        assert_eq!(check(&bytes).unwrap_err().kind(), kind, "{bytes:02x?}");
        assert_eq!(json(&bytes).unwrap_err().kind(), kind, "{bytes:02x?}");
        let typed = decode::<serde_json::Value>(&bytes);
        assert_eq!(typed.unwrap_err().kind(), kind, "{bytes:02x?}");
    }
}

#[test]
fn longer_forms_are_accepted_inside_state() {
    for (bytes, text) in [
        ("1800", "0"),
        ("1b0000000000000001", "1"),
        ("3800", "-1"),
        ("780161", "\"a\""),
        ("9900 01 00", "[0]"),
        ("b800", "{}"),
        ("fb3ff0000000000000", "1.0"),
        ("fa3f800000", "1.0"),
    ] {
        assert_eq!(json(&hex(bytes)).unwrap(), text, "{bytes}");
    }
}

/// T24.
#[test]
fn depth_is_refused_above_thirty_two_in_every_reader() {
    for (levels, accepted) in [(32, true), (33, false), (100_000, false)] {
        let mut bytes = vec![0x81; levels - 1];
        bytes.push(0x80);
        assert_eq!(check(&bytes).is_ok(), accepted, "{levels}");
        assert_eq!(json(&bytes).is_ok(), accepted, "{levels}");
        assert_eq!(decode::<serde_json::Value>(&bytes).is_ok(), accepted, "{levels}");
        // What a type skips is stepped over in constant memory.
        assert!(decode::<serde::de::IgnoredAny>(&bytes).is_ok(), "{levels}");
    }
}

#[test]
fn errors_name_the_path() {
    let bytes = hex("a1 6463617274 a1 656974656d73 82 01 a1 657072696365 f97e00");
    assert_eq!(
        check(&bytes).unwrap_err().to_string(),
        "$.cart.items[1].price: a number is not finite"
    );
}

#[test]
fn bytes_are_found_anywhere() {
    assert!(has_bytes(&hex("41 00")));
    assert!(has_bytes(&hex("82 01 a1 6161 81 40")));
    assert!(!has_bytes(&hex("82 01 a1 6141 81 f93c00")));
    // What cannot be read is not vouched for.
    assert!(to_json(&hex("6261"), &mut Vec::new()).is_err());
    for (_, value) in [("text with A in it", encoded("A@BC")), ("null", encoded(&()))] {
        assert!(!has_bytes(&value));
    }
}

#[test]
fn weights_are_the_fields_bytes_heaviest_first() {
    let state = cbor(r#"{"a":1,"cart":{"items":[1,2,3]},"bb":"x"}"#).unwrap();
    let expected = [("cart", 5 + 1 + 6 + 4), ("bb", 3 + 2), ("a", 2 + 1)];
    assert_eq!(weights(&state), expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    assert_eq!(weights(&state).iter().map(|(_, bytes)| bytes).sum::<usize>(), state.len() - 1);
    assert!(weights(&hex("83 01 02 03")).is_empty());
    assert!(weights(&[]).is_empty());
}
