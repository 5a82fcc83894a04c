//! The command line: as typed, resolved, done.
//!
//! One verb a file, under the noun it belongs to. What verbs share is beside them: where a ring is
//! (`ring`), how it is changed (`swap`), what a failure tells and how the program then ends
//! (`failure`), and the only way in and out (`console`).

mod completions;
mod confirm;
mod console;
mod credential;
mod duration;
mod failure;
mod input;
mod keys;
mod man;
mod report;
mod ring;
mod secret_file;
mod serve;
mod shown;
mod swap;
mod token;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use console::Console;
use failure::{Exit, Failure};

/// Session state that travels with the request
///
/// Makes and keeps the key rings that protect session tokens, and issues, verifies and explains the
/// tokens themselves.
#[derive(Debug, Parser)]
#[command(
    name = "saddlebag",
    version,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Keys(keys::Keys),
    Token(token::Token),
    Credential(credential::Credential),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the program on this process's arguments, streams and clock.
#[doc(hidden)]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::end(&error),
    };
    let mut console = Console::of_process();
    let end = cli.command.run(&mut console);
    console.close(end)
}

/// How a verb ends: done, or refused with the answer already told; or a failure to tell.
type End = Result<Exit, Failure>;

impl Command {
    fn run(self, console: &mut Console) -> End {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Keys(keys) => keys.run(console),
            Self::Token(token) => token.run(console),
            Self::Credential(credential) => credential.run(console),
            Self::Completions(completions) => completions.run(console),
            Self::Man(man) => man.run(console),
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  saddlebag serve --dev
  export SADDLEBAG_RING=file:ring.json
  saddlebag keys init
  saddlebag keys show
  saddlebag token issue --subject alice | saddlebag token verify

Exit codes:
  0  done
  1  a refusal that is an answer: a token that is not valid, a check that found something
  2  wrong usage
  3  the ring could not be read or saved
  4  a conflict: somebody else wrote first";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
