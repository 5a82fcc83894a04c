//! A fleet: one ring in a store, writers that change it, nodes that read it, each with a clock of its own.
//!
//! Time is in whole seconds and shared; a clock is ahead of it by a fixed number of them, 0 to the
//! policy's `clock_skew`. Nodes issue whenever they may: a token more can only break a promise, never mend
//! it, and of two tokens under one key the one that ends later tells all.

use std::collections::BTreeMap;
use std::sync::Arc;

use saddlebag_keys::{KeyId, MemoryStore, Store};
use stateright::{Model, Property};

use super::promises;
use super::rings::{Planned, Planner, Ring, START, Tiny, Verb, at};
use super::sabotage::Sabotage;

/// Who there is, what they may do, and how far the checker goes.
pub(crate) struct Fleet {
    /// How far the clock of each writer is ahead.
    pub(crate) writers: Vec<u64>,
    /// The same for the nodes: one life begins with each of these.
    pub(crate) nodes: Vec<Vec<u64>>,
    /// The first generation's.
    pub(crate) policy: Tiny,
    /// What writers run beside `rotate`.
    pub(crate) verbs: Verbs,
    /// Seconds that pass.
    pub(crate) seconds: u64,
    /// The last generation that anybody makes.
    pub(crate) generations: u64,
    /// Whether a writer may plan while another holds a plan.
    pub(crate) races: bool,
    /// Whether writers crash, requests and answers are lost, and nodes restart.
    pub(crate) faults: bool,
    /// Whether the store has a replica that is behind for the rest of the second.
    pub(crate) replica: bool,
    /// Seconds that may pass between a plan and its save, which everybody reckons with.
    pub(crate) longest_save: u64,
    pub(crate) planner: Planner,
}

/// What an operator may do to a ring that keeps itself going.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verbs {
    pub(crate) prune: bool,
    pub(crate) stage: bool,
    pub(crate) activate: bool,
    pub(crate) force: bool,
    pub(crate) revoke: bool,
    pub(crate) policy: bool,
}

/// Everything there is at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) time: u64,
    pub(crate) store: Ring,
    /// What a replica of the store may still answer.
    pub(crate) replica: Option<Ring>,
    /// How often a save has succeeded, the first one included.
    pub(crate) saves: u64,
    pub(crate) writers: Vec<Writer>,
    pub(crate) nodes: Vec<Node>,
    /// Until when the last token under each key lives, by every clock that has not reached it.
    pub(crate) tokens: BTreeMap<KeyId, u64>,
    pub(crate) keys: BTreeMap<KeyId, History>,
    /// The generation that the last revocation made, and the one of the last change of policy.
    pub(crate) revocation: u64,
    pub(crate) policy_change: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Idle,
    /// It has read a ring and made a plan, which nobody has seen yet.
    Holds {
        plan: Arc<Planned>,
        since: u64,
    },
    /// It has asked for a save, and heard nothing.
    Unsure {
        wanted: Ring,
        /// What it does not know.
        saved: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node {
    /// How far its clock is ahead.
    pub(crate) ahead: u64,
    /// `None` after a restart, until it reads one.
    pub(crate) ring: Option<Ring>,
    /// The highest generation that it has read; in its `--state-dir`, restarts do not lower it.
    pub(crate) high_water: u64,
    /// Seconds since the last good check, no more than make it stale.
    pub(crate) unchecked: u64,
}

/// What has become of a key, in generations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct History {
    pub(crate) published: u64,
    pub(crate) revoked: Option<u64>,
    /// The generation before the revocation that made it issue.
    pub(crate) heir_since: Option<u64>,
    /// A plan said that nodes may not have it until then.
    pub(crate) not_everywhere_until: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// A second passes.
    Second,
    /// A writer reads the ring and makes a plan.
    Plan(usize, Verb),
    Save(usize, Fate),
    /// A writer that is unsure looks at what the store holds.
    ReadBack(usize),
    /// A writer forgets its plan.
    Crash(usize),
    /// A node reads the store, or a replica that is behind.
    Read(usize),
    ReadReplica(usize),
    /// A node forgets its ring.
    Restart(usize),
}

/// What becomes of a save.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Answered,
    RequestLost,
    AnswerLost,
}

impl Node {
    pub(crate) fn clock(&self, time: u64) -> u64 {
        time + self.ahead
    }

