//! Whatever a credential of the right key says, it is taken only where that is a name, roles and audiences
//! and nothing else; and somebody who was taken is taken for the same again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::RawState;
use saddlebag::fuzzing::{check, credential, issue};
use saddlebag::keys::KeyRingHandle;
use saddlebag_fuzz::{now, ring};
use serde_json::{Value, json};

fuzz_target!(|cbor: &[u8]| {
    let Ok(state) = RawState::from_cbor(cbor.to_vec()) else {
        return;
    };
    let Some(text) = credential(handle(), state.clone(), now()) else {
        return;
    };
    let Some(known) = check(handle(), &text, now()) else {
        return;
    };
    let (name, roles, audiences) = &known;
    let said: Value =
        serde_json::from_str(&state.to_json().expect("it can be shown")).expect("JSON");
    assert_eq!(said, json!({"name": name, "roles": roles, "audiences": audiences}));
    // Members may come in any order and heads in a longer form (section 6 of the format); apart from that there is
    // one way to write them.
    let again = RawState::of(&said).expect("it is a state");
    assert!(again.as_cbor().len() <= cbor.len());
    if again.as_cbor().len() == cbor.len() {
        assert_eq!(sorted(again.as_cbor()), sorted(cbor));
    }
    if let Some(issued) = issue(handle(), &known, now()) {
        assert_eq!(check(handle(), &issued, now()).as_ref(), Some(&known));
    }
});

fn handle() -> KeyRingHandle {
    KeyRingHandle::fixed(ring())
}

fn sorted(cbor: &[u8]) -> Vec<u8> {
    let mut bytes = cbor.to_vec();
    bytes.sort_unstable();
    bytes
}
