//! `keys policy`: sets another policy.

use clap::Args;
use rand::rngs::SysRng;
use saddlebag_keys::rotation::{self, Due};

use super::policy_args::PolicyArgs;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::report;
use crate::cli::swap::ChangeArgs;

/// Sets another policy: what is not given stays as it is
///
/// It moves no staged key. A shorter --publish-ahead or --max-token-lifetime is refused while a key is
/// about to sign.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys policy --ring file:ring.json --max-token-lifetime 7d
  saddlebag keys policy --ring file:ring.json --rotate-every 14d --dry-run")]
pub(super) struct SetPolicy {
    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    policy: PolicyArgs,
}

impl SetPolicy {
    pub(super) fn run(self, console: &mut Console) -> End {
        if self.policy.is_empty() {
            return Err(Failure::usage(
                "no policy was given",
                format!(
                    "give what is to change, like --rotate-every 30d; what is: saddlebag keys show --ring {}",
                    self.change.ring.location
                ),
            ));
        }
        let store = self.change.store()?;
        let ring = self.change.load(&*store)?;
        let policy = self.policy.over(*ring.policy());
        let due = rotation::set_policy(&ring, policy, console.now(), &mut SysRng);
        match self.change.judge(due)? {
            Due::Now(plan) => {
                self.change.save(&*store, &plan, Some(ring.generation()))?;
                self.change.report(console, &plan)
            }
            Due::At(at) => {
                report::nothing_due(console, &self.change, &ring, "has this policy already", at)?;
                Ok(Exit::Done)
            }
        }
    }
}
