//! JSON that is accepted as state comes back as the same value, and its CBOR is stable from then on. What is told of
//! one that is refused is the same whatever its values.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::RawState;
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let state = match RawState::from_json(text) {
        Ok(state) => state,
        Err(refused) => {
            let other = RawState::from_json(&with_other_values(text));
            let other = other.expect_err("no rule is about what a text or a number says");
            assert_eq!(format!("{refused} {refused:?}"), format!("{other} {other:?}"));
            return;
        }
    };
    let json = state.to_json().expect("what was read can be shown");
    let again = RawState::from_json(json.as_bytes()).expect("and read again");
    assert_eq!(again.as_cbor(), state.as_cbor());
    assert_eq!(again.to_json().as_deref().ok(), Some(&*json));
    assert!(RawState::from_cbor(state.as_cbor().to_vec()).is_ok());

    let said: Value = serde_json::from_slice(text).expect("what is accepted is JSON");
    let shown: Value = serde_json::from_str(&json).expect("and so is what is shown");
    // serde_json reads the integer -0 as a float; the format does not.
    if !text.windows(2).any(|pair| pair == b"-0") {
        assert_eq!(said, shown);
    }
});

/// The same JSON, as far as it is JSON, with other letters and digits in its texts and numbers. Names of members,
/// which a refusal may show, stay, and so does every length.
fn with_other_values(text: &[u8]) -> Vec<u8> {
    let mut other = text.to_vec();
    let (mut open, mut at, mut is_name) = (Vec::new(), 0, false);
    while let Some(byte) = text.get(at) {
        let length = match byte {
            b'"' => length_of_text(&text[at..]),
            b'-' | b'0'..=b'9' => text[at..].iter().take_while(|byte| is_of_number(byte)).count(),
            _ => 1,
        };
        let item = &mut other[at..at + length];
        match byte {
            b'"' if is_name => {}
            b'"' => hide_text(item),
            b'-' | b'0'..=b'9' => hide_number(item),
            b'{' | b'[' => open.push(*byte),
            b'}' | b']' => drop(open.pop()),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            is_name = matches!(byte, b'{' | b',') && open.last() == Some(&b'{');
        }
        at += length;
    }
    other
}

/// To its closing quote, or to the end.
fn length_of_text(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

fn is_of_number(byte: &u8) -> bool {
    byte.is_ascii_digit() || b".eE+-".contains(byte)
}

fn hide_text(item: &mut [u8]) {
    let mut at = 0;
    while at < item.len() {
        match item[at..] {
            [b'\\', b'u', ..] => at += 6,
            [b'\\', ..] => at += 2,
            _ => {
                if item[at].is_ascii_alphanumeric() {
                    item[at] = b'x';
                }
                at += 1;
            }
        }
    }
}

fn hide_number(item: &mut [u8]) {
    // Digits before an exponent, or so many of them, decide whether a number is too large.
    if item.contains(&b'e') || item.contains(&b'E') || item.len() > 300 {
        return;
    }
    // Zeros stay, for no number begins with one.
    for digit in item.iter_mut().filter(|byte| (b'1'..=b'9').contains(byte)) {
        *digit = b'7';
    }
}
