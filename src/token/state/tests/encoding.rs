//! Typed values to CBOR, against `serde_json::to_value`.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde_json::value::RawValue;

use super::*;

/// Asserts that `value`, shown as JSON, is what `serde_json` makes of it.
fn agrees<T: Serialize + ?Sized>(value: &T) {
    let ours: serde_json::Value = serde_json::from_str(&json(&encoded(value)).unwrap()).unwrap();
    assert_eq!(ours, serde_json::to_value(value).unwrap());
}

fn refused<T: Serialize + ?Sized>(value: &T) -> StateError {
    let mut out = b"kept".to_vec();
    let error = encode(value, &mut out).unwrap_err();
    assert_eq!(out, b"kept");
    error
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Pair(u8, &'static str);

#[derive(Serialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    Point,
    Line(u8),
    Box(u8, u8),
    Cube { side: u8 },
}

#[derive(Serialize)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u8>,
}

#[test]
fn every_shape_of_serdes_model_is_what_serde_json_makes_of_it() {
    agrees(&true);
    agrees(&(i8::MIN, i16::MIN, i32::MIN, i64::MIN));
    agrees(&(u8::MAX, u16::MAX, u32::MAX, u64::MAX));
    agrees(&(i128::from(i64::MIN), u128::from(u64::MAX)));
    agrees(&(0.1_f32, 0.1_f64, -0.0_f64, f64::MAX, f64::MIN_POSITIVE, 5e-324));
    agrees(&('ü', "text", Some(1), None::<u8>, (), Unit));
    agrees(&Pair(1, "x"));
    agrees(&[Shape::Point, Shape::Line(1), Shape::Box(1, 2), Shape::Cube { side: 3 }]);
    agrees(&Flat { id: 1, rest: (0..30).map(|n| (format!("k{n}"), n)).collect(), none: None });
    agrees(&serde_json::json!({"a": [1, -1, 1.5, null, {"b": "c"}]}));
    agrees(&std::net::Ipv4Addr::LOCALHOST);
    agrees(&std::time::Duration::from_millis(1500));
}

#[test]
fn keys_are_spelled_as_serde_json_spells_them() {
    #[derive(Serialize, PartialEq, Eq, Hash)]
    struct Id(u64);
    struct Floats;
    impl Serialize for Floats {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry(&0.1_f32, &1)?;
            map.serialize_entry(&0.2_f64, &1)?;
            map.serialize_entry(&1e300_f64, &1)?;
            map.end()
        }
    }
    agrees(&Floats);
    agrees(&HashMap::from([(1_u32, 'a'), (u32::MAX, 'b')]));
    agrees(&HashMap::from([(i64::MIN, 'a'), (-1, 'b')]));
    agrees(&HashMap::from([(u128::MAX, 'a')]));
    agrees(&HashMap::from([(true, 'a'), (false, 'b')]));
    agrees(&HashMap::from([('ü', 'a')]));
    agrees(&HashMap::from([(Shape::Point, 'a')]));
    agrees(&HashMap::from([(Id(7), 'a')]));
}

#[test]
fn keys_that_have_no_spelling_are_refused() {
    for error in [
        refused(&BTreeMap::from([((), 1)])),
        refused(&BTreeMap::from([(Some("a"), 1)])),
        refused(&BTreeMap::from([(None::<&str>, 1)])),
        refused(&BTreeMap::from([(vec![1], 1)])),
        refused(&BTreeMap::from([((1, 2), 1)])),
        refused(&BTreeMap::from([(Shape::Line(1), 1)])),
        refused(&BTreeMap::from([(Shape::Cube { side: 1 }, 1)])),
    ] {
        assert_eq!(error.kind(), StateErrorKind::KeyNotText);
    }
}

