//! The command line, as somebody at a shell meets it.
//!
//! `tests/cmd/` holds transcripts, which read like documentation; what they cannot show (races, modes of
//! files, what other processes see) is in the modules.

#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/races.rs"]
mod races;
#[path = "cli/rings.rs"]
mod rings;
#[path = "cli/secrecy.rs"]
mod secrecy;
#[path = "cli/transcripts.rs"]
mod transcripts;
