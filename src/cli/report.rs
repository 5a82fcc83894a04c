//! What a verb that changes a ring tells: the plan before, the changes after.

use saddlebag_keys::rotation::{Change, Harm, Plan};
use saddlebag_keys::{KeyRing, UnixTime};
use serde::Serialize;

use super::console::Console;
use super::failure::Failure;
use super::ring::RingLocation;
use super::shown::{Shown, relative};
use super::swap::ChangeArgs;
use crate::answer::{PolicyAnswer, text, text_or_null};

/// Tells, before anything is saved, what a plan changes and what it breaks.
pub(super) fn announce(console: &mut Console, ring: &RingLocation, plan: &Plan) {
    console.note(format_args!("plan for {ring}, generation {}:", plan.ring.generation()));
    for change in &plan.changes {
        console.note(format_args!("  {change}"));
    }
    for harm in &plan.harm {
        console.note(format_args!("  harm: {harm}"));
    }
}

/// Tells what was changed, or would be.
pub(super) fn changed(
    console: &mut Console,
    args: &ChangeArgs,
    plan: &Plan,
) -> Result<(), Failure> {
    let now = console.now();
    if args.json {
        return console.json(&ChangeAnswer {
            ring: args.ring.location.to_string(),
            name: plan.ring.name(),
            generation: plan.ring.generation(),
            saved: !args.dry_run,
            changes: plan.changes.iter().map(ChangeEntry::of).collect(),
            harm: plan.harm.iter().map(HarmEntry::of).collect(),
            next_rotation: plan.next_due,
        });
    }
    let name = plan.ring.name();
    let would = if args.dry_run { " (dry run: nothing was saved)" } else { "" };
    console.line(format_args!(
        "{}: generation {} of {}{would}",
        Shown(&args.ring.location.to_string()),
        plan.ring.generation(),
        Shown(name)
    ));
    for change in &plan.changes {
        console.line(format_args!("  {change}"));
    }
    // Otherwise it was told before anybody agreed to it.
    for harm in plan.harm.iter().filter(|_| args.dry_run) {
        console.line(format_args!("  harm: {harm}"));
    }
    rotate_next(console, plan.next_due, now);
    Ok(())
}

/// Tells that a verb has nothing to do, and when it will have.
pub(super) fn nothing_due(
    console: &mut Console,
    args: &ChangeArgs,
    ring: &KeyRing,
    what: &str,
    at: UnixTime,
) -> Result<(), Failure> {
    let now = console.now();
    if args.json {
        return console.json(&ChangeAnswer {
            ring: args.ring.location.to_string(),
            name: ring.name(),
            generation: ring.generation(),
            saved: false,
            changes: Vec::new(),
            harm: Vec::new(),
            next_rotation: at,
        });
    }
    console.line(format_args!(
        "{}: generation {} of {}, {what}; next {}, at {at}",
        Shown(&args.ring.location.to_string()),
        ring.generation(),
        Shown(ring.name()),
        relative(at, now),
    ));
    Ok(())
}

fn rotate_next(console: &mut Console, at: UnixTime, now: UnixTime) {
    console.line(format_args!("next rotation {}, at {at}", relative(at, now)));
}

/// `--json` of every verb that changes a ring.
#[derive(Serialize)]
struct ChangeAnswer<'a> {
    ring: String,
    name: &'a str,
    generation: u64,
    saved: bool,
    changes: Vec<ChangeEntry>,
    harm: Vec<HarmEntry>,
    #[serde(serialize_with = "text")]
    next_rotation: UnixTime,
}

#[derive(Default, Serialize)]
struct ChangeEntry {
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text_or_null")]
    activates_at: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text_or_null")]
    drains_until: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<PolicyAnswer>,
    text: String,
}

impl ChangeEntry {
    fn of(change: &Change) -> Self {
        let text = change.to_string();
        match change {
            Change::Added { id, state, activates_at } => Self {
                change: "added",
                key: Some(id.to_string()),
                state: Some(state.as_str()),
                activates_at: Some(*activates_at),
                text,
                ..Self::default()
            },
            Change::Activation { id, to, .. } => Self {
                change: "activation",
                key: Some(id.to_string()),
                activates_at: Some(*to),
                text,
                ..Self::default()
            },
            Change::Drains { id, until } => Self {
                change: "drains",
                key: Some(id.to_string()),
                drains_until: Some(*until),
                text,
                ..Self::default()
            },
            Change::Revoked { id, was } => Self {
                change: "revoked",
                key: Some(id.to_string()),
                was: Some(was.as_str()),
                text,
                ..Self::default()
            },
            Change::Dropped { id, was } => Self {
                change: "dropped",
                key: Some(id.to_string()),
                was: Some(was.as_str()),
                text,
                ..Self::default()
            },
            Change::Policy { to, .. } => Self {
                change: "policy",
                policy: Some(PolicyAnswer::of(to)),
                text,
                ..Self::default()
            },
            _ => Self { change: "other", text, ..Self::default() },
        }
    }
}

#[derive(Serialize)]
struct HarmEntry {
    harm: &'static str,
    key: Option<String>,
    text: String,
}

impl HarmEntry {
    fn of(harm: &Harm) -> Self {
        let text = harm.to_string();
        let key = harm.key().map(|id| id.to_string());
        let harm = match harm {
            Harm::NotPublished { .. } => "not_published",
            Harm::TokensRefused { .. } => "tokens_refused",
            Harm::Forgotten { .. } => "forgotten",
            _ => "other",
        };
        Self { harm, key, text }
    }
}
