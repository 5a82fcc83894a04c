//! State as JSON text, for whoever asks over HTTP or looks at a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{StateError, StateErrorKind};
use super::item::Item;
use super::walk::{Listener, Unheard, walk, walk_item};
use crate::token::cbor::Cursor;

/// Checks `cbor` strictly and appends it to `out` as JSON without white space, in one pass. Says whether a byte
/// string was in it, which would come back as text.
///
/// Integers are written without a fraction and floats with one (or an exponent), byte strings as
/// base64url text without padding.
///
/// # Errors
///
/// As for [`check`](super::check()); `out` is then as it was.
pub(crate) fn to_json(cbor: &[u8], out: &mut Vec<u8>) -> Result<bool, StateError> {
    let start = out.len();
    if let Ok(had_bytes) = show(out, |writer| walk(cbor, writer))
        && str::from_utf8(out.get(start..).unwrap_or_default()).is_ok()
    {
        return Ok(had_bytes);
    }
    out.truncate(start);
    // What is wrong first.
    walk(cbor, &mut Unheard)?;
    Err(StateErrorKind::NotUtf8.into())
}

/// The next item as JSON text, where `depth` containers are around it.
pub(super) fn item_to_json(cursor: &mut Cursor<'_>, depth: usize) -> Result<String, StateError> {
    let (mut again, mut out) = (cursor.clone(), Vec::new());
    if show(&mut out, |writer| walk_item(cursor, writer, depth)).is_ok()
        && let Ok(json) = String::from_utf8(out)
    {
        return Ok(json);
    }
    walk_item(&mut again, &mut Unheard, depth)?;
    Err(StateErrorKind::NotUtf8.into())
}

/// Appends the one item that is walked. Says whether a byte string was in it.
fn show(
    out: &mut Vec<u8>,
    walk: impl FnOnce(&mut Writer<'_>) -> Result<(), StateError>,
) -> Result<bool, StateError> {
    let mut writer = Writer { out, had_bytes: false };
    walk(&mut writer)?;
    let had_bytes = writer.had_bytes;
    // The comma behind the item.
    out.pop();
    Ok(had_bytes)
}

/// Writes a comma behind each item, that is to say with it, and takes the last one of a container back. Whether texts are
/// UTF-8 is asked of all that was written, once: what is between them is ASCII.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    had_bytes: bool,
}

impl Writer<'_> {
    /// What is written is a scalar with a finite value and `out` is memory: it cannot fail.
    fn scalar(&mut self, value: &(impl serde::Serialize + ?Sized), then: u8) {
        let _ = serde_json::to_writer(&mut *self.out, value);
        self.out.push(then);
    }

    /// Most counts have one digit.
    #[inline(always)]
    fn unsigned(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(digit @ 0..10) => self.out.extend_from_slice(&[b'0' | digit, b',']),
            _ => self.scalar(&value, b','),
        }
    }

    /// Most numbers with a fraction are prices.
    #[inline(always)]
    fn float(&mut self, value: f64) {
        let Some(hundredths) = hundredths(value) else {
            return self.scalar(&value, b',');
        };
        let (whole, rest) = (hundredths / 100, (hundredths % 100) as u8);
        self.out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
        let tenth = b'0' | (rest / 10);
        match rest % 10 {
            0 => self.out.extend_from_slice(&[b'.', tenth, b',']),
            last => self.out.extend_from_slice(&[b'.', tenth, b'0' | last, b',']),
        }
    }

    /// Most text has nothing to escape, and is then copied whole; a short one, as most names are, with all that is
    /// around it at once. Every byte that is pushed by itself waits for the one before.
    #[inline(always)]
    fn text(&mut self, text: &[u8], then: u8) {
        // What is no UTF-8 is copied as it is, and found at the end.
        if has_escapes(text)
            && let Ok(text) = str::from_utf8(text)
        {
            return self.scalar(text, then);
        }
        let length = text.len();
        if let Some(sixteen) = sixteen(text) {
            let start = self.out.len();
            self.out.extend_from_slice(&[b'"'; SHORT.saturating_add(4)]);
            if let Some([_, room @ ..]) = self.out.get_mut(start..)
                && let Some(place) = room.first_chunk_mut::<SHORT>()
            {
                *place = sixteen;
                if let Some([quote, after]) = room.get_mut(length..length.saturating_add(2)) {
                    (*quote, *after) = (b'"', then);
                }
            }
            self.out.truncate(start.saturating_add(length).saturating_add(3));
            return;
        }
        self.out.reserve(length.saturating_add(3));
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.extend_from_slice(&[b'"', then]);
    }
}

