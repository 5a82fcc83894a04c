//! State as JSON text, for whoever asks over HTTP or looks at a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{StateError, StateErrorKind};
use super::item::Item;
use super::walk::{Listener, walk, walk_item};
use crate::token::cbor::Cursor;

/// Checks `cbor` strictly and appends it to `out` as JSON without white space, in one pass.
///
/// Integers are written without a fraction and floats with one (or an exponent), byte strings as
/// base64url text without padding.
///
/// # Errors
///
/// As for [`check`](super::check()); `out` is then as it was.
pub(crate) fn to_json(cbor: &[u8], out: &mut Vec<u8>) -> Result<(), StateError> {
    let start = out.len();
    let written = walk(cbor, &mut Writer { out });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// The next item as JSON text, where `depth` containers are around it.
pub(super) fn item_to_json(cursor: &mut Cursor<'_>, depth: usize) -> Result<String, StateError> {
    let mut out = Vec::new();
    walk_item(cursor, &mut Writer { out: &mut out }, depth)?;
    String::from_utf8(out).map_err(|_| StateErrorKind::NotUtf8.into())
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    /// What is written is a scalar with a finite value and `out` is memory: it cannot fail.
    fn scalar(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        let _ = serde_json::to_writer(&mut *self.out, value);
    }
}

impl Listener for Writer<'_> {
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Null => self.out.extend_from_slice(b"null"),
            Item::Bool(value) => self.scalar(&value),
            Item::Unsigned(value) => self.scalar(&value),
            Item::Negative(value) => self.scalar(&value),
            Item::Float(value) => self.scalar(&value),
            Item::Text(text) => self.scalar(text),
            // The alphabet has nothing that JSON would escape.
            Item::Bytes(bytes) => {
                self.out.push(b'"');
                self.out.extend_from_slice(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
                self.out.push(b'"');
            }
            Item::Array(_) => self.out.push(b'['),
            Item::Map(_) => self.out.push(b'{'),
        }
    }

    fn key(&mut self, key: &str) {
        self.scalar(key);
        self.out.push(b':');
    }

    fn next(&mut self) {
        self.out.push(b',');
    }

    fn end(&mut self, start: Item<'_>) {
        self.out.push(if matches!(start, Item::Array(_)) { b']' } else { b'}' });
    }
}
