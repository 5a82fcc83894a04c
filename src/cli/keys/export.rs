//! `keys export`: one audience's derived keys, for a service that must forge for no other; or the whole
//! ring, for escrow.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::Args;
use saddlebag_keys::{Audience, KeyRing, document};

use super::placed::{self, Placed};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::{RingArgs, RingLocation};

/// Writes a scoped ring: one audience's keys, which can issue and verify for no other
///
/// It carries this ring's name, generation and policy; export it again after each rotation. An existing
/// FILE is replaced where it is an older generation of the same ring and scope. With --plaintext-secrets
/// it writes this ring itself to standard output, every secret readable, for a program that encrypts it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys export --ring file:ring.json --audience shop --out shop-ring.json
  saddlebag keys export --ring file:ring.json --plaintext-secrets | age -r RECIPIENT > ring.age
  age -d -i KEY ring.age | saddlebag keys restore - --ring file:ring.json")]
pub(super) struct Export {
    #[command(flatten)]
    ring: RingArgs,

    /// Who the keys are for
    #[arg(long, required_unless_present = "plaintext_secrets")]
    audience: Option<Audience>,

    /// The file to write, with mode 0600
    #[arg(long, value_name = "FILE", required_unless_present = "plaintext_secrets")]
    out: Option<PathBuf>,

    /// Writes the whole root ring to standard output, in clear: whoever reads it can make any session
    #[arg(long, conflicts_with_all = ["audience", "out", "dry_run", "json"])]
    plaintext_secrets: bool,

    /// Shows what would be written, and writes nothing
    #[arg(long)]
    dry_run: bool,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Export {
    pub(super) fn run(self, console: &mut Console) -> End {
        let (Some(audience), Some(out)) = (&self.audience, &self.out) else {
            return self.in_clear();
        };
        let scoped = scoped(&self.ring.load()?, audience)?;
        let location = RingLocation::file(out);
        let store = location.store(self.ring.allow_group_read)?;
        let written = placed::place(&scoped, &*store, &location, self.dry_run)?;
        let end = Placed { written, dry_run: self.dry_run, json: self.json };
        placed::report(console, &scoped, &location, &end)
    }

    fn in_clear(&self) -> End {
        if io::stdout().is_terminal() {
            return Err(Failure::usage(
                "standard output is a terminal, which would show and keep every secret of the ring",
                "send it to a program that encrypts it: … --plaintext-secrets | age -r RECIPIENT > ring.age",
            ));
        }
        let ring = self.ring.load()?;
        if let Some(audience) = ring.scope() {
            return Err(Failure::refused(
                format!("the ring is scoped to {audience}: its root ring can make it anew"),
                "keep the root ring",
            ));
        }
        // By no buffer that stays behind with secrets in it.
        let written = io::stdout().as_fd().try_clone_to_owned().map(File::from);
        written.and_then(|mut stdout| stdout.write_all(&document::to_json(&ring))).map_err(
            |error| {
                Failure::unavailable(
                    format!("standard output cannot be written: {error}"),
                    "what was written is not whole: run this again",
                )
            },
        )?;
        Ok(Exit::Done)
    }
}

/// One audience's ring, where that may have one.
pub(super) fn scoped(root: &KeyRing, audience: &Audience) -> Result<KeyRing, Failure> {
    if audience.is_reserved() && *audience != Audience::api() {
        return Err(Failure::usage(
            format!("the audience {audience} is reserved: it starts with saddlebag:"),
            "use a name of your own, or saddlebag:api for a service's --credential-ring",
        ));
    }
    root.scoped_to(audience).map_err(|out_of_scope| {
        Failure::refused(out_of_scope.to_string(), "export from the root ring")
    })
}
