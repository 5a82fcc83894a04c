//! What must be found nowhere, in all the spellings that a log or an error could give it.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// Pieces of canaries, to be looked for all at once.
#[derive(Default)]
pub struct Needles {
    /// By their first bytes: what they are of, and all of them.
    by_start: HashMap<[u8; START], Vec<(String, Vec<u8>)>>,
}

const START: usize = 8;

impl Needles {
    /// Adds bytes that nobody else may know: either half would betray them.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 32, "{name} is short");
        let (one, other) = bytes.split_at(bytes.len() / 2);
        for half in [one, other] {
            for (spelling, text) in spellings(half) {
                self.add(&format!("{name}, {spelling}"), text);
            }
        }
    }

    /// Adds a token: its beginning is public, the version and the key's id; the rest is not.
    pub fn token(&mut self, name: &str, token: &str) {
        assert!(token.is_ascii() && token.len() > 60, "{name} is short");
        for at in [12, token.len() / 2, token.len() - 20] {
            let piece = &token.as_bytes()[at..at + 20];
            for (spelling, text) in spellings(piece) {
                self.add(&format!("{name}, {spelling}"), text);
            }
        }
    }

    /// Adds a text as it is.
    pub fn text(&mut self, text: &str) {
        self.add(text, text.as_bytes().to_vec());
    }

    fn add(&mut self, name: &str, needle: Vec<u8>) {
        let start = needle[..START].try_into().unwrap();
        self.by_start.entry(start).or_default().push((name.to_owned(), needle));
    }

    /// What is found in these bytes.
    pub fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, start) in hay.windows(START).enumerate() {
            let start: &[u8; START] = start.try_into().unwrap();
            for (name, needle) in self.by_start.get(start).into_iter().flatten() {
                if hay[at..].starts_with(needle) {
                    found.push(&**name);
                }
            }
        }
        found.dedup();
        found
    }

    /// That what is planted is found, each needle by itself, in the midst of other text.
    pub fn are_all_found(&self) -> usize {
        let needles = self.by_start.values().flatten();
        for (name, needle) in needles.clone() {
            let hay = [b"2026-11-26 TRACE x=\"", &needle[..], b"\" and so on\n"].concat();
            assert!(self.found_in(&hay).contains(&&**name), "{name} would not be found");
            let cut = &hay[..hay.len() - 12 - needle.len().min(4)];
            let cut = self.found_in(cut);
            assert!(!cut.contains(&&**name) || cut.len() > 1, "{name} is found where it is not");
        }
        needles.count()
    }
}

/// Bytes as they are written down.
fn spellings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let joined = |separator: &str, spell: fn(&u8) -> String| {
        bytes.iter().map(spell).collect::<Vec<_>>().join(separator).into_bytes()
    };
    let mut all = vec![
        ("as it is", bytes.to_vec()),
        ("hex", joined("", |byte| format!("{byte:02x}"))),
        ("HEX", joined("", |byte| format!("{byte:02X}"))),
        ("hex with colons", joined(":", |byte| format!("{byte:02x}"))),
        ("hex with spaces", joined(" ", |byte| format!("{byte:02x}"))),
        ("HEX with spaces", joined(" ", |byte| format!("{byte:02X}"))),
        ("a list of hex", joined(", ", |byte| format!("{byte:#x}"))),
        ("a list of hex of two digits", joined(", ", |byte| format!("0x{byte:02x}"))),
        ("percent", joined("", |byte| format!("%{byte:02X}"))),
        ("a list", joined(", ", u8::to_string)),
        ("a list without spaces", joined(",", u8::to_string)),
        ("a list a line", joined(",\n    ", u8::to_string)),
        ("escaped", bytes.escape_ascii().to_string().into_bytes()),
        ("UTF-8, lossily", String::from_utf8_lossy(bytes).into_owned().into_bytes()),
    ];
    // Within other bytes, base64 has one of three spellings; its ends hang on what is beside it.
    for shift in 0..3 {
        let shifted = [&[0; 2][..shift], bytes].concat();
        for (name, engine) in
            [("base64", BASE64_STANDARD_NO_PAD), ("base64url", BASE64_URL_SAFE_NO_PAD)]
        {
            let text = engine.encode(&shifted);
            let whole = shifted.len() / 3 * 4;
            let start = [0, 2, 3][shift];
            all.push((name, text.as_bytes()[start..whole].to_vec()));
        }
    }
    all.retain(|(_, text)| text.len() >= START);
    all.dedup_by(|one, other| one.1 == other.1);
    all
}
