//! JSON that is accepted as state comes back as the same value, and its CBOR is stable from then on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::RawState;
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let Ok(state) = RawState::from_json(text) else {
        return;
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
