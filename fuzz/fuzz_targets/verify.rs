//! No text makes verification panic, none is accepted but the tokens that were issued, and a refusal shows no text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag_fuzz::{EDDSA, HS256, is_told_by_its_reason, now};

/// The corpus itself, which is the same for ever: the ring, the time and the tokens are fixed.
const ISSUED: [&str; 4] = [
    include_str!("../corpus/verify/signed"),
    include_str!("../corpus/verify/sealed"),
    include_str!("../corpus/verify/hs256"),
    include_str!("../corpus/verify/eddsa"),
];

fuzz_target!(|text: &str| {
    for tokens in [&*HS256, &*EDDSA] {
        match tokens.verify_at(text, now()) {
            Ok(verified) => {
                assert!(ISSUED.contains(&text), "accepted: {text:?}");
                assert!(verified.state_json().is_ok());
            }
            Err(refused) => is_told_by_its_reason(&refused),
        }
    }
});
