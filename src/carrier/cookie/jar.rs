//! What the `Cookie` headers of a request say of one cookie and of what belongs to it.
//!
//! Strictly by bytes. Other parsers trim Unicode's spaces, take `$Version` and quotes for something, or fold case, and
//! each of those lets a name pass a browser's check of prefixes and still be read as that name here. `cookie`, the
//! crate, trims such spaces; hence this one.

use std::borrow::Cow;

use http::HeaderValue;

use super::super::{Found, Text, Unread};
use super::chunks::{self, MOST};
use super::marks::{ENDED, LEFT, Marks};

/// The cookies of one name in a request.
#[derive(Debug, Default)]
pub(in super::super) struct Jar<'a> {
    plain: Slot<'a>,
    pieces: [Slot<'a>; MOST],
    ended: Slot<'a>,
    left: Slot<'a>,
    chunked: bool,
}

/// One name's value: of several, which one is meant nobody can tell.
#[derive(Clone, Copy, Debug, Default)]
enum Slot<'a> {
    #[default]
    Absent,
    One(&'a [u8]),
    Same(&'a [u8]),
    Differing,
}

impl<'a> Jar<'a> {
    pub(super) fn read(
        cookies: impl IntoIterator<Item = &'a HeaderValue>,
        name: &str,
        chunked: bool,
    ) -> Self {
        let mut jar = Self { chunked, ..Self::default() };
        for header in cookies {
            let mut rest = header.as_bytes();
            while !rest.is_empty() {
                let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
                let (pair, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                rest = after.get(1..).unwrap_or_default();
                jar.take(trimmed(pair), name.as_bytes());
            }
        }
        jar
    }

    fn take(&mut self, pair: &'a [u8], name: &[u8]) {
        let Some(rest) = pair.strip_prefix(name) else {
            return;
        };
        // Most cookies that begin with the name are the cookie itself.
        if let Some(value) = rest.strip_prefix(b"=") {
            return self.plain.take(trimmed(value));
        }
        for (mark, slot) in [(ENDED, &mut self.ended), (LEFT, &mut self.left)] {
            let value = rest.strip_prefix(mark.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
            if let Some(value) = value {
                return slot.take(trimmed(value));
            }
        }
        let [b'.', digit, b'=', value @ ..] = rest else {
            return;
        };
        let index = digit.checked_sub(b'0').map(usize::from);
        if let Some(piece) = index.and_then(|index| self.pieces.get_mut(index)) {
            piece.take(trimmed(value));
        }
    }

    /// The token: of the one cookie, or of one complete set of pieces.
    pub(in super::super) fn token(&self) -> Found<'a> {
        let in_pieces = self.chunked && self.pieces().next().is_some();
        match self.plain {
            Slot::Differing => Found::Unread(Unread::Ambiguous),
            Slot::Absent if in_pieces => self.joined(),
            // Both: one is a rest of another time.
            _ if in_pieces => Found::Unread(Unread::BrokenSet),
            Slot::Absent => Found::Nothing,
            Slot::One(value) | Slot::Same(value) => Found::Text(Text(Cow::Borrowed(value))),
        }
    }

    fn joined(&self) -> Found<'a> {
        let repeated = |piece: &Slot<'_>| matches!(piece, Slot::Same(..) | Slot::Differing);
        let joined = if self.pieces.iter().any(repeated) {
            None
        } else {
            chunks::join(&self.pieces.map(|piece| piece.value()))
        };
        joined.map_or(Found::Unread(Unread::BrokenSet), |token| {
            Found::Text(Text(Cow::Owned(token.into_bytes())))
        })
    }

    /// The pieces that a request has, complete or not.
    pub(super) fn pieces(&self) -> impl Iterator<Item = usize> {
        let pieces = self.pieces;
        (0..MOST).filter(move |index| !matches!(pieces.get(*index), None | Some(Slot::Absent)))
    }

    pub(super) fn has_piece(&self, index: usize) -> bool {
        self.pieces().any(|piece| piece == index)
    }

    pub(super) fn has_plain(&self) -> bool {
        !matches!(self.plain, Slot::Absent)
    }

    /// The sessions that are over in this browser. Of marks that differ none is believed.
    pub(super) fn marks(&self) -> Marks<'a> {
        let [ended, left] = [self.ended, self.left].map(|mark| mark.value().unwrap_or_default());
        Marks::new(ended, left)
    }
}

impl<'a> Slot<'a> {
    /// An empty value is none.
    fn take(&mut self, value: &'a [u8]) {
        if value.is_empty() {
            return;
        }
        *self = match *self {
            Self::Absent => Self::One(value),
            Self::One(known) | Self::Same(known) if known == value => Self::Same(value),
            _ => Self::Differing,
        };
    }

    fn value(&self) -> Option<&'a [u8]> {
        match self {
            Self::One(value) | Self::Same(value) => Some(value),
            Self::Absent | Self::Differing => None,
        }
    }
}

/// Without spaces and tabs around (RFC 6265bis, section 5.6), and without any other.
fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
