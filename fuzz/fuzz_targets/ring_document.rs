//! A document that is accepted writes itself to one that reads to the same ring; and one changed byte
//! never makes another ring of it. `@digest@` stands for the right digest, which no fuzzer would guess.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag::keys::document;
use saddlebag_fuzz::with_digest;

fuzz_target!(|input: (u16, u8, &[u8])| {
    let (at, change, text) = input;
    let text = &with_digest(text)[..];
    let Ok(ring) = document::parse(text) else {
        return;
    };
    let written = document::to_json(&ring);
    assert_eq!(document::parse(&written).as_ref(), Ok(&ring));
    assert_eq!(document::digest(&ring), document::digest(&ring.clone()));
    for text in [text, &written] {
        let mut changed = text.to_vec();
        let at = usize::from(at) % changed.len();
        changed[at] ^= change;
        if let Ok(other) = document::parse(&changed) {
            assert_eq!(other, ring, "byte {at} ^ {change}");
        }
    }
});
