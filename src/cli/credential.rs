//! `saddlebag credential`: who may call the HTTP API.

mod inspect;
mod issue;

use clap::{Args, Subcommand};

use super::End;
use super::console::Console;
use super::failure::Failure;
use crate::tokens::ConfigError;

/// Makes credentials for callers of the HTTP API, and shows them
#[derive(Debug, Args)]
pub(super) struct Credential {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Issue(issue::Issue),
    Inspect(inspect::Inspect),
}

impl Credential {
    pub(super) fn run(self, console: &mut Console) -> End {
        match self.verb {
            Verb::Issue(verb) => verb.run(console),
            Verb::Inspect(verb) => verb.run(console),
        }
    }
}

/// A ring that makes and checks none.
fn no_credentials(error: &ConfigError) -> Failure {
    Failure::refused(
        error.to_string(),
        "credentials are made from the root ring, or from one scoped to saddlebag:api",
    )
}