#[test]
fn raw_json_becomes_what_it_says() {
    #[derive(Serialize)]
    struct Holds {
        raw: Box<RawValue>,
    }
    let raw = |json: &str| Holds { raw: RawValue::from_string(json.into()).unwrap() };
    agrees(&raw(r#"{"a": [1, -0.5, "x"]}"#));
    assert_eq!(encoded(&raw("-0")), hex("a1 63726177 00"));
    let error = refused(&raw(r#"{"a":1,"a":2}"#));
    assert_eq!((error.kind(), error.path().as_str()), (StateErrorKind::DuplicateKey, "$.raw.a"));
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(encode(&raw(&deep(31)), &mut Vec::new()).is_ok());
    assert_eq!(refused(&raw(&deep(32))).kind(), StateErrorKind::TooDeep);
}

#[test]
fn what_the_format_cannot_hold_is_refused_with_its_path() {
    #[derive(Serialize)]
    struct Cart<T> {
        items: Vec<BTreeMap<&'static str, T>>,
    }
    let cart = |price: f64| Cart {
        items: vec![BTreeMap::from([("a", 1.0)]), BTreeMap::from([("a", 1.0), ("price", price)])],
    };
    for price in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refused(&cart(price)).to_string(), "$.items[1].price: a number is not finite");
    }
    assert_eq!(refused(&f32::NAN).kind(), StateErrorKind::NotFinite);
    assert_eq!(refused(&(u128::from(u64::MAX) + 1)).kind(), StateErrorKind::IntegerRange);
    assert_eq!(refused(&(i128::from(i64::MIN) - 1)).kind(), StateErrorKind::IntegerRange);

    #[derive(Serialize)]
    enum Deep {
        Tuple(u8, f64),
        Struct { x: f64 },
        New(f64),
    }
    for (value, path) in [
        (Deep::Tuple(1, f64::NAN), "$.Tuple[1]"),
        (Deep::Struct { x: f64::NAN }, "$.Struct.x"),
        (Deep::New(f64::NAN), "$.New"),
    ] {
        assert_eq!(refused(&value).path(), path);
    }
}

#[test]
fn two_fields_of_one_name_are_refused() {
    let flat = Flat { id: 1, rest: BTreeMap::from([("id".into(), 2)]), none: None };
    let error = refused(&flat);
    assert_eq!((error.kind(), error.path().as_str()), (StateErrorKind::DuplicateKey, "$.id"));
}

#[test]
fn depth_counts_containers_and_variants() {
    let mut value = serde_json::json!(1);
    for _ in 0..32 {
        value = serde_json::json!([value]);
    }
    assert!(encode(&value, &mut Vec::new()).is_ok());
    assert_eq!(refused(&serde_json::json!([value])).kind(), StateErrorKind::TooDeep);
    assert_eq!(refused(&BTreeMap::from([("a", value)])).kind(), StateErrorKind::TooDeep);
}

#[test]
fn a_wrong_length_hint_is_put_right() {
    struct Liar(Option<usize>);
    impl Serialize for Liar {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut items = serializer.serialize_seq(self.0)?;
            for item in 0..30 {
                items.serialize_element(&item)?;
            }
            items.end()
        }
    }
    let honest = encoded(&(0..30).collect::<Vec<u8>>());
    for hint in [None, Some(0), Some(30), Some(31), Some(1_000_000), Some(usize::MAX)] {
        assert_eq!(encoded(&Liar(hint)), honest);
    }
}

#[test]
fn a_type_that_swallows_an_error_gets_no_state() {
    struct Swallows;
    impl Serialize for Swallows {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            let _ = map.serialize_entry("a", &f64::NAN);
            map.serialize_entry("b", &1).ok();
            map.end()
        }
    }
    struct KeyOnly;
    impl Serialize for KeyOnly {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_key("a")?;
            map.end()
        }
    }
    refused(&Swallows);
    assert_eq!(refused(&KeyOnly).kind(), StateErrorKind::Application);
}

#[test]
fn bytes_stay_bytes() {
    struct Bytes(&'static [u8]);
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    assert_eq!(encoded(&Bytes(b"\x01\x02")), hex("42 0102"));
    assert!(has_bytes(&encoded(&[Bytes(b"")])));
}

/// The depth counts what is around an item, and not what was before it.
#[test]
fn siblings_are_not_deep() {
    #[derive(Serialize)]
    struct One {
        side: u8,
    }

    agrees(&(0..100).map(|side| One { side }).collect::<Vec<_>>());
    agrees(&(0..100).map(|n| Shape::Box(n, n)).collect::<Vec<_>>());
    agrees(&(0..100).map(|side| Shape::Cube { side }).collect::<Vec<_>>());
}

#[test]
fn a_key_that_has_no_spelling_is_refused() {
    struct Bytes;

    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            out.serialize_bytes(b"key")
        }
    }

    struct Under<K>(K);

    impl<K: Serialize> Serialize for Under<K> {
        fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            let mut map = out.serialize_map(Some(1))?;
            map.serialize_entry(&self.0, &1)?;
            map.end()
        }
    }

    assert_eq!(refused(&Under(Bytes)).kind(), StateErrorKind::KeyNotText);
    assert_eq!(refused(&Under(Unit)).kind(), StateErrorKind::KeyNotText);
    assert_eq!(refused(&Under(())).kind(), StateErrorKind::KeyNotText);
    for key in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refused(&Under(key)).kind(), StateErrorKind::NotFinite);
        assert_eq!(refused(&Under(key as f32)).kind(), StateErrorKind::NotFinite);
    }
    agrees(&Under(1.5));
}
