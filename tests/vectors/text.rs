//! Bytes as text: hex in the JSON files, base64url in tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// A JSON string with its quotes.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// All other base64url texts of the same bytes, for a decoder that ignores the unused last bits.
pub fn other_spellings(text: &str) -> Vec<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let free_bits = match text.len() % 4 {
        2 => 4,
        3 => 2,
        _ => 0,
    };
    let (rest, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|c| *c == last.as_bytes()[0]).unwrap();
    (1..1 << free_bits).map(|bits| format!("{rest}{}", ALPHABET[value | bits] as char)).collect()
}
