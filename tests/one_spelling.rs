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

fn session<'a>() -> NewSession<'a> {
    NewSession::of(&("cart", 42)).subject("alice")
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

/// Any other character in any place: each of ASCII, and some of more bytes than one.
fn no_other_character(tokens: &Tokens, token: &str, characters: impl Fn(usize) -> Vec<char>) {
    let mut tried = 0;
    for place in 0..token.len() {
        let (before, after) = (&token[..place], &token[place + 1..]);
        for other in characters(place) {
            if token[place..].starts_with(other) {
                continue;
            }
            refused(tokens, &format!("{before}{other}{after}"));
            tried += 1;
        }
    }
    assert!(tried > 60 * token.len(), "{tried}");
    assert!(tokens.verify_at(token, at(NOW)).is_ok());
}

fn every_character(_: usize) -> Vec<char> {
    let ascii = (0..128_u8).map(char::from);
    ascii.chain(['\u{e9}', '\u{2f}', '\u{ff21}', '\u{1f4a9}']).collect()
}

/// T16, T18: and with every other character in every place, the last above all.
#[test]
fn a_signed_token_has_one_spelling() {
    let tokens = builder().protection(Protection::Signed).build().unwrap();
    // Whatever the number of unused bits at the end of the text.
    for pad in ["", "a", "ab"] {
        let issued = tokens.issue_at(NewSession::of(pad).subject("alice"), at(NOW));
        let token = issued.unwrap().token;
        no_other_character(&tokens, &token, every_character);
        only_whole(&tokens, &token);
    }
}

/// T16, T18.
#[test]
fn a_sealed_token_has_one_spelling() {
    let tokens = builder().build().unwrap();
    for pad in ["", "a", "ab"] {
        let issued = tokens.issue_at(NewSession::of(pad).subject("alice"), at(NOW));
        let token = issued.unwrap().token;
        no_other_character(&tokens, &token, every_character);
        only_whole(&tokens, &token);
    }
}

/// T01: all 256 values of each byte of the kind.
#[test]
fn a_relabelled_token_is_refused() {
    let tokens = builder().build().unwrap();
    for protection in [Protection::Signed, Protection::Sealed] {
        let issued = tokens.issue_at(session().protection(protection), at(NOW));
        let bytes = common::decode(&issued.unwrap().token);
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
    for protection in [Protection::Signed, Protection::Sealed] {
        let issued = tokens.issue_at(session().protection(protection), at(NOW));
        let mut bytes = common::decode(&issued.unwrap().token);
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
    for protection in [Protection::Signed, Protection::Sealed] {
        let issued = tokens.issue_at(session().protection(protection), at(NOW));
        let bytes = common::decode(&issued.unwrap().token);
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
        let token = tokens.issue_at(session(), at(NOW)).unwrap().token;
        (tokens, token)
    }

    /// T16, T18.
    #[test]
    fn a_jwt_under_hs256_has_one_spelling() {
        let (tokens, token) = tokens(JwtAlgorithm::Hs256);
        no_other_character(&tokens, &token, every_character);
        only_whole(&tokens, &token);
    }

    /// T16, T18.
    #[test]
    fn a_jwt_under_ed25519_has_one_spelling() {
        let (tokens, token) = tokens(JwtAlgorithm::EdDsa);
        no_other_character(&tokens, &token, every_character);
        only_whole(&tokens, &token);
    }
}
