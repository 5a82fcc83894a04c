//! The command line for fuzz targets: in this process, with an input that is given.

use std::ffi::OsString;

use clap::CommandFactory;

use super::console::Console;
use super::failure::{Exit, Failure};
use super::{Cli, Command, command, usage};

/// What the program answers to arguments and an input: the exit code, the answer and what it tells.
/// `serve` is read with its `--config`, and not run: the answer is what would be in force.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> (u8, Vec<u8>, String) {
    let mut console = Console::given(input);
    let all = std::iter::once(&"saddlebag").chain(arguments);
    let all: Vec<OsString> = all.map(OsString::from).collect();
    let end = match Cli::command().try_get_matches_from(&all) {
        Ok(matches) => match command(all, matches) {
            Ok(Command::Serve(serve)) => {
                for setting in &serve.settings {
                    let (name, value) = (&setting.name, &setting.value);
                    console.line(format_args!("{name} = {value} ({})", setting.source));
                }
                Ok(Exit::Done)
            }
            Ok(command) => command.run(&mut console),
            Err(failure) => Err(failure),
        },
        Err(error) => {
            let (error, help) = usage::in_two_lines(&error.render().to_string());
            Err(Failure::usage(error, help))
        }
    };
    console.taken(end)
}
