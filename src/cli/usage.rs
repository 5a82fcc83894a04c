//! How wrong usage ends: clap's own words, unless they would repeat a secret that was typed.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;

use super::failure::Exit;
use super::shown::Shown;
use crate::mask::holds_token;

/// Tells what was wrong with the arguments, or what `--help` and `--version` ask for.
pub(super) fn end(error: &clap::Error) -> ExitCode {
    if error.use_stderr()
        && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        && std::env::args_os().any(|argument| holds_token(&argument.to_string_lossy()))
    {
        let _ = writeln!(
            io::stderr().lock(),
            "error: a token was given as an argument, where every process of this machine can read it\n\
             help: send tokens through standard input, and take this one for stolen"
        );
        return Exit::Usage.into();
    }
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // A reader that has gone changes nothing.
        let _ = error.print();
        return match error.exit_code() {
            0 => Exit::Done.into(),
            _ => Exit::Usage.into(),
        };
    }
    let (error, help) = in_two_lines(&error.render().to_string());
    let _ = writeln!(io::stderr().lock(), "error: {}\nhelp: {}", Shown(&error), Shown(&help));
    Exit::Usage.into()
}

/// clap's paragraphs as an error and its remedy.
pub(super) fn in_two_lines(rendered: &str) -> (String, String) {
    let joined = |paragraph: &str| {
        let lines: Vec<&str> = paragraph.lines().map(str::trim).collect();
        lines.join(" ")
    };
    let mut paragraphs = rendered.split("\n\n");
    let first = joined(paragraphs.next().unwrap_or_default());
    let error = first.strip_prefix("error: ").unwrap_or(&first).to_owned();
    if error.contains("not provided") && error.contains("--ring") {
        return (
            error,
            "add --ring file:PATH or vault:MOUNT/PATH, or set SADDLEBAG_RING".to_owned(),
        );
    }
    let tip = paragraphs.map(joined).find_map(|line| Some(line.strip_prefix("tip: ")?.to_owned()));
    (error, tip.unwrap_or_else(|| "the same with --help tells what it takes".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_told_in_two_lines() {
        let rendered = "error: unexpected argument '--jso' found\n\n  tip: a similar argument exists: '--json'\n\nUsage: x\n";
        assert_eq!(
            in_two_lines(rendered),
            (
                "unexpected argument '--jso' found".into(),
                "a similar argument exists: '--json'".into()
            )
        );
        let rendered = "error: the following required arguments were not provided:\n  --ring <RING>\n\nUsage: x\n";
        assert_eq!(
            in_two_lines(rendered).0,
            "the following required arguments were not provided: --ring <RING>"
        );
    }
}
