//! `keys stage`: adds a staged key behind all others.

use clap::Args;
use saddlebag_keys::rotation;

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::swap::ChangeArgs;

/// Adds a staged key behind all others: it verifies at once, and signs after the one before it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys stage --ring file:ring.json
  saddlebag keys stage --ring file:ring.json --dry-run --json")]
pub(super) struct Stage {
    #[command(flatten)]
    change: ChangeArgs,
}

impl Stage {
    pub(super) fn run(self, console: &mut Console) -> End {
        self.change.once(console, rotation::stage)
    }
}
