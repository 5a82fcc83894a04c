//! CBOR at the level of bytes (RFC 8949): heads, strings and nothing else.
//!
//! Claims and state follow different rules about what is allowed, and the same bytes underneath.
//! This file reads those bytes and judges only what is no well-formed definite item at all; it
//! reports whether a head was in its shortest form and leaves it to the caller whether that
//! matters. There is no external CBOR crate because strictness is the contract.

/// The eight kinds of item, RFC 8949 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Major {
    /// An integer of zero or more.
    Unsigned,
    /// An integer below zero: -1 minus the argument.
    Negative,
    /// A byte string; the argument is its length in bytes.
    Bytes,
    /// A text string; the argument is its length in bytes.
    Text,
    /// An array; the argument is its number of items.
    Array,
    /// A map; the argument is its number of key and value pairs.
    Map,
    /// A tag on the item that follows.
    Tag,
    /// `false`, `true`, `null` and the like; with a width of two bytes or more, a float.
    Simple,
}

/// The start of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) major: Major,
    pub(crate) argument: u64,
    /// Bytes the argument takes after the first: 0, 1, 2, 4 or 8. It tells a float from a simple.
    pub(crate) width: u8,
}

impl Head {
    /// Whether the argument could not have been written in fewer bytes. Not meaningful for floats.
    pub(crate) fn is_shortest(self) -> bool {
        self.width == width(self.argument)
    }
}

/// Why bytes are not a definite CBOR item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CborError {
    /// The bytes end inside a head or a string.
    End,
    /// An additional information of 28 to 30, or 31 where it means nothing; or a simple value
    /// below 32 in two bytes.
    Reserved,
    /// An indefinite length, or the break that would end one.
    Indefinite,
    /// A text string that is not UTF-8.
    Utf8,
}

/// Reads items from the front of a byte slice.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the first byte and the argument of an item.
    #[inline]
    pub(crate) fn head(&mut self) -> Result<Head, CborError> {
        let (&first, rest) = self.rest.split_first().ok_or(CborError::End)?;
        self.rest = rest;
        let major = match first >> 5 {
            0 => Major::Unsigned,
            1 => Major::Negative,
            2 => Major::Bytes,
            3 => Major::Text,
            4 => Major::Array,
            5 => Major::Map,
            6 => Major::Tag,
            _ => Major::Simple,
        };
        let info = first & 0x1f;
        if info < 24 {
            return Ok(Head { major, argument: u64::from(info), width: 0 });
        }
        self.long_head(major, info)
    }

    /// Reads the rest of a head whose argument did not fit its first byte.
    fn long_head(&mut self, major: Major, info: u8) -> Result<Head, CborError> {
        let (argument, width) = match info {
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 1),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 2),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 4),
            27 => (u64::from_be_bytes(self.array()?), 8),
            31 if !matches!(major, Major::Unsigned | Major::Negative | Major::Tag) => {
                return Err(CborError::Indefinite);
            }
            _ => return Err(CborError::Reserved),
        };
        if major == Major::Simple && width == 1 && argument < 32 {
            return Err(CborError::Reserved);
        }
        Ok(Head { major, argument, width })
    }

    /// Takes the `length` bytes of a byte string whose head was read.
    #[inline]
    pub(crate) fn bytes(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::End)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CborError::End)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Takes the `length` bytes of a text string whose head was read.
    #[inline]
    pub(crate) fn text(&mut self, length: u64) -> Result<&'a str, CborError> {
        str::from_utf8(self.bytes(length)?).map_err(|_| CborError::Utf8)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(CborError::End)?;
        self.rest = rest;
        Ok(*array)
    }
}

/// Writes a head in its shortest form.
#[inline]
pub(crate) fn write_head(out: &mut Vec<u8>, major: Major, argument: u64) {
    let major = (major as u8) << 5;
    let argument = argument.to_be_bytes();
    match argument {
        [0, 0, 0, 0, 0, 0, 0, value @ 0..=23] => out.push(major | value),
        [0, 0, 0, 0, 0, 0, 0, value] => out.extend_from_slice(&[major | 24, value]),
        [0, 0, 0, 0, 0, 0, a, b] => out.extend_from_slice(&[major | 25, a, b]),
        [0, 0, 0, 0, a, b, c, d] => out.extend_from_slice(&[major | 26, a, b, c, d]),
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument);
        }
    }
}

/// Bytes that [`write_head`] writes: 1, 2, 3, 5 or 9.
pub(crate) fn head_len(argument: u64) -> usize {
    usize::from(width(argument)).saturating_add(1)
}

/// Bytes the shortest argument takes after the first.
fn width(argument: u64) -> u8 {
    match argument {
        0..=23 => 0,
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// Bytes from hexadecimal with spaces, as tests write CBOR.
#[cfg(test)]
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
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
        for bytes in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 1, 1, 1, 1],
        ] {
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

    #[test]
    fn a_string_longer_than_the_bytes_is_refused_without_allocating() {
        let mut cursor = Cursor::new(b"abc");
        assert_eq!(cursor.bytes(u64::MAX), Err(CborError::End));
        assert_eq!(cursor.text(2), Ok("ab"));
        assert_eq!(Cursor::new(&[0xc3]).text(1), Err(CborError::Utf8));
    }
}
