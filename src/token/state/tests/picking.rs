//! Fields of a state, picked by name.

use super::*;

fn picked(state: &[u8], wanted: &[&str]) -> Result<Vec<u8>, StateError> {
    let mut out = b"before".to_vec();
    pick(state, |name| wanted.contains(&name), &mut out)
        .inspect_err(|_| assert_eq!(out, b"before", "a refusal leaves nothing behind"))
        .map(|()| out.split_off(6))
}

#[test]
fn wanted_fields_are_picked_in_the_order_of_the_map_and_to_the_byte() {
    // {"a": 1 in nine bytes, "b": [1.5], "c": {"a": 2}}, with a long head for the map and for "c".
    let state = hex(
        "b9 0003  61 61 1b 0000000000000001  61 62 81 fb 3ff8000000000000  78 01 63 a1 61 61 02",
    );
    for (wanted, expected) in [
        (&["a"][..], "a1 61 61 1b 0000000000000001"),
        (&["b"], "a1 61 62 81 fb 3ff8000000000000"),
        (&["c", "a"], "a2 61 61 1b 0000000000000001 78 01 63 a1 61 61 02"),
        (&["c", "c"], "a1 78 01 63 a1 61 61 02"),
        (&["d", "A", ""], "a0"),
        (&[], "a0"),
    ] {
        assert_eq!(picked(&state, wanted).unwrap(), hex(expected), "{wanted:?}");
    }
    let all = picked(&state, &["a", "b", "c"]).unwrap();
    assert_eq!((all[0], &all[1..]), (0xa3, &state[3..]));
}

#[test]
fn more_than_23_fields_have_a_head_of_their_own() {
    let names: Vec<String> = (0..30).map(|n| format!("f{n}")).collect();
    let state: std::collections::BTreeMap<_, _> = names.iter().map(|name| (name, true)).collect();
    let wanted: Vec<&str> = names.iter().take(24).map(String::as_str).collect();
    let picked = picked(&encoded(&state), &wanted).unwrap();
    assert!(picked.starts_with(&[0xb8, 24]));
    assert_eq!(decode::<std::collections::BTreeMap<&str, bool>>(&picked).unwrap().len(), 24);
}

#[test]
fn no_state_stays_none_and_what_is_no_map_has_no_fields() {
    assert_eq!(picked(&hex("f6"), &["a"]).unwrap(), hex("f6"));
    for state in ["80", "81 61 61", "61 61", "01", "f5", "41 61", "fb 3ff8000000000000"] {
        let error = picked(&hex(state), &["a"]).unwrap_err();
        assert_eq!(error.kind(), StateErrorKind::Mismatch);
        assert_eq!(error.to_string(), "$: expected a map to take fields of, found another type");
    }
}

#[test]
fn nothing_is_picked_of_a_state_that_breaks_a_rule_anywhere() {
    for (state, kind) in [
        ("a2 61 61 01 61 61 02", StateErrorKind::DuplicateKey),
        ("a2 61 61 01 61 62 f7", StateErrorKind::Simple),
        ("a1 61 61 01 00", StateErrorKind::Trailing),
        ("a2 61 61 01 61 62", StateErrorKind::Truncated),
        ("a2 61 61 01 61 62 c0 01", StateErrorKind::Tag),
        ("a1 01 01", StateErrorKind::KeyNotText),
        ("", StateErrorKind::Truncated),
    ] {
        assert_eq!(picked(&hex(state), &["a"]).unwrap_err().kind(), kind, "{state}");
    }
}