    /// The key under which it issues now.
    pub(crate) fn issues(&self, fleet: &Fleet, time: u64) -> Option<KeyId> {
        let ring = self.ring.as_ref()?;
        let stale = self.is_stale() && fleet.planner.sabotage != Some(Sabotage::NeverStale);
        if stale { None } else { ring.active(at(self.clock(time))).map(|key| key.id()) }
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| self.unchecked >= ring.policy().publish_ahead)
    }

    /// The rule of `KeyRingHandle::offer` and of the high-water file.
    fn offered(&mut self, ring: &Ring, sabotage: Option<Sabotage>) -> bool {
        let same = self.ring.as_ref() == Some(ring);
        let newer = match self.ring {
            Some(ref held) => ring.generation() > held.generation(),
            None => {
                ring.generation() >= self.high_water || sabotage == Some(Sabotage::ForgetsHighWater)
            }
        };
        if !same && !newer && sabotage != Some(Sabotage::TakesOlder) {
            return false;
        }
        self.high_water = self.high_water.max(ring.generation());
        self.ring = Some(ring.clone());
        self.unchecked = 0;
        true
    }
}

impl Fleet {
    fn begin(&self, nodes: &[u64]) -> World {
        let ring = self.planner.init(self.policy.policy(), START + self.writers[0]);
        let nodes = nodes.iter().map(|ahead| Node {
            ahead: *ahead,
            ring: Some(ring.clone()),
            high_water: 1,
            unchecked: 0,
        });
        let mut world = World {
            time: START,
            replica: None,
            saves: 1,
            writers: vec![Writer::Idle; self.writers.len()],
            nodes: nodes.collect(),
            tokens: BTreeMap::new(),
            keys: BTreeMap::new(),
            revocation: 0,
            policy_change: 0,
            store: ring,
        };
        world.note_keys();
        self.goes_on(world)
    }

    /// What happens by itself after every step: nodes issue all they may.
    fn goes_on(&self, mut world: World) -> World {
        let time = world.time;
        for node in &world.nodes {
            if let (Some(ring), Some(key)) = (&node.ring, node.issues(self, time)) {
                let ends = node.clock(time) + ring.policy().max_token_lifetime;
                let last = world.tokens.entry(key).or_insert(ends);
                *last = ends.max(*last);
            }
        }
        world.tokens.retain(|_, ends| *ends > time);
        // Which node is which tells nothing.
        world.nodes.sort();
        world
    }

    fn verbs(&self, ring: &Ring) -> Vec<Verb> {
        let Verbs { prune, stage, activate, force, revoke, policy } = self.verbs;
        let mut verbs = vec![Verb::Rotate];
        verbs.extend(prune.then_some(Verb::Prune));
        verbs.extend(stage.then_some(Verb::Stage));
        for nth in 0..ring.keys().len() {
            verbs.extend(activate.then_some(Verb::Activate { nth, force: false }));
            verbs.extend(force.then_some(Verb::Activate { nth, force: true }));
            verbs.extend(revoke.then_some(Verb::Revoke(nth)));
        }
        verbs.extend(revoke.then_some(Verb::RevokeAll));
        let others = self.policies().into_iter().filter(|_| policy);
        verbs.extend(others.map(Verb::SetPolicy));
        verbs
    }

    /// Those that a life can have.
    pub(crate) fn policies(&self) -> Vec<Tiny> {
        let other = Some(Tiny::Other).filter(|_| self.verbs.policy);
        [self.policy].into_iter().chain(other).collect()
    }

    fn ends_at(&self) -> u64 {
        START + self.seconds
    }

    fn swap(&self, world: &mut World, plan: &Planned) -> bool {
        let expected = match self.planner.sabotage {
            Some(Sabotage::SavesUnchecked) => world.store.generation(),
            _ => plan.before.generation(),
        };
        // The real compare and swap, on a store that holds what this one does.
        let store = MemoryStore::new();
        store.save(&world.store, None).unwrap();
        match store.save(&plan.ring, Some(expected)) {
            Ok(()) => {}
            Err(lost) => {
                assert_eq!(lost.conflict(), Some(Some(world.store.generation())));
                return false;
            }
        }
        let older = std::mem::replace(&mut world.store, plan.ring.clone());
        world.replica = Some(older).filter(|_| self.replica);
        world.saves += 1;
        world.note_keys();
        world.note_plan(plan);
        true
    }
}

impl World {
    fn note_keys(&mut self) {
        let generation = self.store.generation();
        for key in self.store.keys() {
            let history = self.keys.entry(key.id()).or_insert(History {
                published: generation,
                revoked: None,
                heir_since: None,
                not_everywhere_until: 0,
            });
            if key.revoked_at().is_some() {
                history.revoked.get_or_insert(generation);
            }
        }
    }

