//! `keys revoke`: refuses a key, or all of them, from now on.

use clap::Args;
use saddlebag_keys::{KeyId, rotation};

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::nodes::WaitArgs;
use crate::cli::swap::ChangeArgs;

/// Refuses every token under a key, or under all keys, from now on
///
/// The key that every node knows as standby takes over at once. Sessions under a revoked key are lost:
/// the plan says so, and asks.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("which").required(true).args(["id", "all"]),
    after_help = "\
Examples:
  saddlebag keys revoke q83vEg --ring file:ring.json
  saddlebag keys revoke --all --ring file:ring.json --yes
  saddlebag keys revoke --all --ring file:ring.json --yes --nodes nodes.toml --wait=5m

An id that starts with - follows a --:
  saddlebag keys revoke --ring file:ring.json -- -83vEg"
)]
pub(super) struct Revoke {
    /// The key
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: Option<KeyId>,

    /// Every key that is not revoked already
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,

    /// Agrees to lose the sessions under it
    #[arg(long)]
    yes: bool,
}

impl Revoke {
    pub(super) fn run(self, console: &mut Console) -> End {
        let which = self.id.map_or(rotation::Revoke::All, rotation::Revoke::Key);
        self.change.agreed(console, self.yes, &self.wait, |ring, now, rng| {
            rotation::revoke(ring, which, now, rng)
        })
    }
}
