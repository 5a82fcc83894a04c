//! What a carrier found in a request.

use std::borrow::Cow;

/// What one carrier found.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// Nothing: the next carrier is asked.
    Nothing,
    /// A text that may be a token. What other carriers hold is not looked at.
    Text(Text<'a>),
    /// Something that is no one's session.
    Unread(Unread),
}

/// Why what a request carries is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Values that differ: one of them may be an attacker's, and nobody can tell which.
    Ambiguous,
    /// Pieces that are not one complete set, in order.
    BrokenSet,
}

impl Found<'_> {
    /// The same, of what this one holds.
    pub(super) fn by_ref(&self) -> Found<'_> {
        match self {
            Self::Nothing => Found::Nothing,
            Self::Text(Text(text)) => Found::Text(Text(Cow::Borrowed(text))),
            Self::Unread(why) => Found::Unread(*why),
        }
    }
}

/// The text of a token, without a copy where it is part of a header.
pub(crate) struct Text<'a>(pub(super) Cow<'a, [u8]>);

impl Text<'_> {
    /// The text; empty where it is no UTF-8, which no token is.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whoever has the text is in the session: it is not shown.
impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.as_str().len())
    }
}

/// The one value among several, which may repeat it and not differ.
pub(super) fn one<V: PartialEq>(values: impl Iterator<Item = V>) -> Result<Option<V>, Unread> {
    let mut one: Option<V> = None;
    for value in values {
        match &one {
            Some(known) if *known != value => return Err(Unread::Ambiguous),
            Some(_) => {}
            None => one = Some(value),
        }
    }
    Ok(one)
}

/// `Found` of the one value that is there.
impl<'a> From<Result<Option<Text<'a>>, Unread>> for Found<'a> {
    fn from(found: Result<Option<Text<'a>>, Unread>) -> Self {
        match found {
            Ok(Some(text)) => Self::Text(text),
            Ok(None) => Self::Nothing,
            Err(why) => Self::Unread(why),
        }
    }
}
