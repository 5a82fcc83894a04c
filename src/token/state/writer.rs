//! Writing state: shortest forms, definite lengths, and the rules that an issuer shares with a
//! decoder. Typed values and JSON text come through here alike.

use super::MAX_DEPTH;
use super::error::{StateError, StateErrorKind};
use super::names::repeated;
use crate::token::cbor::{Major, write_head};

/// Appends one state to a buffer.
pub(super) struct Writer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    /// Where in `out` the names of all open maps are, the innermost map's last.
    names: Vec<(usize, usize)>,
    depth: usize,
    /// Set once anything failed, so that a `Serialize` that swallows an error of its parts does
    /// not leave half a value behind unnoticed.
    failed: bool,
}

/// A container that is being written.
pub(super) struct Open {
    major: Major,
    /// Where in `out` its head is, and where its items start.
    head: usize,
    items: usize,
    /// The count its head was written with.
    hint: u64,
    /// How many names were open before it.
    outer: usize,
}

/// Writes one state with `write`, and takes it back where that fails.
pub(super) fn written(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let start = out.len();
    let mut writer = Writer { out, names: Vec::new(), depth: 0, failed: false };
    let result = match write(&mut writer) {
        Ok(()) if writer.failed => Err(StateErrorKind::Application.into()),
        result => result,
    };
    if result.is_err() {
        out.truncate(start);
    }
    result
}

impl Writer<'_> {
    pub(super) fn null(&mut self) {
        write_head(self.out, Major::Simple, 22);
    }

    pub(super) fn bool(&mut self, value: bool) {
        write_head(self.out, Major::Simple, if value { 21 } else { 20 });
    }

    pub(super) fn unsigned(&mut self, value: u64) {
        write_head(self.out, Major::Unsigned, value);
    }

    pub(super) fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            // -1 - n is !n in two's complement; it is not negative here, so the cast keeps it.
            Err(_) => write_head(self.out, Major::Negative, !value as u64),
        }
    }

    /// Writes the shortest float that keeps the value, the sign of a zero included.
    pub(super) fn float(&mut self, value: f64) -> Result<(), StateError> {
        if !value.is_finite() {
            return Err(self.fail(StateErrorKind::NotFinite));
        }
        let single = value as f32;
        if f64::from(single) != value {
            self.out.push(0xfb);
            self.out.extend_from_slice(&value.to_be_bytes());
            return Ok(());
        }
        let half = half::f16::from_f32(single);
        if half.to_f32() == single {
            self.out.push(0xf9);
            self.out.extend_from_slice(&half.to_be_bytes());
        } else {
            self.out.push(0xfa);
            self.out.extend_from_slice(&single.to_be_bytes());
        }
        Ok(())
    }

    pub(super) fn text(&mut self, text: &str) {
        write_head(self.out, Major::Text, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        write_head(self.out, Major::Bytes, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Starts an array or a map; `hint` is the count it will probably have.
    pub(super) fn open(&mut self, major: Major, hint: Option<usize>) -> Result<Open, StateError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(StateErrorKind::TooDeep));
        }
        self.depth = self.depth.saturating_add(1);
        let hint = hint.unwrap_or(0) as u64;
        let head = self.out.len();
        write_head(self.out, major, hint);
        Ok(Open { major, head, items: self.out.len(), hint, outer: self.names.len() })
    }

    /// Writes a key of the innermost map.
    pub(super) fn name(&mut self, name: &str) {
        self.text(name);
        let end = self.out.len();
        self.names.push((end.saturating_sub(name.len()), end));
    }

    /// The key at `index` in an open map, for the path of an error in its value.
    pub(super) fn name_at(&self, map: &Open, index: u64) -> &str {
        let index = usize::try_from(index).ok().and_then(|index| index.checked_add(map.outer));
        let place = index.and_then(|index| self.names.get(index));
        let name = place.and_then(|&(start, end)| self.out.get(start..end));
        name.and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// Ends a container after `count` items or pairs.
    pub(super) fn close(&mut self, open: Open, count: u64) -> Result<(), StateError> {
        let out = &*self.out;
        let text = |(start, end)| out.get(start..end).unwrap_or_default();
        let twin = self.names.get_mut(open.outer..).and_then(|names| repeated(names, text));
        if let Some(twin) = twin {
            let twin = String::from_utf8_lossy(twin).into_owned();
            return Err(self.fail(StateErrorKind::DuplicateKey).under_key(&twin));
        }
        self.names.truncate(open.outer);
        self.depth = self.depth.saturating_sub(1);
        if count != open.hint {
            let mut head = Vec::new();
            write_head(&mut head, open.major, count);
            self.out.splice(open.head..open.items, head);
        }
        Ok(())
    }

    /// Takes back a container that turned out not to be one, and all that is in it.
    pub(super) fn undo(&mut self, open: Open) {
        self.out.truncate(open.head);
        self.names.truncate(open.outer);
        self.depth = self.depth.saturating_sub(1);
    }

    /// An error after which this writer gives no state any more.
    #[cold]
    pub(super) fn fail(&mut self, kind: StateErrorKind) -> StateError {
        self.failed = true;
        kind.into()
    }

    /// Marks an error that somebody else made.
    #[cold]
    pub(super) fn failing(&mut self, error: StateError) -> StateError {
        self.failed = true;
        error
    }
}
