//! The published test vectors: a second implementation of `docs/token-format.md`, out of bare
//! primitives, shares no line with the library and makes the JSON files; `library.rs` runs them.
//! README.md says how to read them; `SADDLEBAG_BLESS=1 cargo test --test vectors` writes them again.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_debug_implementations,
    missing_docs,
    unreachable_pub
)]

mod cbor;
mod claims;
mod clock;
mod derivations;
mod frame;
mod generate;
mod jwt;
mod jwt_forged;
mod jwt_malformed;
mod keys;
mod library;
mod malformed;
mod ring;
mod ring_refused;
mod sealed;
mod signed;
mod state;
mod text;
mod tokens;
mod vector;
mod xaes;

use generate::files;

#[test]
fn the_committed_vectors_are_what_the_generator_makes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors");
    let bless = std::env::var_os("SADDLEBAG_BLESS").is_some_and(|value| value == "1");
    for (name, made) in files() {
        let path = format!("{folder}/{name}");
        if bless {
            std::fs::write(&path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        // Not assert_eq: it would print a megabyte.
        assert!(committed == made, "{name} differs: run with SADDLEBAG_BLESS=1 and read the diff");
    }
}
