//! What is wrong with a node, by what it said and the ring as it should be.

use saddlebag_keys::{Audience, KeyRing};
use serde::Serialize;

use super::ask::{Answer, Answered};
use crate::answer::digest_text;

/// What keeps a node from being up to date; and what else is wrong with it.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Why it does not have the ring, where it does not.
    pub(super) without: Option<String>,
    also: Vec<String>,
}

impl Verdict {
    pub(super) fn of(ring: &KeyRing, answer: &Answer) -> Self {
        let answered = match answer {
            Ok(answered) => answered,
            Err(why) => return Self { without: Some(why.to_string()), also: Vec::new() },
        };
        let Answered { told, clock } = answered;
        let mut also = Vec::new();
        if !told.issuing {
            let error = told.last_error.as_deref().map(|error| format!(": {error}"));
            also.push(format!(
                "its ring is stale, and it issues nothing{}",
                error.unwrap_or_default()
            ));
        }
        let skew = ring.policy().clock_skew;
        if let Some(clock) = clock.filter(|clock| clock.seconds.unsigned_abs() > skew) {
            also.push(format!(
                "its clock is {} s {}, and {skew} s are allowed",
                clock.seconds.unsigned_abs(),
                if clock.seconds > 0 { "ahead" } else { "behind" },
            ));
        }
        Self { without: without(ring, answered), also }
    }

    /// All of it as it is told.
    pub(super) fn entry(self, node: String, answer: Answer) -> NodeEntry {
        let reasons: Vec<_> = self.without.into_iter().chain(self.also).collect();
        let (told, clock) = match answer {
            Ok(Answered { told, clock }) => (Some(told), clock),
            Err(_) => (None, None),
        };
        NodeEntry {
            node,
            laggard: !reasons.is_empty(),
            reasons,
            generation: told.as_ref().map(|told| told.generation),
            age: told.as_ref().and_then(|told| told.age),
            issuing: told.as_ref().map(|told| told.issuing),
            name: told.map(|told| told.name),
            clock_offset: clock.map(|clock| clock.seconds),
            clock_uncertainty: clock.map(|clock| clock.within),
        }
    }
}

fn without(ring: &KeyRing, answered: &Answered) -> Option<String> {
    let told = &answered.told;
    if told.name != ring.name() {
        return Some(format!("it has another ring, {}", told.name));
    }
    if told.generation < ring.generation() {
        return Some(format!("it has generation {}, not {}", told.generation, ring.generation()));
    }
    // A scoped ring follows its root's generation, and is another document.
    let same_scope = told.audience.as_deref() == ring.scope().map(Audience::as_str);
    let other = told.digest().is_some_and(|digest| digest != digest_text(ring));
    (same_scope && told.generation == ring.generation() && other)
        .then(|| format!("it has another generation {}, of other content", told.generation))
}

/// A node in `--json`.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct NodeEntry {
    pub(super) node: String,
    pub(in crate::cli) laggard: bool,
    pub(super) reasons: Vec<String>,
    name: Option<String>,
    pub(super) generation: Option<u64>,
    pub(super) age: Option<u64>,
    issuing: Option<bool>,
    pub(super) clock_offset: Option<i64>,
    pub(super) clock_uncertainty: Option<u64>,
}
