//! Writing state: shortest forms, definite lengths, and the rules that an issuer shares with a
//! decoder. Typed values and JSON text come through here alike.

use super::MAX_DEPTH;
use super::error::{StateError, StateErrorKind};
use super::item;
use super::names::{Seen, twin};
use crate::token::cbor::{Cursor, Major, write_head, write_short_head};

/// Appends one state to a buffer.
pub(super) struct Writer<'o> {
    pub(super) out: &'o mut Vec<u8>,
    depth: usize,
    /// Set once anything failed, so that a `Serialize` that swallows an error of its parts does
    /// not leave half a value behind unnoticed.
    failed: bool,
}

/// A container that is being written.
pub(super) struct Open {
    place: Place,
    /// The count its head was written with.
    hint: u64,
    /// A map's names.
    seen: Seen,
}

/// Where a container is.
#[derive(Clone, Copy)]
struct Place {
    major: Major,
    /// Where in `out` its head is, and where its items start.
    head: usize,
    items: usize,
}

/// Writes one state with `write`, and takes it back where that fails.
pub(super) fn written(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let start = out.len();
    let mut writer = Writer { out, depth: 0, failed: false };
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
    #[inline]
    pub(super) fn null(&mut self) {
        write_short_head(self.out, Major::Simple, 22);
    }

    #[inline]
    pub(super) fn bool(&mut self, value: bool) {
        write_short_head(self.out, Major::Simple, if value { 21 } else { 20 });
    }

    #[inline]
    pub(super) fn unsigned(&mut self, value: u64) {
        write_short_head(self.out, Major::Unsigned, value);
    }

    #[inline]
    pub(super) fn signed(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            // -1 - n is !n in two's complement; it is not negative here, so the cast keeps it.
            Err(_) => write_head(self.out, Major::Negative, !value as u64),
        }
    }

    /// Writes the shortest float that keeps the value, the sign of a zero included.
    #[inline]
    pub(super) fn float(&mut self, value: f64) -> Result<(), StateError> {
        if !value.is_finite() {
            return Err(self.fail(StateErrorKind::NotFinite));
        }
        let single = value as f32;
        if f64::from(single) != value {
            let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
            self.out.extend_from_slice(&[0xfb, a, b, c, d, e, f, g, h]);
            return Ok(());
        }
        self.short_float(single);
        Ok(())
    }

    fn short_float(&mut self, single: f32) {
        let half = half::f16::from_f32(single);
        if half.to_f32() == single {
            self.out.push(0xf9);
            self.out.extend_from_slice(&half.to_be_bytes());
        } else {
            self.out.push(0xfa);
            self.out.extend_from_slice(&single.to_be_bytes());
        }
    }

    // Always: the names of a struct are constants, and are then copied without a call.
    #[inline(always)]
    pub(super) fn text(&mut self, text: &str) {
        write_short_head(self.out, Major::Text, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        write_head(self.out, Major::Bytes, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Starts an array or a map; `hint` is the count it will probably have.
    #[inline]
    pub(super) fn open(&mut self, major: Major, hint: Option<usize>) -> Result<Open, StateError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(StateErrorKind::TooDeep));
        }
        self.depth = self.depth.saturating_add(1);
        let hint = hint.unwrap_or(0) as u64;
        let head = self.out.len();
        write_short_head(self.out, major, hint);
        let place = Place { major, head, items: self.out.len() };
        Ok(Open { place, hint, seen: Seen::default() })
    }

    /// Writes a key of a map, the innermost that is open.
    #[inline(always)]
    pub(super) fn name(&mut self, map: &mut Open, name: &str) {
        map.seen.note(name.as_bytes());
        self.text(name);
    }

    /// The same for a name that is a constant: head and name are then copied as one.
    #[inline(always)]
    pub(super) fn field(&mut self, map: &mut Open, name: &'static str) {
        let mut whole = [0; 24];
        let (head, room) = whole.split_at_mut(1);
        match (head, room.get_mut(..name.len())) {
            ([head], Some(room)) => {
                map.seen.note(name.as_bytes());
                *head = (Major::Text as u8) << 5 | name.len() as u8;
                room.copy_from_slice(name.as_bytes());
            }
            _ => return self.name(map, name),
        }
        self.out.extend_from_slice(whole.get(..=name.len()).unwrap_or_default());
    }

    /// The key at `index` in an open map, for the path of an error in its value.
    #[cold]
    pub(super) fn name_at(&self, map: &Open, index: u64) -> &str {
        let mut items = self.items(map.place);
        for _ in 0..index {
            let skipped = item::skip(&mut items).and_then(|()| item::skip(&mut items));
            if skipped.is_err() {
                return "";
            }
        }
        item::read_key(&mut items).unwrap_or_default()
    }

    fn items(&self, place: Place) -> Cursor<'_> {
        Cursor::new(self.out.get(place.items..).unwrap_or_default())
    }

    /// Ends a container after `count` items or pairs.
    // Always, and nothing that it calls is told by reference what is open: that would be copied first.
    #[inline(always)]
    pub(super) fn close(&mut self, open: &Open, count: u64) -> Result<(), StateError> {
        if open.seen.is_doubtful() {
            self.no_twin(open.place, count)?;
        }
        self.depth = self.depth.saturating_sub(1);
        if count != open.hint {
            self.correct(open.place, count);
        }
        Ok(())
    }

    fn correct(&mut self, place: Place, count: u64) {
        // JSON tells no count before its items, and most counts fit the byte that is there.
        if let (Ok(count @ ..24), Some([head])) =
            (u8::try_from(count), self.out.get_mut(place.head..place.items))
        {
            *head = (place.major as u8) << 5 | count;
            return;
        }
        // Written behind all, and turned to its place: no memory besides is taken.
        let end = self.out.len();
        write_head(self.out, place.major, count);
        let length = self.out.len().saturating_sub(end);
        if let Some(whole) = self.out.get_mut(place.head..) {
            whole.rotate_right(length);
        }
        let old = place.items.saturating_sub(place.head);
        let old_at = place.head.saturating_add(length);
        self.out.drain(old_at..old_at.saturating_add(old));
    }

    #[cold]
    fn no_twin(&mut self, place: Place, count: u64) -> Result<(), StateError> {
        let Some(twin) = twin(self.items(place), count).map(str::to_owned) else {
            return Ok(());
        };
        Err(self.fail(StateErrorKind::DuplicateKey).under_key(&twin))
    }

    /// Takes back a container that turned out not to be one, and all that is in it.
    pub(super) fn undo(&mut self, open: Open) {
        self.out.truncate(open.place.head);
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
