//! Questions about encoded state that need no type: is it valid, what does it weigh.

use super::error::{StateError, StateErrorKind};
use super::item;
use super::walk::{Unheard, walk};
use crate::token::cbor::Cursor;

/// Checks that `cbor` is exactly one item under all of the state's rules.
///
/// # Errors
///
/// The first rule it breaks, and where.
pub(crate) fn check(cbor: &[u8]) -> Result<(), StateError> {
    walk(cbor, &mut Unheard)
}

/// What each field of the state costs: the names in the top-level map with the encoded size of key
/// and value in bytes, heaviest first.
///
/// It is empty where the state is not a map, and stops at what cannot be read.
pub(crate) fn weights(cbor: &[u8]) -> Vec<(String, usize)> {
    let mut cursor = Cursor::new(cbor);
    let Ok(item::Item::Map(count)) = item::read::<&str>(&mut cursor) else {
        return Vec::new();
    };
    let mut weights: Vec<_> = (0..count).map_while(|_| field(&mut cursor).ok()).collect();
    weights.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    weights
}

fn field(cursor: &mut Cursor<'_>) -> Result<(String, usize), StateErrorKind> {
    let before = cursor.rest().len();
    let key: &str = item::read_key(cursor)?;
    item::skip(cursor)?;
    Ok((key.to_owned(), before.saturating_sub(cursor.rest().len())))
}
