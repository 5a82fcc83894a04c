//! A token that was edited in any way is refused, whatever its kind, by those who would take the original;
//! and only the same text is taken.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use saddlebag::Tokens;
use saddlebag_fuzz::{EDDSA, HS256, now};

/// The tokens of the corpus of `verify`: for ever the same, and good at the fixed time.
const ISSUED: [&str; 4] = [
    include_str!("../corpus/verify/signed"),
    include_str!("../corpus/verify/sealed"),
    include_str!("../corpus/verify/hs256"),
    include_str!("../corpus/verify/eddsa"),
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    token: u8,
    edits: Vec<(u16, Edit<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Edit<'a> {
    Replace(u8),
    Insert(&'a [u8]),
    Remove(u8),
    /// So much of another token, from the same place.
    Splice(u8, u16),
    /// This part of a jwt, for that of another.
    Part(u8, u8),
    Swap(u16),
    Cut,
    Case,
    /// One bit of a character's six: another spelling of the last byte, where it is the last character.
    Bit(u8),
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fuzz_target!(|input: Input| {
    let original = issued(input.token);
    let mut text = original.as_bytes().to_vec();
    for (at, edit) in input.edits.iter().take(8) {
        if text.is_empty() {
            break;
        }
        carry_out(&mut text, usize::from(*at), edit);
    }
    let Ok(text) = std::str::from_utf8(&text) else {
        return;
    };
    let own = ISSUED.contains(&text);
    let taken = |tokens: &Tokens| tokens.verify_at(text, now()).is_ok();
    assert_eq!(taken(&HS256) || taken(&EDDSA), own, "{text:?}");
});

fn issued(token: u8) -> &'static str {
    ISSUED[usize::from(token) % ISSUED.len()]
}

fn carry_out(text: &mut Vec<u8>, at: usize, edit: &Edit<'_>) {
    let at = at % text.len();
    match edit {
        Edit::Replace(by) => text[at] = *by,
        Edit::Insert(more) => drop(text.splice(at..at, more.iter().copied().take(64))),
        Edit::Remove(count) => drop(text.drain(at..text.len().min(at + usize::from(*count)))),
        Edit::Splice(from, count) => {
            let other = issued(*from).as_bytes();
            let end = at + usize::from(*count);
            let some = other.get(at..end.min(other.len())).unwrap_or_default();
            let to = text.len().min(at + some.len());
            text.splice(at..to, some.iter().copied());
        }
        Edit::Part(from, part) => {
            let mut parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
            let part = usize::from(*part) % parts.len();
            let other = issued(*from).as_bytes();
            if let Some(some) = other.split(|byte| *byte == b'.').nth(part) {
                parts[part] = some;
            }
            *text = parts.join(&b'.');
        }
        Edit::Swap(other) => {
            let other = usize::from(*other) % text.len();
            text.swap(at, other);
        }
        Edit::Cut => text.truncate(at),
        Edit::Case => text[at] ^= 0x20,
        Edit::Bit(bit) => {
            if let Some(value) = ALPHABET.iter().position(|known| *known == text[at]) {
                text[at] = ALPHABET[value ^ (1 << (bit % 6))];
            }
        }
    }
}
