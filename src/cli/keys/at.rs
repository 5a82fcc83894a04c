//! `--at`: looking at a ring as if it were another time. Only verbs that change nothing take it.

use clap::Args;
use saddlebag_keys::UnixTime;

use crate::cli::console::Console;

/// The time to look from.
#[derive(Clone, Copy, Debug, Args)]
pub(in crate::cli) struct AtArgs {
    /// Looks from this time instead of now: YYYY-MM-DDTHH:MM:SSZ
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
}

impl AtArgs {
    pub(in crate::cli) fn now(self, console: &Console) -> UnixTime {
        self.at.unwrap_or_else(|| console.now())
    }
}
