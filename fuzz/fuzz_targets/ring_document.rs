//! A document that is accepted writes itself to one that reads to the same ring; and one changed byte
//! never makes another ring of it. A refusal shows no secret of the document. `@digest@` stands for the right
//! digest, which no fuzzer would guess.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::keys::document::{self, InvalidDocument};
use saddlebag_fuzz::with_digest;
use serde_json::Value;

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (at, change, text) = input;
    let text = &with_digest(text)[..];
    let ring = match document::parse(text) {
        Ok(ring) => ring,
        Err(refused) => return shows_no_secret(&refused, text),
    };
    let written = document::to_json(&ring);
    assert_eq!(document::parse(&written).as_ref(), Ok(&ring));
    assert_eq!(document::digest(&ring), document::digest(&ring.clone()));
    for text in [text, &written] {
        let mut changed = text.to_vec();
        let at = usize::from(at) % changed.len();
        changed[at] ^= change;
        match document::parse(&changed) {
            Ok(other) => assert_eq!(other, ring, "byte {at} ^ {change}"),
            Err(refused) => shows_no_secret(&refused, text),
        }
    }
});

fn shows_no_secret(refused: &InvalidDocument, text: &[u8]) {
    let told = format!("{refused} {refused:?}");
    if let Some(secret) = secrets(text).find(|secret| told.contains(secret)) {
        panic!("{secret} in {told}");
    }
}

/// What is spelled like a secret, whole or cut, in a member of this name. The name of an unknown member, which may be
/// the same text, is shown up to 24 characters.
fn secrets(text: &[u8]) -> impl Iterator<Item = &str> {
    const NAME: &[u8] = b"\"secret\"";
    let places = (0..text.len()).filter(|at| text[*at..].starts_with(NAME));
    places.filter_map(|at| {
        let rest = text[at + NAME.len()..].trim_ascii_start().strip_prefix(b":")?;
        let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        let length = rest.iter().take_while(|byte| is_base64url(byte)).count();
        std::str::from_utf8(&rest[..length]).ok().filter(|_| length > 24)
    })
}
