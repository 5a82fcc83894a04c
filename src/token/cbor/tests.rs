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
            let is_next = text.short_text() == Some(&name) && bytes.first() != Some(&0x78);
            prop_assert_eq!(by_name.name(&name), is_next);
            prop_assert_eq!(by_name.rest(), if is_next { text.rest() } else { &bytes });
            let mut slow = Cursor::new(&bytes);
            let head = slow.head();
            let mut quick = Cursor::new(&bytes);
            if let Some(text) = quick.short_text() {
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
    assert_eq!(Cursor::new(&[0xc3]).text(1), Err(CborError::Utf8));
}
