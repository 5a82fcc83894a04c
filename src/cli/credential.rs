//! `saddlebag credential`: who may call the HTTP API.

mod issue;

use clap::{Args, Subcommand};

use super::End;
use super::console::Console;

/// Makes credentials for callers of the HTTP API
#[derive(Debug, Args)]
pub(super) struct Credential {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Issue(issue::Issue),
}

impl Credential {
    pub(super) fn run(self, console: &mut Console) -> End {
        match self.verb {
            Verb::Issue(verb) => verb.run(console),
        }
    }
}
