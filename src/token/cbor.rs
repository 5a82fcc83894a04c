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

impl Major {
    /// That of an item's first byte.
    #[inline(always)]
    pub(crate) const fn of(first: u8) -> Self {
        match first >> 5 {
            0 => Self::Unsigned,
            1 => Self::Negative,
            2 => Self::Bytes,
            3 => Self::Text,
            4 => Self::Array,
            5 => Self::Map,
            6 => Self::Tag,
            _ => Self::Simple,
        }
    }
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

impl CborError {
    /// That of a number.
    pub(crate) const fn of(number: u64) -> Self {
        const END: u64 = CborError::End as u64;
        const INDEFINITE: u64 = CborError::Indefinite as u64;
        match number {
            END => Self::End,
            INDEFINITE => Self::Indefinite,
            _ => Self::Reserved,
        }
    }
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
    // Always, and through two numbers: a head that comes back through memory costs more than reading it.
    #[inline(always)]
    pub(crate) fn head(&mut self) -> Result<Head, CborError> {
        let (first, argument) = self.first_and_argument();
        let width = match first & 0x1f {
            0..24 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            _ => 8,
        };
        match first {
            BREAK => Err(CborError::of(argument)),
            _ => Ok(Head { major: Major::of(first), argument, width }),
        }
    }

    /// The same with [`BREAK`], which starts nothing definite, and an error's number, for an error.
    #[inline(always)]
    pub(crate) fn first_and_argument(&mut self) -> (u8, u64) {
        match self.rest.split_first() {
            Some((&first, rest)) if first & 0x1f < 24 => {
                self.rest = rest;
                (first, u64::from(first & 0x1f))
            }
            Some((&first, rest)) => {
                self.rest = rest;
                self.long_argument(first)
            }
            None => (BREAK, CborError::End as u64),
        }
    }

    /// Reads an argument that did not fit its first byte.
    fn long_argument(&mut self, first: u8) -> (u8, u64) {
        let argument = match first & 0x1f {
            24 => self.array().map(|bytes| u64::from(u8::from_be_bytes(bytes))),
            25 => self.array().map(|bytes| u64::from(u16::from_be_bytes(bytes))),
            26 => self.array().map(|bytes| u64::from(u32::from_be_bytes(bytes))),
            27 => self.array().map(u64::from_be_bytes),
            31 if !matches!(Major::of(first), Major::Unsigned | Major::Negative | Major::Tag) => {
                return (BREAK, CborError::Indefinite as u64);
            }
            _ => return (BREAK, CborError::Reserved as u64),
        };
        match argument {
            Some(0..32) if first == SIMPLE_IN_TWO => (BREAK, CborError::Reserved as u64),
            Some(argument) => (first, argument),
            None => (BREAK, CborError::End as u64),
        }
    }

    /// Reads a text string of up to 255 bytes, which most are; otherwise nothing, and [`head`](Self::head) says
    /// what is there.
    #[inline]
    pub(crate) fn short_text<T: Text<'a>>(&mut self) -> Option<T> {
        let (length, rest) = match *self.rest {
            [first @ 0x60..=0x77, ref rest @ ..] => (first & 0x1f, rest),
            [0x78, length, ref rest @ ..] => (length, rest),
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(usize::from(length))?;
        let text = T::of(bytes)?;
        self.rest = rest;
        Some(text)
    }

