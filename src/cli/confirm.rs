//! Consent to what breaks something: `--yes`, or a person at a terminal.

use super::console::Console;
use super::failure::Failure;

/// Goes on where somebody agreed to what it does: "this refuses …".
pub(super) fn confirm(console: &mut Console, yes: bool, does: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let answer = console.ask("This cannot be undone. Type yes to go on:");
    match answer.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::refused(
            "not confirmed: nothing was changed",
            "type the whole word yes, or add --yes",
        )),
        None => Err(Failure::usage(
            format!("{does}, and nobody is at a terminal to agree"),
            "add --yes; --dry-run shows what would happen",
        )),
    }
}
