//! `keys activate`: lets a staged key sign before its time.

use clap::Args;
use saddlebag_keys::{KeyId, rotation};

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::nodes::WaitArgs;
use crate::cli::swap::ChangeArgs;

/// Lets a staged key sign now, before its time
///
/// Refused until the key has been published for the policy's publish_ahead: before, nodes may not have
/// read it yet, and would refuse its tokens.
#[derive(Debug, Args)]
#[command(mut_arg("force", |arg| arg.help("Does not wait for publish_ahead; says what that breaks, and asks")))]
#[command(after_help = "\
Examples:
  saddlebag keys activate q83vEg --ring file:ring.json
  saddlebag keys activate q83vEg --ring file:ring.json --nodes nodes.toml --wait
  saddlebag keys activate q83vEg --ring file:ring.json --force --dry-run

An id that starts with - follows a --:
  saddlebag keys activate --ring file:ring.json -- -83vEg")]
pub(super) struct Activate {
    /// The staged key
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: KeyId,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,

    /// Agrees to what the plan says it breaks
    #[arg(long)]
    yes: bool,
}

impl Activate {
    pub(super) fn run(self, console: &mut Console) -> End {
        let (id, force) = (self.id, self.change.force);
        self.change.agreed(console, self.yes, &self.wait, |ring, now, rng| {
            rotation::activate(ring, id, force, now, rng)
        })
    }
}
