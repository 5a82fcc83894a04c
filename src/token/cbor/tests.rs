//! Heads and strings, and that the quick readers read what the strict one does.

use super::*;
use proptest::prelude::*;

const MAJORS: [Major; 8] = [
    Major::Unsigned,
    Major::Negative,
    Major::Bytes,
    Major::Text,
    Major::Array,
    Major::Map,
    Major::Tag,
    Major::Simple,
];

proptest! {
    #[test]
    fn a_written_head_reads_back_in_its_shortest_form(
        major in 0..7_usize,
        argument in prop_oneof![0..300_u64, any::<u16>().prop_map(u64::from), any::<u32>().prop_map(u64::from), any::<u64>()],
    ) {
        let mut out = Vec::new();
        write_head(&mut out, MAJORS[major], argument);
        prop_assert_eq!(out.len(), head_len(argument));
        let mut cursor = Cursor::new(&out);
        let head = cursor.head().unwrap();
        prop_assert_eq!((head.major, head.argument), (MAJORS[major], argument));
        prop_assert!(head.is_shortest());
        prop_assert!(cursor.rest().is_empty());
    }

    #[test]
    fn integers_that_are_written_at_once_are_written_as_one_by_one(
        three in prop::array::uniform3(prop_oneof![
            0..300_u64,
            any::<u16>().prop_map(u64::from),
            any::<u32>().prop_map(u64::from),
            any::<u64>(),
        ]),
        before in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let (mut out, mut wanted) = (before.clone(), before);
        let [a, b, c] = three;
        write_integers(&mut out, [a, b]);
        write_integers(&mut out, [a, b, c]);
        for one in [a, b, a, b, c] {
            write_head(&mut wanted, Major::Unsigned, one);
        }
        prop_assert_eq!(out, wanted);
    }
}

#[test]
fn the_shortest_form_changes_where_rfc_8949_says() {
    for (argument, length) in [
        (0, 1),
        (23, 1),
        (24, 2),
        (0xff, 2),
        (0x100, 3),
        (0xffff, 3),
        (0x1_0000, 5),
        (0xffff_ffff, 5),
        (0x1_0000_0000, 9),
        (u64::MAX, 9),
    ] {
        assert_eq!(head_len(argument), length, "{argument}");
    }
}

#[test]
fn longer_forms_are_read_and_reported() {
    for bytes in
        [&[0x18, 23][..], &[0x19, 0, 255], &[0x1a, 0, 0, 255, 255], &[0x1b, 0, 0, 0, 0, 1, 1, 1, 1]]
    {
        assert!(!Cursor::new(bytes).head().unwrap().is_shortest(), "{bytes:02x?}");
    }
}

#[test]
fn what_is_no_definite_item_is_refused_by_name() {
    for (bytes, error) in [
        (&[][..], CborError::End),
        (&[0x18], CborError::End),
        (&[0x1b, 0, 0, 0, 0, 0, 0, 0], CborError::End),
        (&[0x1c], CborError::Reserved),
        (&[0x1f], CborError::Reserved),
        (&[0x3f], CborError::Reserved),
        (&[0xdf], CborError::Reserved),
        (&[0xf8, 0x16], CborError::Reserved),
        (&[0x5f], CborError::Indefinite),
        (&[0x9f], CborError::Indefinite),
        (&[0xff], CborError::Indefinite),
    ] {
        assert_eq!(Cursor::new(bytes).head(), Err(error), "{bytes:02x?}");
    }
}

proptest! {
    #[test]
    fn what_is_read_quickly_is_what_is_read_otherwise(
        start in prop::collection::vec(any::<u8>(), 0..4),
        text in "\\PC{0,90}",
        value in any::<f64>(),
    ) {
        let double = [&[0xfb][..], &value.to_be_bytes()].concat();
        let mut short = vec![0x78, text.len() as u8];
        short.extend_from_slice(text.as_bytes());
        let mut shorter = vec![0x60 | (text.len() as u8 & 0x1f)];
        shorter.extend_from_slice(text.as_bytes());
        let name: String = text.chars().take(5).collect();
        let named = [&[SHORT_TEXT | name.len() as u8][..], name.as_bytes()].concat();
        for bytes in [start, double, short, shorter, named] {
            // A name is stepped over where it is the text that comes next, and nowhere else.
            let mut by_name = Cursor::new(&bytes);
            let mut text = Cursor::new(&bytes);
            let is_next = text.short_text() == Some(name.as_str()) && bytes.first() != Some(&0x78);
            prop_assert_eq!(by_name.name(&name), is_next);
            prop_assert_eq!(by_name.rest(), if is_next { text.rest() } else { &bytes });
            let mut slow = Cursor::new(&bytes);
            let head = slow.head();
            let mut quick = Cursor::new(&bytes);
            if let Some(text) = quick.short_text::<&str>() {
                let Ok(Head { major: Major::Text, argument, .. }) = head else { panic!("{head:?}") };
                prop_assert_eq!(slow.text(argument), Ok(text));
            } else if let Some(value) = quick.short_unsigned() {
                let Ok(Head { major: Major::Unsigned, argument, .. }) = head else { panic!("{head:?}") };
                prop_assert_eq!(argument, value);
            } else if let Some(value) = quick.double() {
                let Ok(Head { major: Major::Simple, argument, width: 8 }) = head else { panic!("{head:?}") };
                prop_assert_eq!(argument, value.to_bits());
            } else {
                prop_assert_eq!(quick.rest(), &bytes[..]);
                continue;
            }
            prop_assert_eq!(quick.rest(), slow.rest());
        }
    }
}

