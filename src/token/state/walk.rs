//! The whole strict pass over state, with somebody listening.
//!
//! Checking and showing are one traversal with two listeners, so they accept exactly the same
//! bytes.

use super::MAX_DEPTH;
use super::error::{StateError, StateErrorKind};
use super::item::{self, Item};
use super::names::{Seen, twin};
use crate::token::cbor::{Cursor, Text};

/// Hears every item of a state in order. Nothing by default.
pub(super) trait Listener {
    /// Whether texts are checked one by one, or by the listener, all at once.
    type Text<'a>: Text<'a>;
    /// A scalar, or the start of a container.
    fn item<'a>(&mut self, _item: Item<'a, Self::Text<'a>>) {}
    /// The key of the value that follows.
    fn key<'a>(&mut self, _key: Self::Text<'a>) {}
    /// The end of the container that this item started.
    fn end<'a>(&mut self, _start: Item<'a, Self::Text<'a>>) {}
}

/// Who only wants to know whether all is well.
pub(super) struct Unheard;

impl Listener for Unheard {
    type Text<'a> = &'a str;
}

/// Walks exactly one item, which must be all there is.
pub(super) fn walk(cbor: &[u8], listener: &mut impl Listener) -> Result<(), StateError> {
    let mut cursor = Cursor::new(cbor);
    walk_item(&mut cursor, listener, 0)?;
    if cursor.rest().is_empty() { Ok(()) } else { Err(StateErrorKind::Trailing.into()) }
}

/// Walks the next item, which has `depth` containers around it.
pub(super) fn walk_item(
    cursor: &mut Cursor<'_>,
    listener: &mut impl Listener,
    depth: usize,
) -> Result<(), StateError> {
    Walk { cursor, listener }.value(depth)
}

struct Walk<'w, 'a, L> {
    cursor: &'w mut Cursor<'a>,
    listener: &'w mut L,
}

impl<'a, L: Listener> Walk<'_, 'a, L> {
    // Always: most items are scalars, and a call for each of them costs as much as they do.
    #[inline(always)]
    fn value(&mut self, depth: usize) -> Result<(), StateError> {
        let item: Item<'a, L::Text<'a>> = item::read(self.cursor)?;
        if matches!(item, Item::Array(_) | Item::Map(_)) {
            return self.container(item, depth);
        }
        self.listener.item(item);
        Ok(())
    }

    fn container(&mut self, start: Item<'a, L::Text<'a>>, depth: usize) -> Result<(), StateError> {
        if depth >= MAX_DEPTH {
            return Err(StateErrorKind::TooDeep.into());
        }
        self.listener.item(start);
        match start {
            Item::Array(count) => self.array(count, depth.saturating_add(1))?,
            Item::Map(count) => self.map(count, depth.saturating_add(1))?,
            _ => {}
        }
        self.listener.end(start);
        Ok(())
    }

    fn array(&mut self, count: u64, depth: usize) -> Result<(), StateError> {
        for index in 0..count {
            self.value(depth).map_err(|error| error.under_index(index))?;
        }
        Ok(())
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<(), StateError> {
        let (map, mut seen) = (self.cursor.clone(), Seen::default());
        for _ in 0..count {
            let key: L::Text<'a> = item::read_key(self.cursor)?;
            seen.note(key.as_bytes());
            self.listener.key(key);
            self.value(depth).map_err(|error| {
                error.under_key(str::from_utf8(key.as_bytes()).unwrap_or_default())
            })?;
        }
        if seen.is_doubtful()
            && let Some(twin) = twin(map, count)
        {
            return Err(StateError::new(StateErrorKind::DuplicateKey).under_key(twin));
        }
        Ok(())
    }
}