    /// Steps over this text of up to 23 bytes, where it is what comes next.
    #[inline(always)]
    pub(crate) fn name(&mut self, name: &str) -> bool {
        let Some((&first, rest)) = self.rest.split_first() else {
            return false;
        };
        let length = first.wrapping_sub(SHORT_TEXT);
        if length > 23 || usize::from(length) != name.len() {
            return false;
        }
        match rest.split_at_checked(name.len()) {
            Some((text, rest)) if same(text, name.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads the head of a map of up to 23 pairs, if as many bytes are left as they take at least; otherwise nothing.
    #[inline(always)]
    pub(crate) fn short_map(&mut self) -> Option<u64> {
        let [first @ 0xa0..=0xb7, ref rest @ ..] = *self.rest else {
            return None;
        };
        let pairs = first & 0x1f;
        if rest.len() < usize::from(pairs << 1) {
            return None;
        }
        self.rest = rest;
        Some(pairs.into())
    }

    /// Reads an integer of zero or more below 2^32 in its shortest form; otherwise nothing, and [`head`](Self::head)
    /// says what is there.
    #[inline(always)]
    pub(crate) fn shortest_unsigned(&mut self) -> Option<u64> {
        let (value, least, rest) = match *self.rest {
            [first @ 0..=0x17, ref rest @ ..] => (u64::from(first), 0, rest),
            [0x18, a, ref rest @ ..] => (u64::from(a), 0x18, rest),
            [0x19, a, b, ref rest @ ..] => (u64::from(u16::from_be_bytes([a, b])), 0x100, rest),
            [0x1a, a, b, c, d, ref rest @ ..] => {
                (u64::from(u32::from_be_bytes([a, b, c, d])), 0x1_0000, rest)
            }
            _ => return None,
        };
        if value < least {
            return None;
        }
        self.rest = rest;
        Some(value)
    }

    /// Reads an integer of zero or more below 256; otherwise nothing.
    #[inline]
    pub(crate) fn short_unsigned(&mut self) -> Option<u64> {
        let (value, rest) = match *self.rest {
            [first @ 0..=0x17, ref rest @ ..] => (first, rest),
            [0x18, value, ref rest @ ..] => (value, rest),
            _ => return None,
        };
        self.rest = rest;
        Some(value.into())
    }

    /// Reads a binary64 in eight bytes; otherwise nothing.
    #[inline]
    pub(crate) fn double(&mut self) -> Option<f64> {
        let [0xfb, rest @ ..] = self.rest else {
            return None;
        };
        let (bytes, rest) = rest.split_first_chunk()?;
        self.rest = rest;
        Some(f64::from_be_bytes(*bytes))
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
    pub(crate) fn text<T: Text<'a>>(&mut self, length: u64) -> Result<T, CborError> {
        T::of(self.bytes(length)?).ok_or(CborError::Utf8)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }
}

/// What a reader makes of the bytes of a text: UTF-8; or bytes, where all that was read is looked at later, at once.
pub(crate) trait Text<'a>: Copy {
    fn of(bytes: &'a [u8]) -> Option<Self>;
    fn as_bytes(self) -> &'a [u8];
}

impl<'a> Text<'a> for &'a str {
    #[inline(always)]
    fn of(bytes: &'a [u8]) -> Option<Self> {
        str::from_utf8(bytes).ok()
    }

    #[inline(always)]
    fn as_bytes(self) -> &'a [u8] {
        self.as_bytes()
    }
}

impl<'a> Text<'a> for &'a [u8] {
    #[inline(always)]
    fn of(bytes: &'a [u8]) -> Option<Self> {
        Some(bytes)
    }

    #[inline(always)]
    fn as_bytes(self) -> &'a [u8] {
        self
    }
}

/// Whether two of one length are equal, without a call for names as short as most are.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<4>(), a.last_chunk::<4>()) {
        (Some(first), Some(last)) if a.len() <= 8 => {
            b.first_chunk() == Some(first) && b.last_chunk() == Some(last)
        }
        _ => a == b,
    }
}

/// The end of an indefinite item, which is nothing of ours.
pub(crate) const BREAK: u8 = 0xff;
/// The first of the bytes that start a text and say its length.
const SHORT_TEXT: u8 = 0x60;
/// A simple value in two bytes.
const SIMPLE_IN_TWO: u8 = 0xf8;

/// Writes a head in its shortest form.
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

/// The same, quicker for what is mostly below 256.
#[inline(always)]
pub(crate) fn write_short_head(out: &mut Vec<u8>, major: Major, argument: u64) {
    match u8::try_from(argument) {
        Ok(argument @ 0..=23) => out.push((major as u8) << 5 | argument),
        Ok(argument) => out.extend_from_slice(&[(major as u8) << 5 | 24, argument]),
        _ => write_head(out, major, argument),
    }
}

/// Writes up to three integers; where they are below 2^32, as times are, at once: each that is written by itself waits
/// for the one before.
#[inline(always)]
pub(crate) fn write_integers<const N: usize>(out: &mut Vec<u8>, integers: [u64; N]) {
    const { assert!(N <= 3) };
    let (mut whole, mut length) = (0_u128, 0_u32);
    for argument in integers {
        let Ok(argument) = u32::try_from(argument) else {
            return integers.into_iter().for_each(|one| write_head(out, Major::Unsigned, one));
        };
        let (head, bytes) = small_integer(argument);
        // Five bytes each, so fifteen at most.
        whole |= u128::from(head) << length.saturating_mul(8);
        length = length.saturating_add(bytes);
    }
    let end = out.len().saturating_add(length as usize);
    out.extend_from_slice(&whole.to_le_bytes());
    out.truncate(end);
}

/// The bytes of an integer, the first lowest, and how many they are.
#[inline(always)]
const fn small_integer(argument: u32) -> (u64, u32) {
    let [a, b, c, d] = argument.to_be_bytes();
    match argument {
        0..=23 => (argument as u64, 1),
        24..=0xff => (u64::from_le_bytes([24, d, 0, 0, 0, 0, 0, 0]), 2),
        0x100..=0xffff => (u64::from_le_bytes([25, c, d, 0, 0, 0, 0, 0]), 3),
        _ => (u64::from_le_bytes([26, a, b, c, d, 0, 0, 0]), 5),
    }
}

/// Bytes that [`write_head`] writes: 1, 2, 3, 5 or 9.
#[cfg(any(feature = "server", test))]
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
mod tests;
