//! `keys init`: makes a ring of an active key and a standby.

use clap::Args;
use rand::rngs::SysRng;
use saddlebag_keys::{Policy, rotation};

use super::policy_args::PolicyArgs;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::swap::ChangeArgs;

/// Makes a ring: a key that signs at once, and the standby that will be next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys init --ring file:/etc/saddlebag/ring.json --name shop-prod
  saddlebag keys init --ring file:ring.json --rotate-every 7d --max-token-lifetime 1d")]
pub(super) struct Init {
    #[command(flatten)]
    change: ChangeArgs,

    /// What the ring is called [default: the place's name]
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    policy: PolicyArgs,
}

impl Init {
    pub(super) fn run(self, console: &mut Console) -> End {
        let location = &self.change.ring.location;
        let name = self.name.clone().or_else(|| location.usual_name()).unwrap_or_default();
        let policy = self.policy.over(Policy::default());
        let plan =
            rotation::init(&name, policy, console.now(), &mut SysRng).map_err(|refused| {
                match refused {
                    rotation::Refused::Ring(invalid) => Failure::usage(
                        format!("--name {name:?}: {invalid}"),
                        "give the ring another name: --name shop-prod",
                    ),
                    other => Failure::rotation(&other, location),
                }
            })?;
        self.change.save(&*self.change.store()?, &plan, None).map_err(|failure| match failure.exit() {
            Exit::Conflict => Failure::conflict(
                failure.error().replace("somebody else wrote first", "there is a ring already"),
                format!("a ring is never made over another; look at it: saddlebag keys show --ring {location}"),
            ),
            _ => failure,
        })?;
        self.change.report(console, &plan)
    }
}
