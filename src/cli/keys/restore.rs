//! `keys restore`: an older ring's keys as the next generation.

use std::path::PathBuf;

use clap::Args;
use saddlebag_keys::{KeyRing, Store, StoreErrorKind, document, rotation};

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::report;
use crate::cli::swap::{ChangeArgs, Over};

/// Lets an older ring's keys sign again, as the next generation: after a bad push, or a loss
///
/// Nothing goes back but who signs: what is revoked here or there stays revoked, and keys that have signed
/// since go on verifying. A key that the ring has dropped since does not come back. Where live tokens
/// suffer all the same, the plan says so, and asks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys restore ring-monday.json --ring file:ring.json --dry-run
  age -d -i KEY ring.age | saddlebag keys restore - --ring file:ring.json

Where the ring is lost, or nodes have had a newer one: N is the highest generation in any node's /readyz,
for no node goes back.
  saddlebag keys restore backup.json --ring file:ring.json --generation-above N --yes")]
pub(super) struct Restore {
    /// The older document, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    change: ChangeArgs,

    /// Makes a generation above this one: the highest that any node has
    #[arg(long, value_name = "N")]
    generation_above: Option<u64>,

    /// Agrees to what the plan says it breaks
    #[arg(long)]
    yes: bool,
}

impl Restore {
    pub(super) fn run(self, console: &mut Console) -> End {
        let old = super::document::read(console, &self.file, self.change.ring.allow_group_read)?;
        let store = self.change.store()?;
        let present = self.present(&*store)?;
        let above = self.generation_above.unwrap_or(0);
        if let Some(ring) = &present
            && ring.scope().is_none()
            && above <= ring.generation()
            && document::digest(ring) == document::digest(&old)
        {
            let due = rotation::next_due(ring, console.now());
            report::nothing_due(console, &self.change, ring, "nothing to restore", due)?;
            return Ok(Exit::Done);
        }
        let over = Over { store: &*store, present: present.as_ref() };
        self.change.agreed_on(console, self.yes, over, |now, rng| {
            rotation::restore(present.as_ref(), &old, above, now, rng)
        })
    }

    /// The ring that is there. What is no ring is nobody's to replace but a person's; and where none is,
    /// only a person knows what the nodes have.
    fn present(&self, store: &dyn Store) -> Result<Option<KeyRing>, Failure> {
        let error = match store.load() {
            Ok(ring) => return Ok(Some(ring)),
            Err(error) => error,
        };
        let location = &self.change.ring.location;
        let help = match error.kind() {
            StoreErrorKind::NotFound if self.generation_above.is_some() => return Ok(None),
            StoreErrorKind::NotFound => "check the path; where the ring is lost, add",
            StoreErrorKind::Invalid(_) if location.file_path().is_some() => "move it away, and add",
            // No save goes over them: what nodes have seen of the secret must not begin anew.
            StoreErrorKind::Invalid(_) | StoreErrorKind::Withdrawn(_) => {
                "bring an older version of the secret back (vault kv undelete, vault kv rollback), and add"
            }
            _ => return Err(Failure::store(&error, location)),
        };
        Err(Failure::unavailable(
            error.to_string(),
            format!("{help} --generation-above N, the highest generation in any node's /readyz"),
        ))
    }
}
