//! CBOR to typed values.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::*;

fn from<T: for<'a> Deserialize<'a>>(json: &str) -> Result<T, StateError> {
    decode(&cbor(json).unwrap())
}

fn kind<T: for<'a> Deserialize<'a>>(json: &str) -> StateErrorKind {
    from::<T>(json).map(drop).unwrap_err().kind()
}

#[derive(Deserialize, Debug, PartialEq)]
enum Shape {
    Point,
    Line(u8),
    Box(u8, u8),
    Cube { side: u8 },
}

#[test]
fn text_and_bytes_are_borrowed_from_the_state() {
    #[derive(Deserialize)]
    struct Borrows<'a> {
        text: &'a str,
        bytes: &'a [u8],
    }
    let state = hex("a2 6474657874 626869 656279746573 42 0102");
    let borrowed: Borrows<'_> = decode(&state).unwrap();
    assert_eq!((borrowed.text, borrowed.bytes), ("hi", &[1, 2][..]));
    assert!(state.as_ptr_range().contains(&borrowed.text.as_ptr()));
    assert!(state.as_ptr_range().contains(&borrowed.bytes.as_ptr()));
}

#[test]
fn numbers_convert_where_serde_json_converts_them() {
    assert_eq!(from::<(f64, f32, f32)>("[1, -1, 0.5]").unwrap(), (1.0, -1.0, 0.5));
    assert_eq!(from::<(i8, u64, i128, u128)>("[-128, 1, -5, 5]").unwrap(), (-128, 1, -5, 5));
    assert_eq!(kind::<u8>("256"), StateErrorKind::Mismatch);
    assert_eq!(kind::<u8>("-1"), StateErrorKind::Mismatch);
    assert_eq!(kind::<u8>("1.0"), StateErrorKind::Mismatch);
    assert_eq!(kind::<f64>("\"1\""), StateErrorKind::Mismatch);
}

