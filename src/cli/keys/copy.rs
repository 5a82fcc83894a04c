//! `keys copy`: moves a ring to another place, while it is in use.

use clap::Args;
use saddlebag_keys::{KeyRing, Store, document};

use super::placed::{self, Placed};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::ring::{Opening, RingLocation, location_parser};

/// Copies a ring to another place as it is: the same document, the same generation
///
/// Nodes can read either while the ring moves, and no token is refused on the way. A ring that changes
/// meanwhile is copied again. What is at the other place must be the same ring, and not newer.
#[derive(Debug, Args)]
#[command(after_help = "\
Moving a ring, one step after the other:
  1. saddlebag keys copy --from file:ring.json --to vault:secret/shop/ring
  2. start the nodes again with the new place as their --ring
  3. stop what changes the ring at the old place: cron, keys watch, serve --rotate
  4. the same keys copy once more, for what changed meanwhile
  5. rotate at the new place from now on, and remove the old ring

Nobody changes the ring at the new place before step 4 is done: two that have grown apart are refused.")]
pub(super) struct Copy {
    /// Where the ring is: file:PATH or vault:MOUNT/PATH
    #[arg(long, value_name = "RING", value_parser = location_parser())]
    from: RingLocation,

    /// Where it goes: file:PATH or vault:MOUNT/PATH
    #[arg(long, value_name = "RING", value_parser = location_parser())]
    to: RingLocation,

    /// Takes ring files that their owner's group may read too
    #[arg(long, env = "SADDLEBAG_ALLOW_GROUP_READ")]
    allow_group_read: bool,

    /// Shows what would be saved, and saves nothing
    #[arg(long)]
    dry_run: bool,

    /// Saves to version 1 of Vault's KV engine too, which cannot tell that somebody else saves at once
    #[arg(long)]
    force: bool,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Copy {
    pub(super) fn run(self, console: &mut Console) -> End {
        let group_read = self.allow_group_read;
        let from = self.from.store(group_read)?;
        let to = self.to.open(Opening {
            group_read,
            unguarded_writes: self.force,
            ..Opening::default()
        })?;
        let mut ring = read(&*from, &self.from)?;
        let mut written = false;
        for _ in 0..MOST_CHANGES {
            written |= placed::place(&ring, &*to, &self.to, self.dry_run)?;
            let now = read(&*from, &self.from)?;
            if document::digest(&now) == document::digest(&ring) {
                self.is_there(&*to, &ring, written)?;
                let end = Placed { written, dry_run: self.dry_run, json: self.json };
                return placed::report(console, &ring, &self.to, &end);
            }
            // It moved: what was copied is old already.
            ring = now;
        }
        Err(Failure::conflict(
            format!("{}: generation {} changes all the time", self.from, ring.generation()),
            "stop what changes it, and run this again",
        ))
    }

    /// What was saved is read again, before anybody relies on it.
    fn is_there(&self, to: &dyn Store, ring: &KeyRing, written: bool) -> Result<(), Failure> {
        if self.dry_run && written {
            return Ok(());
        }
        let there = read(to, &self.to)?;
        if document::digest(&there) == document::digest(ring) {
            return Ok(());
        }
        Err(Failure::conflict(
            format!("{}: generation {} was saved there meanwhile", self.to, there.generation()),
            "let nothing change the ring at the new place before it is moved",
        ))
    }
}

fn read(store: &dyn Store, place: &RingLocation) -> Result<KeyRing, Failure> {
    store.load().map_err(|error| Failure::store(&error, place))
}

/// Each is somebody who changed the ring between two reads.
const MOST_CHANGES: u32 = 100;