    fn note_plan(&mut self, plan: &Planned) {
        for (id, until) in &plan.not_published {
            if let Some(history) = self.keys.get_mut(id) {
                history.not_everywhere_until = history.not_everywhere_until.max(*until);
            }
        }
        if let Some(history) = plan.heir.and_then(|heir| self.keys.get_mut(&heir)) {
            history.heir_since.get_or_insert(plan.before.generation());
        }
        if plan.revokes {
            self.revocation = plan.ring.generation();
        }
        if plan.ring.policy() != plan.before.policy() {
            self.policy_change = plan.ring.generation();
        }
    }
}

impl Model for Fleet {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        self.nodes.iter().map(|nodes| self.begin(nodes)).collect()
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        let idle = world.writers.iter().filter(|writer| **writer == Writer::Idle).count();
        let may_plan = self.races || idle == world.writers.len();
        let longest_save = match self.planner.sabotage {
            Some(Sabotage::SavesLate(by)) => self.longest_save + by,
            _ => self.longest_save,
        };
        // Nothing comes between a plan and the same second's save but other writers: who reads in between
        // might have read before. This keeps the number of orders down.
        let (mut time_passes, mut nodes_act) = (world.time < self.ends_at(), true);
        for (n, writer) in world.writers.iter().enumerate() {
            match writer {
                Writer::Idle if may_plan && world.store.generation() < self.generations => {
                    let now = world.time + self.writers[n];
                    let verbs = self.verbs(&world.store).into_iter();
                    let verbs = verbs
                        .filter(|verb| self.planner.plan(&world.store, *verb, now, n).is_some());
                    steps.extend(verbs.map(|verb| Step::Plan(n, verb)));
                }
                Writer::Idle => {}
                Writer::Holds { since, .. } => {
                    time_passes &= world.time - since < longest_save;
                    nodes_act &= *since < world.time;
                    steps.push(Step::Save(n, Fate::Answered));
                    if self.faults {
                        steps.push(Step::Save(n, Fate::RequestLost));
                        steps.push(Step::Save(n, Fate::AnswerLost));
                        steps.push(Step::Crash(n));
                    }
                }
                Writer::Unsure { .. } => {
                    (time_passes, nodes_act) = (false, false);
                    steps.push(Step::ReadBack(n));
                }
            }
        }
        for (n, node) in world.nodes.iter().enumerate().filter(|_| nodes_act) {
            if node.unchecked > 0 || node.ring.as_ref() != Some(&world.store) {
                steps.push(Step::Read(n));
            }
            if world.replica.is_some() {
                steps.push(Step::ReadReplica(n));
            }
            if self.faults && node.ring.is_some() {
                steps.push(Step::Restart(n));
            }
        }
        if time_passes {
            steps.push(Step::Second);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        match step {
            Step::Second => {
                next.time += 1;
                next.replica = None;
                for node in &mut next.nodes {
                    node.unchecked = (node.unchecked + 1).min(LONGEST_UNCHECKED);
                }
            }
            Step::Plan(n, verb) => {
                let now = world.time + self.writers[n];
                let plan = self.planner.plan(&world.store, verb, now, n)?;
                next.writers[n] = Writer::Holds { plan, since: world.time };
            }
            Step::Save(n, fate) => {
                let Writer::Holds { plan, .. } = &world.writers[n] else {
                    return None;
                };
                let saved = fate != Fate::RequestLost && self.swap(&mut next, plan);
                next.writers[n] = match fate {
                    Fate::Answered => Writer::Idle,
                    _ => Writer::Unsure { wanted: plan.ring.clone(), saved },
                };
            }
            Step::ReadBack(n) | Step::Crash(n) => next.writers[n] = Writer::Idle,
            Step::Read(n) => {
                if !next.nodes[n].offered(&world.store, self.planner.sabotage) {
                    return None;
                }
            }
            Step::ReadReplica(n) => {
                let older = world.replica.as_ref()?;
                if !next.nodes[n].offered(older, self.planner.sabotage) {
                    return None;
                }
            }
            Step::Restart(n) => {
                let node = &mut next.nodes[n];
                (node.ring, node.unchecked) = (None, 0);
            }
        }
        Some(self.goes_on(next))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::all(self)
    }
}

/// Stale by every policy.
const LONGEST_UNCHECKED: u64 = 3;
