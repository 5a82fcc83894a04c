//! A token in pieces, for states that do not fit one cookie.
//!
//! ```text
//!   NAME.0 = set(4) 0 count piece     set: the token's last four characters, in every piece of it
//!   NAME.1 = set(4) 1 count piece     index and count: one digit each
//! ```
//!
//! The set keeps pieces of two tokens apart, and is no protection: the joined token is verified as any other.

use super::TooLarge;

/// Pieces of a token.
pub(super) const MOST: usize = 4;
/// Bytes of all names and values.
const LONGEST: usize = 7_168;
/// Bytes of `set`, index and count.
const HEAD: usize = 6;
const SET: usize = 4;

/// The name of a piece.
pub(super) fn name(name: &str, index: usize) -> String {
    format!("{name}.{index}")
}

/// Cuts a token into the fewest pieces, none of which is longer than `longest` with its name.
pub(super) fn split(token: &str, name: &str, longest: usize) -> Result<Vec<String>, TooLarge> {
    // `.`, a digit, and the head.
    let overhead = name.len().saturating_add(2).saturating_add(HEAD);
    let room = longest.saturating_sub(overhead).max(1);
    let count = token.len().div_ceil(room);
    let length = token.len().saturating_add(count.saturating_mul(overhead));
    let most = LONGEST.min(longest.saturating_mul(MOST));
    if count > MOST || length > most {
        return Err(TooLarge { length, most });
    }
    let set = token.get(token.len().saturating_sub(SET)..).unwrap_or_default();
    let pieces = token.as_bytes().chunks(room).enumerate().map(|(index, piece)| {
        // A token is ASCII: every cut is between characters.
        format!("{set}{index}{count}{}", String::from_utf8_lossy(piece))
    });
    Ok(pieces.collect())
}

/// The token of one complete set of pieces, in order; `None` for anything else.
pub(super) fn join(pieces: &[Option<&[u8]>; MOST]) -> Option<String> {
    let (set, _) = pieces.first()?.as_ref()?.split_at_checked(SET)?;
    let present = pieces.iter().flatten().count();
    let mut token = Vec::new();
    for (index, piece) in pieces.iter().take(present).enumerate() {
        let (head, piece) = piece.as_ref()?.split_at_checked(HEAD)?;
        let (this_set, digits) = head.split_at_checked(SET)?;
        if this_set != set || digits != [digit(index)?, digit(present)?] || piece.is_empty() {
            return None;
        }
        token.extend_from_slice(piece);
    }
    (token.ends_with(set) && token.len() <= LONGEST).then(|| String::from_utf8(token).ok())?
}

fn digit(number: usize) -> Option<u8> {
    u8::try_from(number).ok()?.checked_add(b'0')
}
