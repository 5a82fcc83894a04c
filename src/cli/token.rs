//! `saddlebag token`: issue, verify and explain session tokens.

mod inspect;
mod issue;
mod verify;

use clap::{Args, Subcommand, ValueEnum};

use super::End;
use super::console::Console;
use crate::token::jwt::JwtAlgorithm;

/// Issues, verifies and explains session tokens
#[derive(Debug, Args)]
pub(super) struct Token {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Issue(issue::Issue),
    Verify(verify::Verify),
    Inspect(inspect::Inspect),
}

impl Token {
    pub(super) fn run(self, console: &mut Console) -> End {
        match self.verb {
            Verb::Issue(verb) => verb.run(console),
            Verb::Verify(verb) => verb.run(console),
            Verb::Inspect(verb) => verb.run(console),
        }
    }
}

/// The one algorithm of jwt tokens, as `--jwt` takes it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Jwt {
    /// HMAC-SHA-256: who can verify can issue
    #[value(name = "hs256")]
    Hs256,
    /// Ed25519: verified with a public key
    #[value(name = "eddsa")]
    EdDsa,
}

impl From<Jwt> for JwtAlgorithm {
    fn from(jwt: Jwt) -> Self {
        match jwt {
            Jwt::Hs256 => Self::Hs256,
            Jwt::EdDsa => Self::EdDsa,
        }
    }
}
