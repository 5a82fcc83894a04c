//! `man`: one manual page of the program and every verb.

use std::io;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;

use super::console::Console;
use super::failure::{Exit, Failure};
use super::{Cli, End};

/// Prints the manual page, which covers every subcommand
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag man | man -l -
  saddlebag man > /usr/local/share/man/man1/saddlebag.1")]
pub(super) struct Man {}

impl Man {
    pub(super) fn run(self, console: &mut Console) -> End {
        let mut command = Cli::command();
        command.build();
        write(&command, console.raw())
            .map_err(|error| Failure::bug(format!("the manual page cannot be made: {error}")))?;
        Ok(Exit::Done)
    }
}

fn write(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let root = Page::new(command.clone());
    root.render_title(page)?;
    root.render_name_section(page)?;
    root.render_synopsis_section(page)?;
    root.render_description_section(page)?;
    verbs(command, "saddlebag", page)?;
    let mut extra = Vec::new();
    root.render_extra_section(&mut extra)?;
    let extra = String::from_utf8_lossy(&extra).replacen(".SH EXTRA", ".SH EXAMPLES", 1);
    page.extend_from_slice(extra.as_bytes());
    root.render_version_section(page)
}

/// A section for every verb that does something itself.
fn verbs(command: &Command, path: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let path = format!("{path} {}", verb.get_name());
        if verb.has_subcommands() {
            verbs(verb, &path, page)?;
            continue;
        }
        let section = Page::new(verb.clone());
        let mut text = Vec::new();
        section.render_synopsis_section(&mut text)?;
        section.render_description_section(&mut text)?;
        section.render_options_section(&mut text)?;
        section.render_extra_section(&mut text)?;
        // Sections of a page of its own are subsections here.
        let text = String::from_utf8_lossy(&text)
            .replace("\n.SH EXTRA", "\n.SH EXAMPLES")
            .replace("\n.SH ", "\n.SS ");
        let text = text.strip_prefix(".SH ").map(|rest| format!(".SS {rest}")).unwrap_or(text);
        page.extend_from_slice(format!(".SH \"{}\"\n", path.to_uppercase()).as_bytes());
        page.extend_from_slice(text.as_bytes());
    }
    Ok(())
}
