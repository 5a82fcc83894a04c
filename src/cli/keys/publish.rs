//! `keys publish`: puts an audience's scoped ring where its service reads it, and keeps it in step.

mod in_step;

use clap::Args;
use saddlebag_keys::{Audience, KeyRing, Store};

use super::export;
use super::placed::{self, Placed};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::{Opening, RingArgs, RingLocation, location_parser};
use in_step::InStep;

/// Puts one audience's scoped ring at other places, over older generations of the same
///
/// Whoever holds it issues and verifies for that audience, and can forge for no other. It carries this
/// ring's name, generation and policy, so it has to follow each change of this ring, a revocation above
/// all: with --watch it does, until SIGTERM or SIGINT ends it, with 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys publish --ring file:ring.json --audience shop --to file:/srv/shop/ring.json
  saddlebag keys publish --ring file:ring.json --audience shop --to file:a.json --to file:b.json --watch

For another audience, run it again: each has places of its own.")]
pub(super) struct Publish {
    /// The root ring
    #[command(flatten)]
    ring: RingArgs,

    /// Who the keys are for
    #[arg(long)]
    audience: Audience,

    /// Where the scoped ring goes: file:PATH or vault:MOUNT/PATH; give it again for more places
    #[arg(long, required = true, value_name = "RING", value_parser = location_parser())]
    to: Vec<RingLocation>,

    /// Goes on, and brings each change of the root ring at once
    #[arg(long, conflicts_with = "dry_run")]
    watch: bool,

    /// Shows what would be saved, and saves nothing
    #[arg(long)]
    dry_run: bool,

    /// Saves to version 1 of Vault's KV engine too, which cannot tell that somebody else saves at once
    #[arg(long)]
    force: bool,

    /// Reports as JSON, a line a place
    #[arg(long)]
    json: bool,
}

impl Publish {
    /// What is allowed where the scoped ring goes.
    fn opening(&self) -> Opening {
        Opening {
            group_read: self.ring.allow_group_read,
            unguarded_writes: self.force,
            ..Opening::default()
        }
    }

    pub(super) fn run(self, console: &mut Console) -> End {
        if self.watch {
            return InStep::run(self, console);
        }
        let scoped = export::scoped(&self.ring.load()?, &self.audience)?;
        let mut failed = None;
        for place in &self.to {
            let store = place.open(self.opening());
            match store.and_then(|store| put(&scoped, &*store, place, self.dry_run)) {
                Ok(written) => {
                    let end = Placed { written, dry_run: self.dry_run, json: self.json };
                    placed::report(console, &scoped, place, &end)?;
                }
                // A place that is lost must not keep a revocation from the others.
                Err(failure) => {
                    if let Some(earlier) = failed.replace(failure) {
                        console.tell(&earlier);
                    }
                }
            }
        }
        failed.map_or(Ok(Exit::Done), Err)
    }
}

/// Saves the scoped ring; who loses a race looks again, for the winner may have brought the same.
fn put(
    scoped: &KeyRing,
    store: &dyn Store,
    place: &RingLocation,
    dry_run: bool,
) -> Result<bool, Failure> {
    let put = || placed::place(scoped, store, place, dry_run);
    put().or_else(|failure| match failure.exit() {
        Exit::Conflict => put(),
        _ => Err(failure),
    })
}
