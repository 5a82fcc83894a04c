//! `keys export`: one audience's derived keys, for a service that must forge for no other.

use std::path::PathBuf;

use clap::Args;
use saddlebag_keys::Audience;

use super::placed::{self, Placed};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::ring::{RingArgs, RingLocation};

/// Writes a scoped ring: one audience's keys, which can issue and verify for no other
///
/// It carries this ring's name, generation and policy; export it again after each rotation. An existing
/// FILE is replaced where it is an older generation of the same ring and scope.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys export --ring file:ring.json --audience shop --out shop-ring.json")]
pub(super) struct Export {
    #[command(flatten)]
    ring: RingArgs,

    /// Who the keys are for
    #[arg(long)]
    audience: Audience,

    /// The file to write, with mode 0600
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Shows what would be written, and writes nothing
    #[arg(long)]
    dry_run: bool,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) fn run(self, console: &mut Console) -> End {
        if self.audience.is_reserved() && self.audience != Audience::api() {
            return Err(Failure::usage(
                format!("the audience {} is reserved: it starts with saddlebag:", self.audience),
                "use a name of your own, or saddlebag:api for a service's --credential-ring",
            ));
        }
        let scoped = self.ring.load()?.scoped_to(&self.audience).map_err(|out_of_scope| {
            Failure::refused(out_of_scope.to_string(), "export from the root ring")
        })?;
        let location = RingLocation::file(self.out);
        let written = placed::place(&scoped, &location, self.ring.allow_group_read, self.dry_run)?;
        let end = Placed { written, dry_run: self.dry_run, json: self.json };
        placed::report(console, &scoped, &location, &end)
    }
}
