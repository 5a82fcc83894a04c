//! Tokens kept out of what is told: one that was put in the wrong place (another member, a setting, an
//! argument) is in no problem and no error, and so in nobody's log of them.

use std::ops::Range;

/// `text` with a word in place of each thing that looks like a token.
pub(crate) fn without_tokens(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(Range { start, end }) = first_token(rest) {
        told.push_str(rest.get(..start).unwrap_or_default());
        told.push_str("[a token]");
        rest = rest.get(end..).unwrap_or_default();
    }
    told.push_str(rest);
    told
}

/// Whether somewhere in a text is what looks like a token.
pub(crate) fn holds_token(text: &str) -> bool {
    first_token(text).is_some()
}

fn first_token(text: &str) -> Option<Range<usize>> {
    let starts = STARTS.iter().flat_map(|start| text.match_indices(start));
    let found = starts.filter_map(|(at, _)| {
        let rest = text.get(at..)?.bytes();
        let length =
            rest.take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
        (length >= SHORTEST).then(|| at..at.saturating_add(length))
    });
    found.min_by_key(|found| found.start)
}

/// Signed, sealed, and a jwt's `{"`.
const STARTS: [&str; 3] = ["sb1s", "sb1e", "eyJ"];
/// Nothing of a token that was cut should be repeated either.
const SHORTEST: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_seen_anywhere_in_a_text() {
        let body = "A".repeat(55);
        for (text, seen) in [
            (format!("sb1s{body}"), true),
            (format!("--token=sb1e{body}"), true),
            (format!("eyJhbGciOi.{body}.{body}"), true),
            ("sb1s".to_owned(), false),
            ("--audience".to_owned(), false),
        ] {
            assert_eq!(holds_token(&text), seen, "{text}");
        }
    }

    #[test]
    fn every_token_is_left_out_and_nothing_else() {
        let body = "A".repeat(55);
        let text = format!("é sb1s{body}, sb1e{body}\" and eyJh.{body}.x: sb1s");
        assert_eq!(without_tokens(&text), "é [a token], [a token]\" and [a token]: sb1s");
        assert_eq!(without_tokens("é sb1e"), "é sb1e");
    }
}
