//! No text makes verification panic, and none is accepted but the tokens that were issued.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag_fuzz::{EDDSA, HS256, now};

/// The corpus itself, which is the same for ever: the ring, the time and the tokens are fixed.
const ISSUED: [&str; 4] = [
    include_str!("../corpus/verify/signed"),
    include_str!("../corpus/verify/sealed"),
    include_str!("../corpus/verify/hs256"),
    include_str!("../corpus/verify/eddsa"),
];

fuzz_target!(|text: &str| {
    for tokens in [&*HS256, &*EDDSA] {
        if let Ok(verified) = tokens.verify_at(text, now()) {
            assert!(ISSUED.contains(&text), "accepted: {text:?}");
            assert!(verified.state_json().is_ok());
        }
    }
});
