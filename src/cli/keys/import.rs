//! `keys import`: brings a ring document from elsewhere.

use std::path::PathBuf;

use clap::Args;
use saddlebag_keys::KeyRing;

use super::document;
use super::placed::{self, Placed};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::ring::{Opening, RingArgs, RingLocation};

/// Checks a ring document and saves it: a ring from another machine, or a scoped ring
///
/// It never goes back: an existing ring is replaced where it is an older generation of the same ring and
/// scope.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys import shop-ring.json --ring file:/etc/saddlebag/ring.json
  ssh keeper cat ring.json | saddlebag keys import - --ring file:ring.json")]
pub(super) struct Import {
    /// The document, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    ring: RingArgs,

    /// Shows what would be saved, and saves nothing
    #[arg(long)]
    dry_run: bool,

    /// Saves to version 1 of Vault's KV engine too, which cannot tell that somebody else saves at once
    #[arg(long)]
    force: bool,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Import {
    pub(super) fn run(self, console: &mut Console) -> End {
        let allow_group_read = self.ring.allow_group_read;
        let ring = document::read(console, &self.file, allow_group_read)?;
        let location = &self.ring.location;
        let store = location.open(Opening {
            group_read: allow_group_read,
            unguarded_writes: self.force,
            ..Opening::default()
        })?;
        let written = placed::place(&ring, &*store, location, self.dry_run)?;
        let end = Placed { written, dry_run: self.dry_run, json: self.json };
        if ring.standby(console.now()).is_none() {
            note_no_standby(console, &ring, location);
        }
        placed::report(console, &ring, location, &end)
    }
}

/// The document is saved as it is, so that both copies stay the same; only its keeper stages keys.
fn note_no_standby(console: &mut Console, ring: &KeyRing, location: &RingLocation) {
    let how = match ring.scope() {
        Some(_) => "export it again from its root ring, once that is rotated".to_owned(),
        None => format!("saddlebag keys rotate --ring {location}"),
    };
    console.note(format_args!("warning: this ring has no standby: {how}"));
}
