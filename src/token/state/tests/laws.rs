//! Laws that hold for any state, against `serde_json` as the oracle.

use std::collections::{BTreeMap, HashMap};

use proptest::collection::{btree_map, hash_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
enum Shape {
    Unit,
    New(i64),
    Tuple(u8, String),
    Struct { x: Option<f64>, y: char },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Session {
    id: u64,
    offset: i64,
    single: f32,
    double: f64,
    letter: char,
    name: Option<String>,
    shapes: Vec<Shape>,
    counts: HashMap<u32, i16>,
    #[serde(with = "bytes")]
    key: Vec<u8>,
    #[serde(flatten)]
    rest: BTreeMap<String, bool>,
}

mod bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        <&[u8]>::deserialize(d).map(Into::into)
    }
}

fn finite() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |value| value.is_finite()),
        any::<f32>().prop_filter("finite", |value| value.is_finite()).prop_map(f64::from),
        any::<u16>()
            .prop_map(|bits| half::f16::from_bits(bits).to_f64())
            .prop_filter("finite", |value| value.is_finite()),
        (-1000..1000_i32, 0..4_i32).prop_map(|(n, e)| f64::from(n) / 10_f64.powi(e)),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        any::<i64>().prop_map(Shape::New),
        (any::<u8>(), ".{0,5}").prop_map(|(n, s)| Shape::Tuple(n, s)),
        (prop::option::of(finite()), any::<char>()).prop_map(|(x, y)| Shape::Struct { x, y }),
    ]
}

fn session() -> impl Strategy<Value = Session> {
    (
        (any::<u64>(), any::<i64>(), finite(), any::<char>(), prop::option::of(".{0,30}")),
        (vec(shape(), 0..30), hash_map(any::<u32>(), any::<i16>(), 0..30), vec(any::<u8>(), 0..9)),
        btree_map("[A-Z]{1,3}", any::<bool>(), 0..30),
    )
        .prop_map(|((id, offset, double, letter, name), (shapes, counts, key), rest)| {
            let single = if (double as f32).is_finite() { double as f32 } else { 0.5 };
            Session { id, offset, single, double, letter, name, shapes, counts, key, rest }
        })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        finite().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 30, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..30).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..30)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Bytes that often are CBOR: random, or valid state with some bytes changed.
fn near_cbor() -> impl Strategy<Value = Vec<u8>> {
    let changed = (value(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..3));
    prop_oneof![
        vec(any::<u8>(), 0..64),
        vec(
            prop_oneof![0x60..0x64_u8, 0x80..0x84_u8, 0xa0..0xa4_u8, 0xf4..0xfc_u8, 0..3_u8],
            0..24
        ),
        changed.prop_map(|(value, changes)| {
            let mut bytes = encoded(&value);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_typed_value_comes_back(session in session()) {
        let state = encoded(&session);
        check(&state).unwrap();
        prop_assert_eq!(&decode::<Session>(&state).unwrap(), &session);
        prop_assert_eq!(decode::<Session>(&state).unwrap().double.to_bits(), session.double.to_bits());
    }

    #[test]
    fn a_typed_value_shown_as_json_is_what_serde_json_makes_of_it(mut session in session()) {
        session.key.clear();
        let mut expected = serde_json::to_value(&session).unwrap();
        // The one difference: bytes are text.
        expected["key"] = Value::from("");
        let shown = json(&encoded(&session)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), expected);
    }

    #[test]
    fn json_comes_back_as_serde_json_reads_it(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let state = cbor(&text.unwrap()).unwrap();
        check(&state).unwrap();
        prop_assert_eq!(&state, &encoded(&value));
        let shown = json(&state).unwrap();
        prop_assert_eq!(&shown, &serde_json::to_string(&value).unwrap());
        prop_assert_eq!(&cbor(&shown).unwrap(), &state);
        prop_assert_eq!(&decode::<Value>(&state).unwrap(), &value);
        prop_assert!(!has_bytes(&state));
        let weighed: usize = weights(&state).iter().map(|(_, bytes)| bytes).sum();
        prop_assert!(weighed < state.len());
    }

    #[test]
    fn number_text_is_read_as_rust_reads_it(text in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?") {
        let integer = !text.contains(['.', 'e', 'E']);
        let expected = match (text.parse::<i128>(), text.parse::<f64>().unwrap()) {
            (Ok(value), _) if integer && (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value) => {
                Some(encoded(&value))
            }
            (_, value) if value.is_finite() => Some(encoded(&value)),
            _ => None,
        };
        prop_assert_eq!(cbor(&text).ok(), expected);
    }

    #[test]
    fn every_reader_accepts_the_same_bytes(bytes in near_cbor()) {
        let checked = check(&bytes);
        let shown = json(&bytes);
        let typed = decode::<Value>(&bytes);
        prop_assert_eq!(checked.is_ok(), shown.is_ok());
        weights(&bytes);
        if let Ok(text) = shown {
            // `Value` has no bytes; everything else that is accepted, it takes.
            prop_assert_eq!(typed.is_ok(), !has_bytes(&bytes));
            prop_assert!(cbor(&text).is_ok());
            decode::<serde::de::IgnoredAny>(&bytes).unwrap();
            if let Ok(value) = typed {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        } else {
            prop_assert!(typed.is_err());
        }
        let _ = decode::<Session>(&bytes);
    }

    /// T29.
    #[test]
    fn any_text_is_read_as_json_or_refused(text in "[\\[\\]{}:,\"a0-9.eE\\\\u -]{0,20}") {
        if cbor(&text).is_ok() {
            prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
