//! `keys check`: what is wrong with a ring, for CI and monitoring.

mod findings;

use clap::Args;
use saddlebag_keys::{Store, StoreErrorKind, UnixTime, WatchOptions};
use serde::Serialize;

use super::at::AtArgs;
use crate::answer::text;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::duration::Duration;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingArgs;
use crate::cli::shown::{Shown, count, relative};
use findings::{Expected, Finding};

/// Checks the ring, and ends with 1 where it finds something
///
/// For CI and monitoring: no standby, a rotation that is overdue, keys that nothing needs any more, a
/// policy that nodes cannot follow, a live token that would be refused, a folder others can write to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys check --ring file:/etc/saddlebag/ring.json
  saddlebag keys check --ring file:ring.json --grace 2h --json

Findings, by their codes:
  no_active_key        this clock is before the first key of the ring
  no_standby           no key is staged: a revocation would promote one that no node knows
  rotation_overdue     a rotation was due longer ago than --grace
  active_key_old       the key that signs is twice as old as the policy wants
  not_pruned           keys that no live token needs are still there
  publish_ahead_small  nodes may meet a key before they have read it
  policy_limits        no such policy can be set today
  clock_apart          a key was made in this clock's future
  live_token_refused   a token that has not ended is or will be refused
  rotation_refused     the next rotation will fail
  folder_writable      others can put another ring in its place")]
pub(super) struct Check {
    #[command(flatten)]
    ring: RingArgs,

    /// How late a rotation may be, for rings that cron rotates
    #[arg(long, value_name = "DURATION", default_value = "0s")]
    grace: Duration,

    /// How often the nodes read the ring [default: what a watch does, 2s]
    #[arg(long, value_name = "DURATION")]
    refresh_interval: Option<Duration>,

    #[command(flatten)]
    at: AtArgs,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self, console: &mut Console) -> End {
        let now = self.at.now(console);
        let location = &self.ring.location;
        let ring = match self.ring.store()?.load() {
            Ok(ring) => ring,
            Err(error) => {
                let failure = Failure::store(&error, location);
                if self.json {
                    let finding = Finding {
                        code: match error.kind() {
                            StoreErrorKind::NotFound => "no_ring",
                            StoreErrorKind::Unsafe(_) => "unsafe_file",
                            StoreErrorKind::Invalid(_) => "invalid_ring",
                            _ => "unreadable",
                        },
                        text: failure.error().to_owned(),
                        help: failure.help().to_owned(),
                    };
                    self.answer(console, None, now, &[finding])?;
                }
                return Err(failure);
            }
        };
        let usual = WatchOptions::default().refresh_every;
        let usual = usual.as_secs().saturating_add(u64::from(usual.subsec_nanos() > 0));
        let expected = Expected {
            grace: self.grace.0,
            refresh: self.refresh_interval.map_or(usual, |Duration(seconds)| seconds),
        };
        let mut found = findings::of_ring(&ring, location, &expected, now);
        found.extend(findings::of_place(location));
        let exit = if found.is_empty() { Exit::Done } else { Exit::Refused };
        if self.json {
            self.answer(console, Some(ring.generation()), now, &found)?;
            return Ok(exit);
        }
        for Finding { code, text, help } in &found {
            console.line(format_args!("{code}: {}", Shown(text)));
            console.line(format_args!("  help: {}", Shown(help)));
        }
        let next = saddlebag_keys::rotation::next_due(&ring, now);
        let keys = count(ring.keys().len(), "key", "keys");
        console.line(format_args!(
            "{}: generation {} of {}, {keys}, {}",
            Shown(&location.to_string()),
            ring.generation(),
            Shown(ring.name()),
            match found.len() {
                0 => format!("nothing found; next rotation {}", relative(next, now)),
                n => count(n, "finding", "findings"),
            }
        ));
        Ok(exit)
    }

    fn answer(
        &self,
        console: &mut Console,
        generation: Option<u64>,
        now: UnixTime,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        console.json(&CheckAnswer {
            ring: self.ring.location.to_string(),
            generation,
            now,
            ok: findings.is_empty(),
            findings,
        })
    }
}

#[derive(Serialize)]
struct CheckAnswer<'a> {
    ring: String,
    generation: Option<u64>,
    #[serde(serialize_with = "text")]
    now: UnixTime,
    ok: bool,
    findings: &'a [Finding],
}
