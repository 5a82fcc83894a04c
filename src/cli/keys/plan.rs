//! `keys plan`: what will happen to a ring, and whether a live token is ever refused.

use clap::Args;
use rand::rngs::SysRng;
use saddlebag_keys::rotation::{self, Due, Event, Refusal, Timeline};
use saddlebag_keys::{KeyRing, UnixTime};
use serde::Serialize;

use super::at::AtArgs;
use super::policy_args::{PolicyArgs, Told};
use crate::answer::{PolicyAnswer, text};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::duration::Duration;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingArgs;
use crate::cli::shown::{Shown, relative};

/// Shows what will happen to the ring while rotations run on time, and whether a live token is refused
///
/// With a policy's options it shows what would happen under that policy, and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys plan --ring file:ring.json
  saddlebag keys plan --ring file:ring.json --rotate-every 7d --max-token-lifetime 1d --until 30d")]
pub(super) struct Plan {
    #[command(flatten)]
    ring: RingArgs,

    /// How far to look
    #[arg(long, value_name = "DURATION", default_value = "90d")]
    until: Duration,

    #[command(flatten)]
    policy: PolicyArgs,

    #[command(flatten)]
    at: AtArgs,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn run(self, console: &mut Console) -> End {
        let now = self.at.now(console);
        let ring = self.under_policy(self.ring.load()?, now)?;
        let until = now.saturating_add(self.until.0);
        if self.until.0.checked_div(ring.policy().rotate_every).unwrap_or_default() > MOST_ROTATIONS
        {
            return Err(Failure::usage(
                format!(
                    "--until {}: more than {MOST_ROTATIONS} rotations of this ring",
                    self.until
                ),
                "look less far",
            ));
        }
        let timeline = rotation::timeline(&ring, now, until)
            .map_err(|refused| Failure::rotation(&refused, &self.ring.location))?;
        if self.json {
            console.json(&PlanAnswer::of(&ring, &timeline, now, until))?;
        } else {
            tell(console, &ring, &timeline, now, until);
        }
        Ok(Exit::Done)
    }

    fn under_policy(&self, ring: KeyRing, now: UnixTime) -> Result<KeyRing, Failure> {
        if self.policy.is_empty() {
            return Ok(ring);
        }
        let policy = self.policy.over(*ring.policy());
        match rotation::set_policy(&ring, policy, now, &mut SysRng) {
            Ok(Due::Now(plan)) => Ok(plan.ring),
            Ok(Due::At(_)) => Ok(ring),
            Err(refused) => Err(Failure::rotation(&refused, &self.ring.location)),
        }
    }
}

fn tell(
    console: &mut Console,
    ring: &KeyRing,
    timeline: &Timeline,
    now: UnixTime,
    until: UnixTime,
) {
    console.line(format_args!(
        "{}: generation {}, from {now} to {until}, with a rotation whenever one is due",
        Shown(ring.name()),
        ring.generation(),
    ));
    console.line(format_args!("policy: {}", Told(ring.policy())));
    console.line("");
    for (at, event) in &timeline.events {
        let (word, key) = told(event);
        console.line(format_args!("  {at}  {:>10}  {key:<8}  {word}", relative(*at, now)));
    }
    if timeline.events.is_empty() {
        console.line("  nothing happens");
    }
    console.line("");
    match &timeline.refusal {
        Some(refusal) => console.line(format_args!(
            "live tokens may be refused {}: {refusal}",
            relative(refusal.from(), now)
        )),
        None => console.line("no live token is refused"),
    }
}

fn told(event: &Event) -> (&'static str, String) {
    match event {
        Event::Retires(key) => ("retires: no live token needs it", key.to_string()),
        Event::Staged(key) => ("is staged by a rotation: verifies", key.to_string()),
        Event::Activates(key) => ("signs; the key before it drains", key.to_string()),
        _ => ("changes", String::new()),
    }
}

#[derive(Serialize)]
struct PlanAnswer<'a> {
    name: &'a str,
    generation: u64,
    policy: PolicyAnswer,
    #[serde(serialize_with = "text")]
    from: UnixTime,
    #[serde(serialize_with = "text")]
    until: UnixTime,
    events: Vec<EventAnswer>,
    refusal: Option<RefusalAnswer>,
}

#[derive(Serialize)]
struct EventAnswer {
    #[serde(serialize_with = "text")]
    at: UnixTime,
    event: &'static str,
    key: String,
}

#[derive(Serialize)]
struct RefusalAnswer {
    code: &'static str,
    key: Option<String>,
    #[serde(serialize_with = "text")]
    from: UnixTime,
    text: String,
}

impl<'a> PlanAnswer<'a> {
    fn of(ring: &'a KeyRing, timeline: &Timeline, from: UnixTime, until: UnixTime) -> Self {
        let events = timeline.events.iter().map(|(at, event)| {
            let (event, key) = match event {
                Event::Retires(key) => ("retires", key.to_string()),
                Event::Staged(key) => ("staged", key.to_string()),
                Event::Activates(key) => ("activates", key.to_string()),
                _ => ("other", String::new()),
            };
            EventAnswer { at: *at, event, key }
        });
        let refusal = timeline.refusal.as_ref().map(|refusal| {
            let (code, key) = match refusal {
                Refusal::NotPublished { key, .. } => ("not_published", Some(key.to_string())),
                Refusal::RetiresEarly { key, .. } => ("retires_early", Some(key.to_string())),
                _ => ("other", None),
            };
            RefusalAnswer { code, key, from: refusal.from(), text: refusal.to_string() }
        });
        Self {
            name: ring.name(),
            generation: ring.generation(),
            policy: PolicyAnswer::of(ring.policy()),
            from,
            until,
            events: events.collect(),
            refusal,
        }
    }
}

/// What can be played in a moment.
const MOST_ROTATIONS: u64 = 1_000;
