//! `keys watch`: rotates the ring whenever it is due.

use clap::Args;
use saddlebag_keys::UnixTime;
use saddlebag_keys::rotation::Refused;

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::report;
use crate::cli::ring::RingArgs;
use crate::cli::rotator::{Rotator, Turn};
use crate::cli::swap::ChangeArgs;
use crate::cli::until_told::until_told;

/// Rotates the ring whenever something is due, until it is told to end
///
/// In place of a line in cron. Any number may run on one ring, on as many machines as can write it: one
/// does it, the others find nothing due. It tells what it did and when something will be due next, and
/// goes on where the ring cannot be read or saved. SIGTERM and SIGINT end it, with 0.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys watch --ring file:/etc/saddlebag/ring.json
  saddlebag keys watch --ring file:ring.json --json")]
pub(super) struct Watch {
    #[command(flatten)]
    ring: RingArgs,

    /// Reports as JSON, a line each time
    #[arg(long)]
    json: bool,
}

impl Watch {
    pub(super) fn run(self, console: &mut Console) -> End {
        let rotator = Rotator::new(self.ring.store()?);
        let args = ChangeArgs { ring: self.ring, dry_run: false, force: false, json: self.json };
        until_told(Watched { args, console, told: None, failed: None }.rotate(rotator))
    }
}

/// What was told already, so that it is not told at each look.
struct Watched<'a> {
    args: ChangeArgs,
    console: &'a mut Console,
    told: Option<(u64, UnixTime)>,
    failed: Option<String>,
}

impl Watched<'_> {
    async fn rotate(mut self, mut rotator: Rotator) -> End {
        loop {
            let (turn, pause) = rotator.turn().await;
            self.tell(&turn)?;
            tokio::time::sleep(pause).await;
        }
    }

    fn tell(&mut self, turn: &Turn) -> Result<(), Failure> {
        if let Some(failure) = turn.failure(&self.args.ring.location) {
            // No time mends this one.
            if matches!(turn, Turn::Refused(Refused::Scoped { .. })) {
                return Err(failure);
            }
            if self.failed.as_deref() != Some(failure.error()) {
                self.console.tell(&failure);
                self.failed = Some(failure.error().to_owned());
            }
            return Ok(());
        }
        if self.failed.take().is_some() {
            self.console.note(format_args!("{} can be used again", self.args.ring.location));
        }
        match turn {
            Turn::Rotated(plan) => {
                report::changed(self.console, &self.args, plan)?;
                self.told = Some((plan.ring.generation(), plan.next_due));
            }
            Turn::Waits(ring, at) if self.told != Some((ring.generation(), *at)) => {
                report::nothing_due(self.console, &self.args, ring, "nothing is due", *at)?;
                self.told = Some((ring.generation(), *at));
            }
            _ => {}
        }
        self.console.flush();
        Ok(())
    }
}