#[test]
fn a_string_longer_than_the_bytes_is_refused_without_allocating() {
    let mut cursor = Cursor::new(b"abc");
    assert_eq!(cursor.bytes(u64::MAX), Err(CborError::End));
    assert_eq!(cursor.text(2), Ok("ab"));
    assert_eq!(Cursor::new(&[0xc3]).text::<&str>(1), Err(CborError::Utf8));
}

/// The quick ways take what they are for and leave the cursor behind it; the rest they leave to the slow ones.
#[test]
fn the_quick_ways_take_what_they_are_for_and_nothing_else() {
    fn quick<T>(read: fn(&mut Cursor<'_>) -> Option<T>, bytes: &str) -> Option<(T, usize)> {
        let bytes = hex(bytes);
        let mut cursor = Cursor::new(&bytes);
        let before = cursor.rest().len();
        let value = read(&mut cursor);
        assert!(value.is_some() || cursor.rest().len() == before, "{bytes:?}");
        value.map(|value| (value, cursor.rest().len()))
    }
    let text = |bytes: &str| quick(|cursor| cursor.short_text().map(str::to_owned), bytes);
    assert_eq!(text("60 00"), Some((String::new(), 1)));
    assert_eq!(text("62 61 62 00"), Some(("ab".to_owned(), 1)));
    assert_eq!(text("78 01 61"), Some(("a".to_owned(), 0)));
    let long = format!("78 ff {}", "61 ".repeat(255));
    assert_eq!(text(&long), Some(("a".repeat(255), 0)));
    for other in ["", "62 61", "61 ff", "40", "79 0001 61", "78 02 61", "80"] {
        assert_eq!(text(other), None, "{other}");
    }
    let map = |bytes: &str| quick(|cursor| cursor.short_map(), bytes);
    assert_eq!(map("a0"), Some((0, 0)));
    assert_eq!(map("a1 60 f6"), Some((1, 2)));
    assert_eq!(map("a2 00 00 00 00 00"), Some((2, 5)));
    let full = format!("b7 {}", "00 ".repeat(46));
    assert_eq!(map(&full), Some((23, 46)));
    for other in ["", "a1", "a1 60", "a2 00 00 00", "b8 18", "bf ff", "81 00"] {
        assert_eq!(map(other), None, "{other}");
    }
    let shortest = |bytes: &str| quick(|cursor| cursor.shortest_unsigned(), bytes);
    for (bytes, value) in [
        ("00", 0),
        ("17", 0x17),
        ("18 18", 0x18),
        ("18 ff", 0xff),
        ("19 0100", 0x100),
        ("19 ffff", 0xffff),
        ("1a 00010000", 0x1_0000),
        ("1a ffffffff", 0xffff_ffff),
    ] {
        assert_eq!(shortest(bytes), Some((value, 0)), "{bytes}");
        assert_eq!(shortest(&format!("{bytes} 00")), Some((value, 1)), "{bytes}");
    }
    for other in
        ["", "18", "18 17", "19 00", "19 00ff", "1a 0000ffff", "1b 0000000100000000", "20", "60"]
    {
        assert_eq!(shortest(other), None, "{other}");
    }
    let short = |bytes: &str| quick(|cursor| cursor.short_unsigned(), bytes);
    assert_eq!([short("17"), short("18 00 01")], [Some((0x17, 0)), Some((0, 1))]);
    for other in ["", "18", "19 0001", "20", "60"] {
        assert_eq!(short(other), None, "{other}");
    }
    let double = |bytes: &str| quick(|cursor| cursor.double(), bytes);
    assert_eq!(double("fb 3ff8000000000000 00"), Some((1.5, 1)));
    for other in ["", "fb 3ff80000000000", "fa 3fc00000", "f9 3e00"] {
        assert_eq!(double(other), None, "{other}");
    }
}

/// Of a name's length, first four bytes and last four none is enough to be the name.
#[test]
fn a_name_is_stepped_over_where_all_of_it_is_there() {
    for length in 0..30_u8 {
        let name: String = (0..length).map(|index| char::from(b'a' + index)).collect();
        let mut bytes = Vec::new();
        write_head(&mut bytes, Major::Text, length.into());
        let start = bytes.len();
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        let stepped = |bytes: &[u8]| {
            let mut cursor = Cursor::new(bytes);
            let stepped = cursor.name(&name);
            assert_eq!(cursor.rest().len(), if stepped { 1 } else { bytes.len() });
            stepped
        };
        assert_eq!(stepped(&bytes), length < 24, "{name}");
        for index in start..bytes.len() - 1 {
            let mut other = bytes.clone();
            other[index] ^= 1;
            assert!(!stepped(&other), "{name}, byte {index}");
        }
        assert!(length == 0 || !stepped(&bytes[..bytes.len() - 2]), "{name}, cut");
        assert!(!Cursor::new(&bytes).name(&format!("{name}z")));
        let mut as_bytes = bytes;
        as_bytes[0] ^= 0x20;
        assert!(!stepped(&as_bytes), "{name} as bytes");
    }
}
