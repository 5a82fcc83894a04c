//! The one spelling of a path, on which rules decide.
//!
//! A proxy, this gateway and the service behind may each read a path in their own way; where two of them could differ, a
//! rule for one path could be passed by under another name for it. So what can be read in two ways is refused.

use std::fmt;

/// A path that can be read in more than one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ambiguous(&'static str);

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the path can be read in two ways: {}", self.0)
    }
}

/// The segments of a request's target (path and query), decoded; without the empty one after a last slash.
pub(super) fn segments(target: &str) -> Result<Vec<String>, Ambiguous> {
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let mut rest = path.strip_prefix('/').ok_or(Ambiguous("it does not begin with a slash"))?;
    rest = rest.strip_suffix('/').unwrap_or(rest);
    if path == "//" {
        return Err(Ambiguous("an empty segment"));
    }
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    rest.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<String, Ambiguous> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_plain = byte != b'%';
        let byte = if is_plain {
            byte
        } else {
            let digits = [bytes.next(), bytes.next()].map(|digit| digit.and_then(hex));
            let [Some(high), Some(low)] = digits else {
                return Err(Ambiguous("a percent sign without two digits"));
            };
            high << 4 | low
        };
        match byte {
            b'/' | b'\\' => return Err(Ambiguous("a slash in another spelling")),
            b';' => return Err(Ambiguous("a semicolon")),
            b'#' => return Err(Ambiguous("a fragment")),
            b'?' => return Err(Ambiguous("a question mark that is encoded")),
            b'%' => return Err(Ambiguous("a percent sign that is encoded")),
            b'.' if !is_plain => return Err(Ambiguous("a dot that is encoded")),
            0..=0x1f | 0x7f => return Err(Ambiguous("a control character")),
            0x80.. if is_plain => return Err(Ambiguous("a byte that is not ASCII")),
            byte => decoded.push(byte),
        }
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Ambiguous("bytes that are not UTF-8"))?;
    match decoded.as_str() {
        "" => Err(Ambiguous("an empty segment")),
        "." | ".." => Err(Ambiguous("a dot segment")),
        _ => Ok(decoded),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (target, expected) in [
            ("/", &[][..]),
            ("/a", &["a"]),
            ("/a/", &["a"]),
            ("/a/b.c/d?x=/../;", &["a", "b.c", "d"]),
            ("/%61/b%20c", &["a", "b c"]),
            ("/%C3%A4", &["ä"]),
            ("/..a/...", &["..a", "..."]),
            ("/a?", &["a"]),
        ] {
            assert_eq!(segments(target).unwrap(), expected, "{target}");
        }
    }

    /// T40: what two parsers may read in two ways.
    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for target in [
            "",
            "a",
            "*",
            "//",
            "//a",
            "/a//b",
            "/a//",
            "/./a",
            "/a/..",
            "/a/../b",
            "/a/.",
            "/%2e%2e/a",
            "/a/%2E",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a;b",
            "/a%3bb",
            "/a/;/b",
            "/a#b",
            "/a%23b",
            "/a%3Fb",
            "/a%3f",
            "/a%00",
            "/a%0d%0ab",
            "/a%7f",
            "/a%252fb",
            "/a%25",
            "/a%",
            "/a%2",
            "/a%zz",
            "/ä",
            "/%ff",
            "/%c0%af",
            "http://host/a",
            "/a\u{0}",
        ] {
            assert!(segments(target).is_err(), "{target}");
        }
    }
}
