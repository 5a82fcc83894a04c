//! `keys rotate`: keeps the ring going.

use clap::Args;
use saddlebag_keys::rotation;

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::swap::ChangeArgs;

/// Keeps the ring going: stages the next standby, and drops keys that have drained
///
/// Run it from cron, at any time and on as many machines as you like: where nothing is due it says
/// when something will be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys rotate --ring file:ring.json
  17 * * * *  saddlebag keys rotate --ring file:/etc/saddlebag/ring.json")]
pub(super) struct Rotate {
    #[command(flatten)]
    change: ChangeArgs,
}

impl Rotate {
    pub(super) fn run(self, console: &mut Console) -> End {
        self.change.when_due(console, "nothing is due", rotation::rotate)
    }
}
