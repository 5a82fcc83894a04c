//! `saddlebag keys`: the verbs on a key ring.

mod activate;
mod at;
mod check;
mod copy;
mod document;
mod export;
mod import;
mod init;
mod placed;
mod plan;
mod policy;
mod policy_args;
mod prune;
mod publish;
mod restore;
mod revoke;
mod rotate;
mod show;
mod stage;
mod watch;

use clap::{Args, Subcommand};

use super::End;
use super::console::Console;

pub(super) use at::AtArgs;

/// Makes, shows, checks and changes key rings
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Policy(policy::SetPolicy),
    Show(show::Show),
    Check(check::Check),
    Plan(plan::Plan),
    Stage(stage::Stage),
    Rotate(rotate::Rotate),
    Watch(watch::Watch),
    Activate(activate::Activate),
    Revoke(revoke::Revoke),
    Prune(prune::Prune),
    Export(export::Export),
    Publish(publish::Publish),
    Import(import::Import),
    Copy(copy::Copy),
    Restore(restore::Restore),
}

impl Keys {
    pub(super) fn run(self, console: &mut Console) -> End {
        match self.verb {
            Verb::Init(verb) => verb.run(console),
            Verb::Policy(verb) => verb.run(console),
            Verb::Show(verb) => verb.run(console),
            Verb::Check(verb) => verb.run(console),
            Verb::Plan(verb) => verb.run(console),
            Verb::Stage(verb) => verb.run(console),
            Verb::Rotate(verb) => verb.run(console),
            Verb::Watch(verb) => verb.run(console),
            Verb::Activate(verb) => verb.run(console),
            Verb::Revoke(verb) => verb.run(console),
            Verb::Prune(verb) => verb.run(console),
            Verb::Export(verb) => verb.run(console),
            Verb::Publish(verb) => verb.run(console),
            Verb::Import(verb) => verb.run(console),
            Verb::Copy(verb) => verb.run(console),
            Verb::Restore(verb) => verb.run(console),
        }
    }
}
