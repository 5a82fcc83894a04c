//! Some of the fields of a state, for those who may know no more of it.

use super::check::check;
use super::error::{StateError, StateErrorKind};
use super::item::{self, Item};
use crate::token::cbor::{Cursor, Major, write_head};

/// Appends the fields of the top-level map whose names are wanted: in their order, and each with its bytes.
///
/// Null, which is no state at all, has none and stays null.
///
/// # Errors
///
/// The first rule that the state breaks anywhere, and where; or that it is no map.
pub(crate) fn pick(
    cbor: &[u8],
    is_wanted: impl Fn(&str) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), StateError> {
    // First, so that what is stepped over and copied below obeys the rules.
    check(cbor)?;
    let mut cursor = Cursor::new(cbor);
    let count = match item::read::<&str>(&mut cursor)? {
        Item::Map(count) => count,
        Item::Null => {
            out.extend_from_slice(cbor);
            return Ok(());
        }
        _ => return Err(StateError::with_message(StateErrorKind::Mismatch, NO_MAP)),
    };
    let mut fields = Vec::new();
    let mut picked: u64 = 0;
    for _ in 0..count {
        let before = cursor.rest();
        let name = item::read_key(&mut cursor)?;
        item::skip(&mut cursor)?;
        if is_wanted(name) {
            let length = before.len().saturating_sub(cursor.rest().len());
            fields.extend_from_slice(before.get(..length).unwrap_or_default());
            picked = picked.saturating_add(1);
        }
    }
    write_head(out, Major::Map, picked);
    out.append(&mut fields);
    Ok(())
}

const NO_MAP: &str = "expected a map to take fields of, found another type";
