//! What a browser keeps of the sessions that are over in it, so that an answer which was under way then brings none of
//! them back: two cookies beside the session's own.
//!
//! ```text
//!   NAME.ended    ID.ID…           ended by the application: a logout
//!   NAME.left     OLD.NEW.OLD…     gave way to another: somebody else's, or one with other rights
//! ```
//!
//! An answer overwrites what an earlier one has put into a cookie, hence two: a slow answer that says which session gave
//! way to the one it brings does not hide that it had been ended, and what comes after an ended session is over, too.

use std::iter::successors;

use crate::session::SessionId;

/// The marks that a request came with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks<'a> {
    ended: &'a str,
    left: &'a str,
}

impl<'a> Marks<'a> {
    pub(super) fn new(ended: &'a [u8], left: &'a [u8]) -> Self {
        let text = |mark| std::str::from_utf8(mark).unwrap_or_default();
        Self { ended: text(ended), left: text(left) }
    }

    /// Whether a session is over in this browser: ended, left for another, or made of one that had been ended.
    pub(crate) fn are_of(&self, id: SessionId) -> bool {
        if self.ended.is_empty() && self.left.is_empty() {
            return false;
        }
        let id = id.to_string();
        self.left().any(|(old, _)| old == id) || self.line(&id).any(|id| self.has_ended(id))
    }

    /// The mark of ended sessions with more of them, and with what they were made of: the last ones that it has room for.
    pub(super) fn ending(&self, ids: &[String]) -> String {
        let before = ids.iter().flat_map(|id| self.line(id).skip(1));
        let mut all: Vec<&str> = Vec::new();
        for id in ids.iter().map(String::as_str).chain(before).chain(self.ended()) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        all.truncate(MOST);
        all.join(".")
    }

    /// The mark of sessions that were left with one more, and the one that it gave way to.
    pub(super) fn leaving(&self, old: &str, new: &str) -> String {
        let earlier = self.left().filter(|(_, known)| *known != new);
        let pairs = [(old, new)].into_iter().chain(earlier).take(MOST);
        let pairs: Vec<String> = pairs.map(|(old, new)| format!("{old}.{new}")).collect();
        pairs.join(".")
    }

    fn has_ended(&self, id: &str) -> bool {
        self.ended().any(|ended| ended == id)
    }

    fn ended(&self) -> impl Iterator<Item = &'a str> {
        self.ended.split('.').filter(|id| is_id(id))
    }

    fn left(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut ids = self.left.split('.');
        let pairs = std::iter::from_fn(move || Some((ids.next()?, ids.next()?)));
        pairs.filter(|(old, new)| is_id(old) && is_id(new))
    }

    /// A session, the one that it was made of, and so on, as far as a mark of ours goes.
    fn line<'s>(&'s self, id: &'s str) -> impl Iterator<Item = &'s str> {
        let before = |id: &&'s str| self.left().find(|(_, new)| new == id).map(|(old, _)| old);
        // The pairs may be anybody's, and go round in a circle.
        successors(Some(id), before).take(MOST.saturating_add(1))
    }
}

/// A [`SessionId`] as it is shown: whatever else a mark holds is not sent on.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == ID_LEN && text.bytes().all(fits)
}

pub(super) const ENDED: &str = ".ended";
pub(super) const LEFT: &str = ".left";
/// Sessions, and pairs of them, that are kept in mind.
const MOST: usize = 4;
const ID_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> SessionId {
        SessionId([n; 12])
    }

    fn text(ids: &[u8]) -> String {
        ids.iter().map(|n| id(*n).to_string()).collect::<Vec<_>>().join(".")
    }

    fn over(ended: &[u8], left: &[u8]) -> Vec<u8> {
        let (ended, left) = (text(ended), text(left));
        let marks = Marks::new(ended.as_bytes(), left.as_bytes());
        (1..10).filter(|n| marks.are_of(id(*n))).collect()
    }

    #[test]
    fn what_was_ended_or_left_is_over_and_what_was_made_of_an_ended_one() {
        assert!(over(&[], &[]).is_empty());
        assert_eq!(over(&[1, 2], &[]), [1, 2]);
        assert_eq!(over(&[], &[1, 2]), [1]);
        assert_eq!(over(&[1], &[1, 2]), [1, 2]);
        assert_eq!(over(&[1], &[2, 3, 1, 2]), [1, 2, 3]);
        assert_eq!(over(&[3], &[1, 2]), [1, 3]);
        // In a circle, and a half of a pair.
        assert_eq!(over(&[9], &[1, 2, 2, 1, 3]), [1, 2, 9]);
    }

    #[test]
    fn a_mark_names_what_its_session_was_made_of() {
        let left = text(&[2, 3, 1, 2]);
        let marks = Marks::new(b"", left.as_bytes());
        assert_eq!(marks.ending(&[text(&[3])]), text(&[3, 2, 1]));
        let ended = text(&[3, 5, 6, 7, 8]);
        let marks = Marks::new(ended.as_bytes(), left.as_bytes());
        assert_eq!(marks.ending(&[text(&[4]), text(&[3])]), text(&[4, 3, 2, 1]));
        assert_eq!(marks.leaving(&text(&[8]), &text(&[9])), text(&[8, 9, 2, 3, 1, 2]));
    }

    /// A browser's own text came back unread, at any length, and browsers drop a cookie that is too long.
    #[test]
    fn what_is_no_id_is_neither_believed_nor_sent_on() {
        let one = text(&[1]);
        for ended in ["x".repeat(4_200), "é".repeat(8), one.replace('B', "%"), "..".to_owned()] {
            let marks = Marks::new(ended.as_bytes(), ended.as_bytes());
            assert_eq!(marks.ending(std::slice::from_ref(&one)), one, "{ended}");
            assert_eq!(marks.leaving(&one, &text(&[2])), text(&[1, 2]), "{ended}");
        }
        let many = text(&[1; 200]);
        assert_eq!(Marks::new(many.as_bytes(), b"").ending(&[text(&[2])]), text(&[2, 1]));
        assert_eq!(Marks::new(&[0xff], &[0xff]).ending(&[]), "");
    }
}
