//! One item of state, read strictly. Every reader of state goes through here, so none of them can
//! be laxer than another.

use super::error::StateErrorKind;
use crate::token::cbor::{BREAK, CborError, Cursor, Head, Major, Text};

/// A scalar, or the start of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'a, T = &'a str> {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Negative(i64),
    /// Finite.
    Float(f64),
    Text(T),
    Bytes(&'a [u8]),
    /// Items that follow; never more than the bytes left could hold.
    Array(u64),
    /// Pairs of key and value that follow; never more than the bytes left could hold.
    Map(u64),
}

/// Reads a scalar or the head of a container.
// Always, and with long heads apart: together a quarter of the time of `check`.
#[inline(always)]
pub(super) fn read<'a, T: Text<'a>>(
    cursor: &mut Cursor<'a>,
) -> Result<Item<'a, T>, StateErrorKind> {
    // Not `head`, which came back through memory here: a seventh of the time of issuing a jwt went to that.
    let (first, argument) = cursor.first_and_argument();
    Ok(match Major::of(first) {
        Major::Unsigned => Item::Unsigned(argument),
        // -1 - n is !n in two's complement.
        Major::Negative => Item::Negative(
            i64::try_from(argument).map(|n| !n).map_err(|_| StateErrorKind::IntegerRange)?,
        ),
        Major::Bytes => Item::Bytes(cursor.bytes(argument)?),
        Major::Text => Item::Text(cursor.text(argument)?),
        Major::Array => Item::Array(fitting(cursor, argument, 1)?),
        Major::Map => Item::Map(fitting(cursor, argument, 2)?),
        Major::Tag => return Err(StateErrorKind::Tag),
        Major::Simple => simple(first, argument)?,
    })
}

/// Reads a map key.
#[inline]
pub(super) fn read_key<'a, T: Text<'a>>(cursor: &mut Cursor<'a>) -> Result<T, StateErrorKind> {
    match cursor.short_text() {
        Some(key) => Ok(key),
        None => read_long_key(cursor),
    }
}

fn read_long_key<'a, T: Text<'a>>(cursor: &mut Cursor<'a>) -> Result<T, StateErrorKind> {
    let head = cursor.head()?;
    match head.major {
        Major::Text => Ok(cursor.text(head.argument)?),
        _ => Err(StateErrorKind::KeyNotText),
    }
}

/// Steps over one item without looking inside strings, in constant memory. It judges only what it
/// must to find the end.
pub(super) fn skip(cursor: &mut Cursor<'_>) -> Result<(), StateErrorKind> {
    let mut items: u64 = 1;
    while let Some(others) = items.checked_sub(1) {
        let Head { major, argument, .. } = cursor.head()?;
        let inside = match major {
            Major::Bytes | Major::Text => {
                cursor.bytes(argument)?;
                0
            }
            Major::Array => fitting(cursor, argument, 1)?,
            // `fitting` holds the number of pairs below half of what is left.
            Major::Map => fitting(cursor, argument, 2)?.saturating_mul(2),
            Major::Tag => return Err(StateErrorKind::Tag),
            Major::Unsigned | Major::Negative | Major::Simple => 0,
        };
        items = others.checked_add(inside).ok_or(StateErrorKind::Truncated)?;
    }
    Ok(())
}

/// What starts with this byte of major type 7, and has this argument.
fn simple<'a, T>(first: u8, argument: u64) -> Result<Item<'a, T>, StateErrorKind> {
    let float = match first {
        0xf4 => return Ok(Item::Bool(false)),
        0xf5 => return Ok(Item::Bool(true)),
        0xf6 => return Ok(Item::Null),
        // The argument holds exactly the float's bits, so these casts drop only zeros.
        0xf9 => half::f16::from_bits(argument as u16).to_f64(),
        0xfa => f64::from(f32::from_bits(argument as u32)),
        0xfb => f64::from_bits(argument),
        BREAK => return Err(CborError::of(argument).into()),
        _ => return Err(StateErrorKind::Simple),
    };
    if float.is_finite() { Ok(Item::Float(float)) } else { Err(StateErrorKind::NotFinite) }
}

/// Refuses a count that the rest of the bytes cannot hold at `least` bytes each, so that nobody
/// downstream sizes anything by it.
fn fitting(cursor: &Cursor<'_>, count: u64, least: u64) -> Result<u64, StateErrorKind> {
    match count.checked_mul(least) {
        Some(bytes) if bytes <= cursor.rest().len() as u64 => Ok(count),
        _ => Err(StateErrorKind::Truncated),
    }
}

impl From<CborError> for StateErrorKind {
    fn from(error: CborError) -> Self {
        match error {
            CborError::End => Self::Truncated,
            CborError::Reserved => Self::Malformed,
            CborError::Indefinite => Self::Indefinite,
            CborError::Utf8 => Self::NotUtf8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::cbor::hex;

    fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Item<'a>, StateErrorKind> {
        super::read(cursor)
    }

    /// Readers make room by it.
    #[test]
    fn a_count_that_the_bytes_cannot_hold_is_refused_before_any_item() {
        for (text, whole) in [
            ("82 01 02", "82 01"),
            ("a2 61 61 01 61 62 02", "a2 61 61 01"),
            ("81 01", "81"),
            ("a1 60 01", "a1 60"),
        ] {
            assert!(read(&mut Cursor::new(&hex(text))).is_ok(), "{text}");
            let cut = hex(whole);
            assert_eq!(read(&mut Cursor::new(&cut)), Err(StateErrorKind::Truncated), "{whole}");
            assert_eq!(skip(&mut Cursor::new(&cut)), Err(StateErrorKind::Truncated), "{whole}");
        }
        // 2^63 pairs are 2^64 items, which no number here counts.
        let many = hex("bb 80 00 00 00 00 00 00 00");
        assert_eq!(read(&mut Cursor::new(&many)), Err(StateErrorKind::Truncated));
    }
}