/// A hundred times the value, where that is a whole number, and the value so written out is one that no shorter decimal
/// says: below 10^15 each whole number of hundredths is an f64 of its own.
#[inline(always)]
fn hundredths(value: f64) -> Option<u64> {
    if !(0.01..1e13).contains(&value) {
        return None;
    }
    // Signed: processors turn floats into no other integers at once.
    let hundredths = (value * 100.0 + 0.5) as i64;
    (hundredths as f64 / 100.0 == value).then_some(hundredths.unsigned_abs())
}

/// Bytes of a text that is written with what is around it.
const SHORT: usize = 16;

/// A short text, and whatever behind it.
#[inline(always)]
fn sixteen(text: &[u8]) -> Option<[u8; SHORT]> {
    let behind = |whole: usize| {
        u32::try_from(text.len().saturating_sub(whole)).unwrap_or(0).saturating_mul(8)
    };
    let two = |first: u64, last: u64, whole: usize| {
        (u128::from(first) | u128::from(last) << behind(whole)).to_le_bytes()
    };
    match text.len() {
        17.. => None,
        8.. => {
            let (first, last) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
            Some(two(u64::from_le_bytes(*first), u64::from_le_bytes(*last), 8))
        }
        4.. => {
            let (first, last) = (text.first_chunk::<4>()?, text.last_chunk::<4>()?);
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            Some(two(first.into(), last.into(), 4))
        }
        _ => {
            let at = |index| text.get(index).copied().unwrap_or(0);
            let mut sixteen = [0; SHORT];
            [sixteen[0], sixteen[1], sixteen[2]] = [at(0), at(1), at(2)];
            Some(sixteen)
        }
    }
}

impl Listener for Writer<'_> {
    type Text<'a> = &'a [u8];

    // Always: an item that the walk passes in memory costs more than writing it.
    #[inline(always)]
    fn item<'a>(&mut self, item: Item<'a, &'a [u8]>) {
        match item {
            Item::Null => self.out.extend_from_slice(b"null,"),
            Item::Bool(true) => self.out.extend_from_slice(b"true,"),
            Item::Bool(false) => self.out.extend_from_slice(b"false,"),
            Item::Unsigned(value) => self.unsigned(value),
            Item::Negative(value) => self.scalar(&value, b','),
            Item::Float(value) => self.float(value),
            Item::Text(text) => self.text(text, b','),
            // The alphabet has nothing that JSON would escape.
            Item::Bytes(bytes) => {
                self.had_bytes = true;
                self.out.push(b'"');
                self.out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
                self.out.extend_from_slice(b"\",");
            }
            Item::Array(_) => self.out.push(b'['),
            Item::Map(_) => self.out.push(b'{'),
        }
    }

    #[inline(always)]
    fn key(&mut self, key: &[u8]) {
        self.text(key, b':');
    }

    fn end<'a>(&mut self, start: Item<'a, &'a [u8]>) {
        let (Item::Array(count) | Item::Map(count)) = start else { return };
        if count > 0 {
            self.out.pop();
        }
        self.out.extend_from_slice(if matches!(start, Item::Array(_)) { b"]," } else { b"}," });
    }
}

/// Whether a byte is among them that JSON escapes in text: a control character, `"` or `\`.
///
/// Eight at a time and without a branch a byte: the number of branches is what this costs.
#[inline(always)]
fn has_escapes(text: &[u8]) -> bool {
    let found = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(_), Some(last)) => {
            let (eights, _) = text.as_chunks::<8>();
            let last = escaped(u64::from_le_bytes(*last));
            eights.iter().fold(last, |found, eight| found | escaped(u64::from_le_bytes(*eight)))
        }
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(&[a, b, c, d]), Some(&[e, f, g, h])) => {
                escaped(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => {
                let at = |index| text.get(index).copied().unwrap_or(b' ');
                let [a, b, c] = [at(0), at(1), at(2)];
                escaped(u64::from_le_bytes([a, b, c, b' ', b' ', b' ', b' ', b' ']))
            }
        },
    };
    found != 0
}

