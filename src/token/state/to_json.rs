//! State as JSON text, for whoever asks over HTTP or looks at a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{StateError, StateErrorKind};
use super::item::Item;
use super::walk::{Listener, walk, walk_item};
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
    let mut writer = Writer { out, had_bytes: false };
    match walk(cbor, &mut writer) {
        Ok(()) => Ok(writer.had_bytes),
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

/// The next item as JSON text, where `depth` containers are around it.
pub(super) fn item_to_json(cursor: &mut Cursor<'_>, depth: usize) -> Result<String, StateError> {
    let mut out = Vec::new();
    walk_item(cursor, &mut Writer { out: &mut out, had_bytes: false }, depth)?;
    String::from_utf8(out).map_err(|_| StateErrorKind::NotUtf8.into())
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    had_bytes: bool,
}

impl Writer<'_> {
    /// What is written is a scalar with a finite value and `out` is memory: it cannot fail.
    fn scalar(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        let _ = serde_json::to_writer(&mut *self.out, value);
    }

    /// Most text has nothing to escape, and is then copied whole.
    #[inline(always)]
    fn text(&mut self, text: &str) {
        if has_escapes(text.as_bytes()) {
            return self.scalar(text);
        }
        self.out.reserve(text.len().saturating_add(2));
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
    }
}

impl Listener for Writer<'_> {
    // Always: an item that the walk passes in memory costs more than writing it.
    #[inline(always)]
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Null => self.out.extend_from_slice(b"null"),
            Item::Bool(true) => self.out.extend_from_slice(b"true"),
            Item::Bool(false) => self.out.extend_from_slice(b"false"),
            Item::Unsigned(value) => self.scalar(&value),
            Item::Negative(value) => self.scalar(&value),
            Item::Float(value) => self.scalar(&value),
            Item::Text(text) => self.text(text),
            // The alphabet has nothing that JSON would escape.
            Item::Bytes(bytes) => {
                self.had_bytes = true;
                self.out.push(b'"');
                self.out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
                self.out.push(b'"');
            }
            Item::Array(_) => self.out.push(b'['),
            Item::Map(_) => self.out.push(b'{'),
        }
    }

    #[inline(always)]
    fn key(&mut self, key: &str) {
        self.text(key);
        self.out.push(b':');
    }

    fn next(&mut self) {
        self.out.push(b',');
    }

    fn end(&mut self, start: Item<'_>) {
        self.out.push(if matches!(start, Item::Array(_)) { b']' } else { b'}' });
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
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    let escaped = matches!(byte, 0..0x20 | b'"' | b'\\');
                    assert_eq!(has_escapes(&text), escaped, "{byte:#x} at {place} of {length}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn text_is_written_as_serde_json_writes_it(text in "[ -~\\x00-\\x20\"\\\\é漢😀]{0,40}") {
            let mut out = Vec::new();
            Writer { out: &mut out, had_bytes: false }.text(&text);
            prop_assert_eq!(out, serde_json::to_vec(&text).unwrap());
        }
    }
}
