//! `keys prune`: drops keys that have drained.

use clap::Args;
use saddlebag_keys::rotation;

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::swap::ChangeArgs;

/// Drops the keys that no live token needs any more, revoked ones too; rotate does it as well
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys prune --ring file:ring.json")]
pub(super) struct Prune {
    #[command(flatten)]
    change: ChangeArgs,
}

impl Prune {
    pub(super) fn run(self, console: &mut Console) -> End {
        self.change.when_due(console, "nothing to drop", rotation::prune)
    }
}