/// Not zero where one of eight bytes is escaped. The arithmetic of each byte stays in its lower seven bits, so none
/// borrows of its neighbour; bytes beyond ASCII are told by their top bit, and never escaped.
#[inline(always)]
const fn escaped(eight: u64) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    const TOP: u64 = !LOW;
    let seven = eight & LOW;
    // The top bit of each byte is 0 where its lower seven are below 0x20, or are 0.
    let not_control = seven.wrapping_add(u64::from_le_bytes([0x80 - 0x20; 8]));
    let not_quote = (seven ^ u64::from_le_bytes([b'"'; 8])).wrapping_add(LOW);
    let not_backslash = (seven ^ u64::from_le_bytes([b'\\'; 8])).wrapping_add(LOW);
    !(not_control & not_quote & not_backslash | eight) & TOP
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_byte_is_escaped_where_serde_json_escapes_it() {
        // An interpreter takes ten minutes for all lengths.
        let step = if cfg!(miri) { 6 } else { 1 };
        for byte in 0..=u8::MAX {
            for length in (1..20).step_by(step) {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let escaped = matches!(byte, 0..0x20 | b'"' | b'\\');
                    assert_eq!(has_escapes(&text), escaped, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }

    /// One item, and what `serde_json` makes of the same.
    fn written<T>(value: T, item: impl Fn(T) -> Item<'static, &'static [u8]>) -> (String, String)
    where
        T: serde::Serialize + Copy,
    {
        let mut out = Vec::new();
        Writer { out: &mut out, had_bytes: false }.item(item(value));
        (String::from_utf8(out).unwrap(), serde_json::to_string(&value).unwrap() + ",")
    }

    #[test]
    fn prices_are_known_by_their_hundredths_and_other_numbers_are_not() {
        let all = (1..200_000).chain(999_999_999_990_000..1_000_000_000_000_000);
        let step = if cfg!(miri) { 1_000 } else { 1 };
        for price in all.step_by(step) {
            assert_eq!(hundredths(price as f64 / 100.0), Some(price));
        }
        for other in [0.0, -1.0, 0.005, 1.005, 0.1 + 0.2, 1e13, f64::NAN, f64::INFINITY] {
            assert_eq!(hundredths(other), None, "{other}");
        }
    }

    #[test]
    fn numbers_at_the_ends_of_what_is_written_quickly_are_written_as_serde_json_writes_them() {
        for value in [
            0.0,
            -0.0,
            -1.5,
            5e-324,
            0.001,
            0.005,
            0.009_999,
            0.01,
            0.010_000_000_000_000_002,
            0.1,
            0.29,
            0.5,
            0.99,
            1.0,
            1.005,
            1.1,
            4.35,
            87.0,
            100.0,
            1e12,
            9_999_999_999_999.98,
            9_999_999_999_999.99,
            9_999_999_999_999.998,
            1e13,
            1e15,
            1e16,
            1e17,
            1e300,
            f64::MAX,
            0.1 + 0.2,
        ] {
            let (ours, theirs) = written(value, Item::Float);
            assert_eq!(ours, theirs);
        }
        for value in [0, 9, 10, 99, 255, 256, u64::MAX] {
            let (ours, theirs) = written(value, Item::Unsigned);
            assert_eq!(ours, theirs);
        }
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_serde_json_writes_them(
            float in prop_oneof![
                any::<f64>().prop_filter("finite", |float| float.is_finite()),
                (0..2_000_000_000_000_000_u64, 0..5_i32).prop_map(|(whole, places)| whole as f64 / 10_f64.powi(places)),
                (0..200_000_u64, 0..5_i32).prop_map(|(whole, places)| whole as f64 / 10_f64.powi(places)),
                // A neighbour of a price.
                (1..2_000_000_000_u64, -2..3_i64).prop_map(|(whole, steps)| {
                    f64::from_bits((whole as f64 / 100.0).to_bits().wrapping_add_signed(steps))
                }),
            ],
            whole in prop_oneof![any::<u64>(), 0..300_u64],
        ) {
            let (ours, theirs) = written(float, Item::Float);
            prop_assert_eq!(ours, theirs);
            let (ours, theirs) = written(whole, Item::Unsigned);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn text_is_written_as_serde_json_writes_it(text in "[ -~\\x00-\\x20\"\\\\é漢😀]{0,40}") {
            let mut out = Vec::new();
            Writer { out: &mut out, had_bytes: false }.text(text.as_bytes(), b':');
            let mut wanted = serde_json::to_vec(&text).unwrap();
            wanted.push(b':');
            prop_assert_eq!(out, wanted);
        }
    }
}