#[test]
fn keys_convert_where_serde_json_converts_them() {
    assert_eq!(from::<HashMap<u32, u8>>(r#"{"1":2}"#).unwrap(), HashMap::from([(1, 2)]));
    assert_eq!(from::<HashMap<i64, u8>>(r#"{"-1":2}"#).unwrap(), HashMap::from([(-1, 2)]));
    assert_eq!(from::<HashMap<bool, u8>>(r#"{"true":2}"#).unwrap(), HashMap::from([(true, 2)]));
    assert_eq!(from::<HashMap<char, u8>>(r#"{"ü":2}"#).unwrap(), HashMap::from([('ü', 2)]));
    assert_eq!(from::<BTreeMap<Option<String>, u8>>(r#"{"a":2}"#).unwrap().len(), 1);
    for key in ["", "01", "+1", " 1", "1 ", "1x", "4294967296", "-1", "1.5", "\\\"1\\\""] {
        assert_eq!(
            kind::<HashMap<u32, u8>>(&format!("{{\"{key}\":2}}")),
            StateErrorKind::Mismatch,
            "{key}"
        );
    }
}

#[test]
fn enums_take_the_spellings_of_serde_json() {
    for (text, shape) in [
        (r#""Point""#, Shape::Point),
        (r#"{"Point":null}"#, Shape::Point),
        (r#"{"Line":1}"#, Shape::Line(1)),
        (r#"{"Box":[1,2]}"#, Shape::Box(1, 2)),
        (r#"{"Cube":{"side":3}}"#, Shape::Cube { side: 3 }),
        (r#"{"Cube":[3]}"#, Shape::Cube { side: 3 }),
    ] {
        assert_eq!(from::<Shape>(text).unwrap(), shape, "{text}");
    }
    for text in [
        r#""Line""#,
        r#""Other""#,
        "{}",
        r#"{"Line":1,"Box":2}"#,
        r#"{"Point":1}"#,
        "1",
        "null",
        "[]",
    ] {
        assert_eq!(kind::<Shape>(text), StateErrorKind::Mismatch, "{text}");
    }
}

#[test]
fn tagged_untagged_and_flattened_types_are_read() {
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(tag = "t")]
    enum Tagged {
        A { x: u8 },
    }
    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
        Text(String),
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Flat {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    assert_eq!(from::<Tagged>(r#"{"x":1,"t":"A"}"#).unwrap(), Tagged::A { x: 1 });
    assert_eq!(
        from::<Vec<Untagged>>(r#"[1,"x"]"#).unwrap(),
        [Untagged::Number(1), Untagged::Text("x".into())]
    );
    assert_eq!(
        from::<Flat>(r#"{"a":1,"id":2}"#).unwrap(),
        Flat { id: 2, rest: BTreeMap::from([("a".into(), 1)]) }
    );
}

#[test]
fn options_units_and_raw_json_are_read() {
    assert_eq!(from::<(Option<u8>, Option<u8>, ())>("[null,1,null]").unwrap(), (None, Some(1), ()));
    let raw: Box<RawValue> = from(r#"{"a": [1, 1.0]}"#).unwrap();
    assert_eq!(raw.get(), r#"{"a":[1,1.0]}"#);
    let raw: Vec<Box<RawValue>> = from("[[], {}]").unwrap();
    assert_eq!(raw.len(), 2);
}

/// T19.
#[test]
fn a_key_twice_is_refused_even_where_the_type_skips_it() {
    #[derive(Deserialize, Debug)]
    struct Narrow {
        #[serde(rename = "a")]
        _a: u8,
    }
    for bytes in ["a3 6161 01 6162 02 6162 03", "a2 6161 01 6161 01"] {
        let error = decode::<Narrow>(&hex(bytes)).unwrap_err();
        assert_eq!(error.kind(), StateErrorKind::DuplicateKey);
    }
    let error = decode::<HashMap<String, u8>>(&hex("a2 6161 01 6161 01")).unwrap_err();
    assert_eq!(error.to_string(), "$.a: a map key is there twice");
}

/// Names that its decoder expects one after the other: short, long, and one that is no ASCII.
#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(default)]
struct Fields {
    a: u8,
    b: u8,
    #[serde(rename = "gruß")]
    c: u8,
    d: u8,
    e: u8,
    #[serde(rename = "a name of 24 characters.")]
    f: u8,
    g: u8,
    h: u8,
}

proptest::proptest! {
    #[test]
    fn fields_are_read_in_any_order_with_gaps_and_among_strangers(
        names in proptest::sample::subsequence(
            vec!["a", "b", "gruß", "d", "e", "a name of 24 characters.", "g", "h", "", "aa", "z", "gruss"],
            0..12,
        ),
        is_shuffled: bool,
        by in 0..12_usize,
        twin in 0..24_usize,
    ) {
        let mut names = names;
        if is_shuffled && !names.is_empty() {
            let by = by % names.len();
            names.rotate_left(by);
            names.reverse();
        }
        let write = |names: &[&str]| {
            let mut out = vec![0xa0 | names.len() as u8];
            for (index, name) in names.iter().enumerate() {
                out.extend(encoded(name));
                out.push(index as u8);
            }
            out
        };
        let cbor = write(&names);
        let expected: Fields = serde_json::from_str(&json(&cbor).unwrap()).unwrap();
        proptest::prop_assert_eq!(decode::<Fields>(&cbor).unwrap(), expected);
        if let Some(name) = names.get(twin).copied() {
            names.push(name);
            // serde's own check of fields may come first: either way it is refused.
            proptest::prop_assert!(decode::<Fields>(&write(&names)).is_err());
        }
    }
}

/// Twins among names that were expected are found where the type itself takes them for one another.
#[test]
fn a_type_that_names_a_field_twice_gets_no_map_with_twins() {
    struct Careless;
    impl<'de> Deserialize<'de> for Careless {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Any;
            impl<'de> serde::de::Visitor<'de> for Any {
                type Value = Careless;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("anything")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Careless, A::Error> {
                    while map.next_entry::<String, u8>()?.is_some() {}
                    Ok(Careless)
                }
            }
            deserializer.deserialize_struct("Careless", &["a", "b", "a"], Any)
        }
    }
    assert!(decode::<Careless>(&hex("a2 6161 01 6162 02")).is_ok());
    for bytes in ["a3 6161 01 6162 02 6161 03", "a2 6161 01 6161 02"] {
        let error = decode::<Careless>(&hex(bytes)).err().unwrap();
        assert_eq!(error.to_string(), "$.a: a map key is there twice");
    }
}

#[test]
fn more_or_fewer_items_than_the_type_has_are_refused() {
    for text in ["[1]", "[1,2,3]"] {
        assert_eq!(kind::<(u8, u8)>(text), StateErrorKind::Mismatch, "{text}");
    }
    assert_eq!(decode::<u8>(&[1, 1]).unwrap_err().kind(), StateErrorKind::Trailing);
}

#[test]
fn errors_name_the_path_and_never_the_text() {
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[serde(rename = "qty")]
        _qty: u8,
    }
    type Cart = BTreeMap<String, Vec<Item>>;
    for (text, message) in [
        (
            r#"{"items":[{"qty":1},{"qty":"hunter2"}]}"#,
            "$.items[1].qty: expected u8, found a string",
        ),
        (r#"{"items":[{"qty":1,"x":1}]}"#, "$.items[0].x: unknown field, expected one of `qty`"),
        (r#"{"items":[{}]}"#, "$.items[0]: field `qty` is missing"),
        (r#"{"items":"hunter2"}"#, "$.items: expected a sequence, found a string"),
    ] {
        assert_eq!(from::<Cart>(text).unwrap_err().to_string(), message);
    }
    let error = from::<Shape>(r#"{"Cube":{"side":"hunter2"}}"#).unwrap_err();
    assert_eq!(error.path(), "$.Cube.side");
}

#[test]
fn a_swallowed_error_of_a_scalar_is_a_default_and_of_a_container_is_final() {
    fn or_zero<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        Ok(u8::deserialize(deserializer).unwrap_or_default())
    }
    #[derive(Deserialize, Debug)]
    struct Lenient {
        #[serde(deserialize_with = "or_zero")]
        a: u8,
        b: u8,
    }
    let read: Lenient = from(r#"{"a":"x","b":2}"#).unwrap();
    assert_eq!((read.a, read.b), (0, 2));
    assert!(from::<Lenient>(r#"{"a":["b",3],"b":2}"#).is_err());
    assert!(decode::<Lenient>(&hex("a2 6161 81 f97e00 6162 02")).is_err());
}

#[test]
fn a_visitor_that_leaves_values_unread_gets_nothing() {
    use serde::de::{EnumAccess, MapAccess, Visitor};
    #[derive(Debug)]
    struct FirstKey;
    impl<'de> Visitor<'de> for FirstKey {
        type Value = Self;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a key")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
            map.next_key::<String>()?;
            Ok(self)
        }
        fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Self, A::Error> {
            data.variant::<String>()?;
            Ok(self)
        }
    }
    struct AsMap;
    struct AsEnum;
    impl<'de> Deserialize<'de> for AsMap {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(FirstKey).map(|_| Self)
        }
    }
    impl<'de> Deserialize<'de> for AsEnum {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_enum("", &[], FirstKey).map(|_| Self)
        }
    }
    assert_eq!(kind::<AsMap>(r#"{"a":1}"#), StateErrorKind::Application);
    assert_eq!(kind::<AsEnum>(r#"{"a":1}"#), StateErrorKind::Application);
    assert_eq!(kind::<Vec<AsMap>>(r#"[{"a":{}},{}]"#), StateErrorKind::Application);
}

#[test]
fn a_double_that_is_not_finite_is_refused_where_a_float_is_read() {
    for bits in
        ["fb 7f f0 00 00 00 00 00 00", "fb ff f0 00 00 00 00 00 00", "fb 7f f8 00 00 00 00 00 00"]
    {
        assert_eq!(decode::<f64>(&hex(bits)).unwrap_err().kind(), StateErrorKind::NotFinite);
    }
}

/// What a type makes room by before it reads.
#[test]
fn arrays_and_maps_tell_how_many_items_are_left() {
    struct Hints(Vec<usize>);

    impl<'de> Deserialize<'de> for Hints {
        fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            input.deserialize_any(Self(Vec::new()))
        }
    }

    impl<'de> serde::de::Visitor<'de> for Hints {
        type Value = Self;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("items")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            mut self,
            mut items: A,
        ) -> Result<Self, A::Error> {
            loop {
                self.0.push(items.size_hint().unwrap());
                if items.next_element::<u8>()?.is_none() {
                    return Ok(self);
                }
            }
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            mut self,
            mut items: A,
        ) -> Result<Self, A::Error> {
            loop {
                self.0.push(items.size_hint().unwrap());
                if items.next_entry::<&str, u8>()?.is_none() {
                    return Ok(self);
                }
            }
        }
    }

    assert_eq!(from::<Hints>("[7,8,9]").unwrap().0, [3, 2, 1, 0]);
    assert_eq!(decode::<Hints>(&cbor(r#"{"a":1,"b":2}"#).unwrap()).unwrap().0, [2, 1, 0]);
}
