//! Consent to what breaks something: `--yes`, or a person at a terminal.

use super::console::Console;
use super::failure::Failure;

/// Goes on where somebody agreed.
pub(super) fn confirm(console: &mut Console, yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let answer = console.ask(&format!("{what} Type yes to go on:"));
    match answer.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::refused(
            "not confirmed: nothing was changed",
            "type the whole word yes, or add --yes",
        )),
        None => Err(Failure::usage(
            "this refuses tokens that are alive, and nobody is at a terminal to agree",
            "add --yes; --dry-run shows what would happen",
        )),
    }
}
