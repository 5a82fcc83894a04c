//! CBOR that is accepted as state says the same as JSON and back; reading it into any type never panics,
//! and a type that reads all of it accepts what the check accepts, bytes apart.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use saddlebag::RawState;
use saddlebag_fuzz::{HS256, now, signed};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[allow(dead_code)]
struct Cart<'a> {
    #[serde(borrow)]
    owner: Option<&'a str>,
    items: Vec<(String, u8, f32)>,
    by_number: BTreeMap<i32, Kind>,
    #[serde(default)]
    nested: Option<Box<Cart<'a>>>,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
enum Kind {
    Nothing,
    One(u64),
    Two(bool, char),
    Named { x: i128 },
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Any {
    Number(f64),
    Text(String),
    Many(Vec<Any>),
    Kind(Kind),
}

fuzz_target!(|cbor: &[u8]| {
    let checked = RawState::from_cbor(cbor.to_vec());
    // Claims that end with this state, whatever it is: it is not looked at before it is asked for.
    let mut claims = vec![0x88, 0x4c, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0x1a];
    claims.extend_from_slice(&1_800_000_000_u32.to_be_bytes());
    claims.extend_from_slice(&[0x00, 0x19, 0x03, 0x84, 0x19, 0x03, 0x84, 0x00, 0xf6]);
    claims.extend_from_slice(cbor);
    let Ok(verified) = HS256.verify_at(&signed(&claims), now()) else {
        assert!(cbor.is_empty() || cbor.len() > 40_000);
        return;
    };
    let _ = verified.state::<Cart<'_>>();
    let _ = verified.state::<Vec<Kind>>();
    let _ = verified.state::<Any>();
    let _ = verified.state::<(u8, Option<String>)>();
    let _ = verified.state::<serde::de::IgnoredAny>();
    let read = verified.state::<Value>();

    let Ok(state) = checked else {
        assert!(read.is_err(), "read although it breaks a rule");
        assert!(verified.state_json().is_err(), "shown although it breaks a rule");
        return;
    };
    let json = state.to_json().expect("what is accepted can be shown");
    let again = RawState::from_json(json.as_bytes()).expect("and read as JSON");
    assert_eq!(again.to_json().as_deref().ok(), Some(&*json));
    // A value has no place for bytes: they are text in JSON, and refused where read.
    if let Ok(read) = read {
        let shown: Value = serde_json::from_str(&json).expect("what is shown is JSON");
        assert_eq!(read, shown);
        // Bytes apart, the shortest encoding is the one that JSON gives.
        assert!(again.as_cbor().len() <= cbor.len());
    }
});
