//! Exactly one string is accepted for any token: every neighbour of it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{NOW, at, builder};
use saddlebag::{NewSession, Protection, Tokens};

/// A short token and a long one, whose states end in `end`: two decoders read them, by their length
/// (`src/token/format.rs`), and what must hold is tried on both.
fn short_and_long(tokens: &Tokens, protection: Protection, end: &str) -> [String; 2] {
    // No character like its neighbours.
    let long: String = (0..620_u16).map(|n| char::from(b' ' + (n * 37 % 95) as u8)).collect();
    let issued = [end.to_owned(), long + end].map(|state| {
        let session = NewSession::of(&state).subject("alice").protection(protection);
        tokens.issue_at(session, at(NOW)).unwrap().token
    });
    assert!(issued[0].len() < LONG && LONG < issued[1].len());
    issued
}

/// Characters from which on the other decoder reads a token.
const LONG: usize = 512;

/// Tokens of each protection and length.
fn of_every_kind(tokens: &Tokens) -> impl Iterator<Item = String> {
    let protections = [Protection::Signed, Protection::Sealed].into_iter();
    protections.flat_map(|protection| short_and_long(tokens, protection, ""))
}

fn refused(tokens: &Tokens, token: &str) {
    assert!(tokens.verify_at(token, at(NOW)).is_err(), "{token:?}");
}

/// Every prefix, every suffix of 1 to 64 characters, whatever is put before it, and what tools and
/// people put into it.
fn only_whole(tokens: &Tokens, token: &str) {
    assert!(tokens.verify_at(token, at(NOW)).is_ok());
    for end in 0..token.len() {
        refused(tokens, &token[..end]);
        refused(tokens, &token[end + 1..]);
    }
    for filler in ["A", "_", "=", "\0", " ", "0", "\n"] {
        for length in 1..=64 {
            refused(tokens, &format!("{token}{}", filler.repeat(length)));
        }
        for length in 1..=4 {
            refused(tokens, &format!("{}{token}", filler.repeat(length)));
        }
    }
    for end in ["=", "==", "%3D", "%3d", ".", "..", "~", "AA==", "\u{feff}", "\u{2000}"] {
        refused(tokens, &format!("{token}{end}"));
        refused(tokens, &format!("{end}{token}"));
    }
    refused(tokens, &format!("{token}{token}"));
    refused(tokens, &format!("{token}.{token}.{token}"));
    for place in 0..=token.len() {
        for space in [" ", "\t", "\r", "\n", "\r\n", "\0", "\u{b}", "\u{c}", "\u{a0}", "\u{2028}"] {
            let (before, after) = token.split_at(place);
            refused(tokens, &format!("{before}{space}{after}"));
        }
    }
    refused(tokens, &token.to_ascii_lowercase());
    refused(tokens, &token.to_ascii_uppercase());
}

/// Any other character in these places: each of ASCII, and some of more bytes than one.
fn no_other_character(tokens: &Tokens, token: &str, places: &[usize]) {
    let mut tried = 0;
    for &place in places {
        let (before, after) = (&token[..place], &token[place + 1..]);
        for other in every_character() {
            if token[place..].starts_with(other) {
                continue;
            }
            refused(tokens, &format!("{before}{other}{after}"));
            tried += 1;
        }
    }
    assert!(tried > 120 * places.len(), "{tried}");
    assert!(tokens.verify_at(token, at(NOW)).is_ok());
}

fn every_character() -> impl Iterator<Item = char> {
    let ascii = (0..128_u8).map(char::from);
    ascii.chain(['\u{e9}', '\u{2f}', '\u{ff21}', '\u{1f4a9}'])
}

/// All places of a short token. Those of a long one would be 300,000 tokens: both its ends, and between them every
/// 27th, for its decoder takes 32 characters at a time, and steps of 27 come to each place among 32.
fn places(token: &str) -> Vec<usize> {
    let end = token.len();
    let is_tried = |place: &usize| *place < 8 || end - place <= 8 || place.is_multiple_of(27);
    (0..end).filter(|place| end < LONG || is_tried(place)).collect()
}

fn has_one_spelling(protection: Protection) {
    let tokens = builder().build().unwrap();
    // Whatever the number of unused bits at the end of the text.
    for end in ["", "a", "ab"] {
        for token in short_and_long(&tokens, protection, end) {
            no_other_character(&tokens, &token, &places(&token));
            only_whole(&tokens, &token);
        }
    }
}

/// T16, T18: and with every other character in every place, the last above all.
#[test]
fn a_signed_token_has_one_spelling() {
    has_one_spelling(Protection::Signed);
}

/// T16, T18.
#[test]
fn a_sealed_token_has_one_spelling() {
    has_one_spelling(Protection::Sealed);
}

/// T01: all 256 values of each byte of the kind.
#[test]
fn a_relabelled_token_is_refused() {
    let tokens = builder().build().unwrap();
    for token in of_every_kind(&tokens) {
        let bytes = common::decode(&token);
        for place in 0..3 {
            for value in 0..=255 {
                let mut other = bytes.clone();
                other[place] = value;
                if other != bytes {
                    refused(&tokens, &common::encode(&other));
                }
            }
        }
    }
}

/// T16.
#[test]
fn every_flipped_bit_is_refused() {
    let tokens = builder().build().unwrap();
    for token in of_every_kind(&tokens) {
        let mut bytes = common::decode(&token);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            refused(&tokens, &common::encode(&bytes));
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(tokens.verify_at(&common::encode(&bytes), at(NOW)).is_ok());
    }
}

/// T06, T15.
#[test]
fn a_tag_of_another_length_or_of_one_byte_over_and_over_is_refused() {
    let tokens = builder().build().unwrap();
    for token in of_every_kind(&tokens) {
        let bytes = common::decode(&token);
        let (rest, tag) = bytes.split_at(bytes.len() - 16);
        for length in 0..16 {
            refused(&tokens, &common::encode(&[rest, &tag[..length]].concat()));
            refused(&tokens, &common::encode(&[rest, &tag[16 - length..]].concat()));
        }
        for byte in 0..=255 {
            refused(&tokens, &common::encode(&[rest, &[byte; 16]].concat()));
            for length in [1, 2, 64] {
                let longer = [&bytes[..], &vec![byte; length]].concat();
                refused(&tokens, &common::encode(&longer));
            }
        }
    }
}

#[cfg(feature = "jwt")]
mod jwt {
    use super::*;
    use saddlebag::JwtAlgorithm;

    fn tokens(algorithm: JwtAlgorithm) -> (Tokens, String) {
        let tokens = builder().jwt(algorithm).protection(Protection::Jwt);
        let tokens = tokens.build().unwrap();
        let session = NewSession::of(&("cart", 42)).subject("alice");
        let token = tokens.issue_at(session, at(NOW)).unwrap().token;
        (tokens, token)
    }

    /// T16, T18.
    #[test]
    fn a_jwt_under_hs256_has_one_spelling() {
        let (tokens, token) = tokens(JwtAlgorithm::Hs256);
        no_other_character(&tokens, &token, &places(&token));
        only_whole(&tokens, &token);
    }

    /// T16, T18.
    #[test]
    fn a_jwt_under_ed25519_has_one_spelling() {
        let (tokens, token) = tokens(JwtAlgorithm::EdDsa);
        no_other_character(&tokens, &token, &places(&token));
        only_whole(&tokens, &token);
    }
}
