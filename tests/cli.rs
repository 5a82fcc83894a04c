//! The command line, as somebody at a shell meets it.
//!
//! `tests/cmd/` holds transcripts, which read like documentation; what they cannot show (races, modes of
//! files, what other processes see) is in the modules.

// clippy allows these in `#[test]` functions, and not in what they share.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects
)]

#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/published.rs"]
mod published;
#[path = "cli/races.rs"]
mod races;
#[path = "cli/restored.rs"]
mod restored;
#[path = "cli/rings.rs"]
mod rings;
#[path = "cli/rotators.rs"]
mod rotators;
#[path = "cli/running.rs"]
mod running;
#[path = "cli/secrecy.rs"]
mod secrecy;
#[path = "cli/sizes.rs"]
mod sizes;
#[path = "cli/transcripts.rs"]
mod transcripts;
