//! `keys show`: what signs, what verifies, what comes next, and when to rotate.

mod drawing;

use clap::Args;
use saddlebag_keys::rotation::{self, Due};
use saddlebag_keys::{Key, KeyRing, KeyState, UnixTime};
use serde::Serialize;

use super::at::AtArgs;
use super::policy_args::Told;
use crate::answer::{RingAnswer, text};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::Exit;
use crate::cli::nodes::{self, NodeEntry, NodesArgs};
use crate::cli::ring::RingArgs;
use crate::cli::shown::{Shown, about, relative, with_relative};

/// Shows the keys: what signs, what verifies, what comes next, and when to rotate
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag keys show --ring file:ring.json
  saddlebag keys show --ring file:ring.json --at 2027-01-01T00:00:00Z
  saddlebag keys show --ring file:ring.json --nodes nodes.toml
  saddlebag keys show --ring file:ring.json --json | jq '.keys[] | {id, state}'")]
pub(super) struct Show {
    #[command(flatten)]
    ring: RingArgs,

    #[command(flatten)]
    at: AtArgs,

    #[command(flatten)]
    nodes: NodesArgs,

    /// Reports as JSON, without secrets
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, console: &mut Console) -> End {
        let ring = self.ring.load()?;
        let now = self.at.now(console);
        let nodes = self.nodes.ask(console, &ring)?;
        let behind = nodes.iter().flatten().any(|node| node.laggard);
        let exit = if behind { Exit::Refused } else { Exit::Done };
        if self.json {
            console.json(&ShowAnswer {
                source: self.ring.location.to_string(),
                now,
                ring: RingAnswer::of(&ring, now),
                nodes,
            })?;
            return Ok(exit);
        }
        let scope = ring.scope().map(|audience| format!(", scoped to {audience}"));
        console.line(format_args!(
            "{}{}, generation {}, in {} at {now}",
            Shown(ring.name()),
            scope.unwrap_or_default(),
            ring.generation(),
            Shown(&self.ring.location.to_string()),
        ));
        console.line("");
        self.summary(console, &ring, now);
        console.line("");
        table(console, &ring, now);
        console.line("");
        for line in drawing::draw(&ring, now) {
            console.line(line);
        }
        console.line("");
        console.line(format_args!("policy: {}", Told(ring.policy())));
        if let Some(nodes) = &nodes {
            console.line("");
            nodes::table(console, &ring, nodes);
        }
        Ok(exit)
    }

    fn summary(&self, console: &mut Console, ring: &KeyRing, now: UnixTime) {
        match ring.active(now) {
            Some(key) => console.line(format_args!(
                "signs     {}, {}",
                key.id(),
                match key.activates_at() {
                    since if since < now => format!("for {} now", about(now.since(since))),
                    _ => "from now on".to_owned(),
                }
            )),
            None => console.line("signs     none: this clock is before the first key of the ring"),
        }
        let others: Vec<String> = in_order(ring)
            .into_iter()
            .filter(|key| ring.state(key, now).verifies())
            .map(|key| key.id().to_string())
            .collect();
        console.line(format_args!("verifies  {}", others.join(", ")));
        match ring.standby(now) {
            Some(key) => console.line(format_args!(
                "next      {}, which signs {}, at {}",
                key.id(),
                relative(key.activates_at(), now),
                key.activates_at()
            )),
            None => console.line("next      none: no key is staged"),
        }
        self.rotate(console, ring, now);
    }

    fn rotate(&self, console: &mut Console, ring: &KeyRing, now: UnixTime) {
        if let Some(audience) = ring.scope() {
            return console.line(format_args!(
                "rotate    at the root ring; then export it again for {audience}"
            ));
        }
        // Only whether it is due is asked: the key that this draws goes nowhere.
        match rotation::rotate(ring, now, &mut rand::rngs::SysRng) {
            Ok(Due::At(at)) => console.line(format_args!(
                "rotate    {}, at {at}; nothing is due before",
                relative(at, now)
            )),
            Ok(Due::Now(_)) => console.line(format_args!(
                "rotate    now: saddlebag keys rotate --ring {}",
                Shown(&self.ring.location.to_string())
            )),
            Err(refused) => console.line(format_args!("rotate    is refused: {refused}")),
        }
    }
}

fn table(console: &mut Console, ring: &KeyRing, now: UnixTime) {
    console
        .line(format_args!("{:<6}  {:<8}  {:<34}  verifies until", "key", "state", "signs from"));
    for key in in_order(ring) {
        let state = ring.state(key, now);
        let until = match (state, key.revoked_at(), key.drains_until()) {
            (KeyState::Revoked, Some(at), _) => format!("revoked {}", with_relative(at, now)),
            (_, _, Some(until)) => with_relative(until, now),
            (_, _, None) => "after the next key signs".to_owned(),
        };
        let from = with_relative(key.activates_at(), now);
        console.line(format_args!("{}  {state:<8}  {from:<34}  {until}", key.id()));
    }
}

/// The keys in the order in which they sign; one that was revoked before the heir to its time.
fn in_order(ring: &KeyRing) -> Vec<&Key> {
    let mut keys: Vec<&Key> = ring.keys().iter().collect();
    keys.sort_by_key(|key| (key.activates_at(), key.revoked_at().is_none(), key.created_at()));
    keys
}

#[derive(Serialize)]
struct ShowAnswer<'a> {
    source: String,
    #[serde(serialize_with = "text")]
    now: UnixTime,
    #[serde(flatten)]
    ring: RingAnswer<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<NodeEntry>>,
}
