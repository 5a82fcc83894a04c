//! The command line: as typed, resolved, done.
//!
//! One verb a file, under the noun it belongs to. What verbs share is beside them: where a ring is
//! (`ring`), how it is changed (`swap`), what a failure tells and how the program then ends
//! (`failure`), and the only way in and out (`console`).

mod closed;
mod completions;
mod config_file;
mod confirm;
mod console;
mod credential;
mod duration;
mod failure;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod input;
mod keys;
mod man;
mod node;
mod nodes;
mod report;
mod ring;
mod rotator;
mod secret_file;
mod serve;
mod shown;
mod sidecar;
mod size;
mod swap;
mod token;
mod until_told;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use config_file::Extended;
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
    Serve(Box<serve::Serve>),
    Sidecar(Box<sidecar::Sidecar>),
    Keys(keys::Keys),
    Token(token::Token),
    Size(size::Size),
    Credential(credential::Credential),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs the program on this process's arguments, streams and clock.
#[doc(hidden)]
pub fn main() -> ExitCode {
    closed::tell_panics_by_their_place();
    let mut console = Console::of_process();
    if let Err(error) = closed::close_memory() {
        console.note(format_args!("warning: this process may leave core files: {error}"));
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let matches = match Cli::command().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage::end(&error),
    };
    let end = match command(arguments, matches) {
        Ok(command) => command.run(&mut console),
        Err(failure) => Err(failure),
    };
    console.close(end)
}

/// What is to be done, as it was typed and as its `--config` says.
fn command(arguments: Vec<OsString>, matches: ArgMatches) -> Result<Command, Failure> {
    let read = |matches: &ArgMatches| {
        Cli::from_arg_matches(matches).map_err(|error| {
            let (error, help) = usage::in_two_lines(&error.render().to_string());
            Failure::usage(error, help)
        })
    };
    let program = Cli::command();
    let found = matches.subcommand().filter(|(name, _)| ["serve", "sidecar"].contains(name));
    let found = found.and_then(|(name, of_verb)| Some((program.find_subcommand(name)?, of_verb)));
    let Some((verb, of_verb)) = found else {
        return read(&matches).map(|cli| cli.command);
    };
    let extended = Extended::new(arguments, verb, of_verb)?;
    let matches = program.clone().try_get_matches_from(&extended.arguments);
    let matches = matches.map_err(|error| extended.failure(&error))?;
    let mut command = read(&matches)?.command;
    if let Some((_, of_verb)) = matches.subcommand() {
        let settings = extended.settings(verb, of_verb);
        match &mut command {
            Command::Serve(serve) => serve.settings = settings,
            Command::Sidecar(sidecar) => sidecar.settings = settings,
            _ => {}
        }
    }
    Ok(command)
}

/// How a verb ends: done, or refused with the answer already told; or a failure to tell.
type End = Result<Exit, Failure>;

impl Command {
    fn run(self, console: &mut Console) -> End {
        match self {
            Self::Serve(serve) => serve.run(console),
            Self::Sidecar(sidecar) => sidecar.run(console),
            Self::Keys(keys) => keys.run(console),
            Self::Token(token) => token.run(console),
            Self::Size(size) => size.run(console),
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
  saddlebag size state.json

Exit codes:
  0  done
  1  a refusal that is an answer: a token that is not valid, a check that found something
  2  wrong usage
  3  the ring could not be read or saved
  4  a conflict: somebody else wrote first";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    /// One set of names: a flag of `serve` is a variable, unless it is said anew each time.
    #[test]
    fn every_flag_of_serve_is_a_variable_of_the_same_name() {
        let program = super::Cli::command();
        let serve = program.find_subcommand("serve").unwrap();
        for argument in serve.get_arguments() {
            let flag = argument.get_long().unwrap();
            if ["allow-rollback", "check", "dev", "help", "json"].contains(&flag) {
                continue;
            }
            let variable = format!("SADDLEBAG_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env(), Some(variable.as_ref()), "--{flag}");
        }
    }

    #[test]
    fn every_flag_of_serve_is_in_its_document() {
        let text = include_str!("../docs/service.md");
        let program = super::Cli::command();
        let serve = program.find_subcommand("serve").unwrap();
        for flag in serve.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(flag == "help" || text.contains(&format!("`--{flag}`")), "--{flag}");
        }
    }

    #[test]
    fn every_flag_of_size_is_in_its_document() {
        let text = include_str!("../docs/size.md");
        let program = super::Cli::command();
        let size = program.find_subcommand("size").unwrap();
        for flag in size.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(flag == "help" || text.contains(&format!("`--{flag}`")), "--{flag}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
