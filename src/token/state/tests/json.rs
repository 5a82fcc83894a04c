//! JSON text to CBOR and back.

use super::*;
use crate::RawState;

fn kind(text: &str) -> StateErrorKind {
    cbor(text).unwrap_err().kind()
}

#[test]
fn numbers_become_the_shortest_cbor_that_keeps_them() {
    for (text, expected) in [
        ("0", "00"),
        ("-0", "00"),
        (" -0 ", "00"),
        ("-0.0", "f98000"),
        ("-0e5", "f98000"),
        ("-1e-400", "f98000"),
        ("0.0", "f90000"),
        ("23", "17"),
        ("24", "1818"),
        ("-1", "20"),
        ("18446744073709551615", "1bffffffffffffffff"),
        ("18446744073709551616", "fa5f800000"),
        ("-9223372036854775808", "3b7fffffffffffffff"),
        ("-9223372036854775809", "fadf000000"),
        ("1.0", "f93c00"),
        ("1e2", "f95640"),
        ("65504.0", "f97bff"),
        ("65505.0", "fa477fe100"),
        ("5.960464477539063e-8", "f90001"),
        ("1.1", "fb3ff199999999999a"),
        ("3.4028234663852886e38", "fa7f7fffff"),
        ("1e300", "fb7e37e43c8800759c"),
        // Halfway between two doubles: rounds to even.
        ("9007199254740993.0", "fa5a000000"),
    ] {
        assert_eq!(cbor(text).unwrap(), hex(expected), "{text}");
    }
}

#[test]
fn minus_zero_is_told_from_minus_zero_point_zero_wherever_it_stands() {
    let text = r#"{"-0":[-0,-0.0,"-0.0 \" -0",-1,1e-0,-0E0,-0,-5e-999],"\\":-0,"a":{"b":-0.0}}"#;
    assert_eq!(
        json(&cbor(text).unwrap()).unwrap(),
        r#"{"-0":[0,-0.0,"-0.0 \" -0",-1,1.0,-0.0,0,-0.0],"\\":0,"a":{"b":-0.0}}"#
    );
}

#[test]
fn a_session_keeps_its_order_and_its_text() {
    let text = r#"{"locale":"en-GB","csrf":"O5lh","roles":["customer","staff"],"flags":{"beta":true,"news":false},"cart":{"currency":"CHF","items":[{"sku":"HOM-46898-E","qty":2,"price":163.77,"title":"Räin \"jacket\"\n"}]},"a":null}"#;
    assert_eq!(json(&cbor(text).unwrap()).unwrap(), text);
}

#[test]
fn text_that_is_not_one_json_value_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "[1,]",
        "{\"a\"}",
        "01",
        "+1",
        "1.",
        ".5",
        "NaN",
        "'a'",
        "\u{feff}1",
        "{a:1}",
        "[1",
    ] {
        assert_eq!(kind(text), StateErrorKind::Json, "{text:?}");
    }
    assert_eq!(kind("1 1"), StateErrorKind::Trailing);
    assert_eq!(kind("{}x"), StateErrorKind::Trailing);
    let no_text = RawState::from_json(b"[\"\xff\"]").unwrap_err();
    assert_eq!(no_text.kind(), StateErrorKind::Json);
    assert_eq!(no_text.to_string(), "$: not json: no utf-8 from byte 2 on");
}

#[test]
fn a_number_too_large_for_a_double_is_refused() {
    // Which kind depends on who finds it: serde_json, or ours under `arbitrary_precision`.
    for text in ["1e309", "-1e309", "1e999999999999", &format!("1{}", "0".repeat(309))] {
        assert!(matches!(kind(text), StateErrorKind::Json | StateErrorKind::NotFinite), "{text}");
    }
}

/// T20.
#[test]
fn lone_surrogate_escapes_are_refused_and_pairs_are_read() {
    for text in
        [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#"{"\udfff":1}"#, r#""\ud83d x""#]
    {
        assert_eq!(kind(text), StateErrorKind::Json, "{text}");
    }
    assert_eq!(cbor(r#""\ud83d\ude00""#).unwrap(), hex("64 f09f9880"));
}

/// T19.
#[test]
fn a_name_that_is_there_twice_is_refused_at_every_depth() {
    for (text, path) in [
        (r#"{"a":1,"a":2}"#, "$.a"),
        (r#"{"a":1,"\u0061":2}"#, "$.a"),
        (r#"[0,{"x":{"b":{},"b":{}}}]"#, "$[1].x.b"),
        (r#"{"":1,"":1}"#, r#"$[""]"#),
    ] {
        let error = cbor(text).unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (StateErrorKind::DuplicateKey, path));
    }
    assert!(cbor(r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#).is_ok());
}

#[test]
fn thirty_two_levels_are_accepted_and_thirty_three_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |levels: usize, inner: &str| {
            format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
        };
        assert!(cbor(&nested(32, "1")).is_ok());
        assert!(cbor(&nested(31, "[]")).is_ok());
        assert_eq!(kind(&nested(33, "1")), StateErrorKind::TooDeep);
        assert_eq!(kind(&nested(32, "{}")), StateErrorKind::TooDeep);
    }
}

/// T24.
#[test]
fn a_million_brackets_are_refused_without_a_stack_overflow() {
    assert_eq!(kind(&"[".repeat(1_000_000)), StateErrorKind::TooDeep);
    assert_eq!(kind(&"{\"a\":".repeat(1_000_000)), StateErrorKind::TooDeep);
}

#[test]
fn errors_name_the_place_in_the_text() {
    for (text, message) in [
        (
            r#"{"cart":{"items":[1,2,x]}}"#,
            "$.cart.items[2]: not json: expected value at line 1 column 23",
        ),
        (r#"{"a b":{"c":1,"c":2}}"#, r#"$["a b"].c: a map key is there twice"#),
    ] {
        assert_eq!(cbor(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn long_containers_get_the_shortest_head() {
    // An interpreter takes an hour for 65,536, whose head is of a length of its own.
    let long = if cfg!(miri) { 257 } else { 65_536 };
    for count in [0, 1, 23, 24, 255, 256, long] {
        let items: Vec<usize> = vec![7; count];
        let text = serde_json::to_string(&items).unwrap();
        assert_eq!(cbor(&text).unwrap(), encoded(&items), "{count}");
        let map: std::collections::BTreeMap<usize, u8> = (0..count).map(|key| (key, 1)).collect();
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(cbor(&text).unwrap(), encoded(&map), "{count}");
    }
}

/// T25.
#[test]
fn many_names_with_one_long_prefix_cost_no_quadratic_time() {
    let prefix = "x".repeat(40);
    let names: Vec<String> = (0..50_000).map(|n| format!("\"{prefix}{n:06}\":0")).collect();
    let state = cbor(&format!("{{{}}}", names.join(","))).unwrap();
    check(&state).unwrap();
    let twin = format!("{{{},\"{prefix}000007\":0}}", names.join(","));
    assert_eq!(kind(&twin), StateErrorKind::DuplicateKey);
}

#[test]
fn an_object_that_imitates_serde_jsons_private_names_stays_an_object() {
    for text in
        [r#"{"$serde_json::private::Number":"1"}"#, r#"{"$serde_json::private::RawValue":"[1]"}"#]
    {
        assert_eq!(json(&cbor(text).unwrap()).unwrap(), text);
    }
}

#[test]
fn byte_strings_are_shown_as_base64url() {
    assert_eq!(json(&hex("a1 61 62 43 fbfffe")).unwrap(), r#"{"b":"-__-"}"#);
}
