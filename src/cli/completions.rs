//! `completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::console::Console;
use super::failure::Exit;
use super::{Cli, End};

/// Prints the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag completions bash > /etc/bash_completion.d/saddlebag
  saddlebag completions zsh > ~/.zfunc/_saddlebag")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, console: &mut Console) -> End {
        clap_complete::generate(self.shell, &mut Cli::command(), "saddlebag", console.raw());
        Ok(Exit::Done)
    }
}
