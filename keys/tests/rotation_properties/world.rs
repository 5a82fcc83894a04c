//! One ring in a store, operators who change it and nodes that read it, each with a clock of its own; and lives for
//! them, drawn at random. Whatever happens in it, a [`World`] checks what no step may break.
//!
//! All clocks are within the smallest `clock_skew` of any policy, which is the one thing the design asks of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;
use rand::{TryCryptoRng, TryRng};
use saddlebag_keys::rotation::{self, Due, Harm, Plan, Refused, Revoke};
use saddlebag_keys::{Key, KeyId, KeyRing, KeyState, MOST_KEYS, Policy};
use saddlebag_keys::{UnixTime, document};
use sha2::{Digest, Sha256};

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// So many seconds pass.
    Wait(u64),
    /// Until so many seconds after (or before) the n-th coming event of the ring.
    Until(u8, i64),
    /// An operator runs a verb.
    Run(usize, Verb),
    /// A node reads the ring.
    Refresh(usize),
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    Stage,
    Rotate,
    Activate {
        key: u8,
        force: bool,
    },
    Revoke(u8),
    RevokeAll,
    Prune,
    SetPolicy(Policy),
    /// Of the n-th generation that there was.
    Restore {
        nth: u8,
    },
}

/// One ring, its history, and all who have to do with it.
pub(super) struct World {
    /// The time on the clock that is the most behind.
    pub(super) time: u64,
    /// How far the clocks of operators are ahead of it.
    pub(super) operators: Vec<u64>,
    pub(super) nodes: Vec<Node>,
    /// By generation, from 1.
    pub(super) rings: Vec<KeyRing>,
    pub(super) rng: Draws,
    pub(super) tokens: BTreeMap<(KeyId, usize), Token>,
    pub(super) published: BTreeMap<KeyId, usize>,
    pub(super) revoked: BTreeMap<KeyId, usize>,
    /// Generations that a revocation or a restore made.
    pub(super) revocations: BTreeSet<usize>,
    /// Keys whose tokens a restore gave up and said so, by the generation that it made.
    pub(super) given_up: BTreeMap<KeyId, usize>,
    pub(super) policy_changed: usize,
    /// Keys that a forced activation or a revocation made issue early.
    pub(super) early: BTreeSet<KeyId>,
    pub(super) least_publish_ahead: u64,
    pub(super) largest_offset: u64,
}

/// A node, which issues and verifies by the ring that it read last.
pub(super) struct Node {
    pub(super) offset: u64,
    pub(super) generation: usize,
    pub(super) checked_at: u64,
}

/// Of all tokens that were issued under one key in one generation, the one that lives longest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) key: KeyId,
    /// The generation by which it was issued.
    pub(super) generation: usize,
    pub(super) expires_at: u64,
}

impl World {
    pub(super) fn new(policy: Policy, operators: &[u64], nodes: &[u64], seed: u64) -> Self {
        let mut rng = Draws(seed << 32);
        let time = 1_800_000_000;
        let plan = rotation::init("fleet", policy, at(time + operators[0]), &mut rng).unwrap();
        let nodes = nodes.iter().map(|offset| Node {
            offset: *offset,
            generation: 1,
            checked_at: time + offset,
        });
        let nodes: Vec<Node> = nodes.collect();
        let offsets = operators.iter().copied();
        let offsets = offsets.chain(nodes.iter().map(|node| node.offset));
        let largest_offset = offsets.max().unwrap();
        let mut world = Self {
            time,
            operators: operators.to_vec(),
            nodes,
            rings: Vec::new(),
            rng,
            tokens: BTreeMap::new(),
            published: BTreeMap::new(),
            revoked: BTreeMap::new(),
            revocations: BTreeSet::new(),
            given_up: BTreeMap::new(),
            policy_changed: 1,
            early: BTreeSet::new(),
            least_publish_ahead: policy.publish_ahead,
            largest_offset,
        };
        world.early.insert(first_active(&plan.ring));
        world.save(plan.ring);
        world
    }

    pub(super) fn ring(&self) -> &KeyRing {
        self.rings.last().unwrap()
    }

    pub(super) fn held(&self, generation: usize) -> &KeyRing {
        &self.rings[generation - 1]
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Wait(seconds) => self.pass(self.time + seconds),
            Step::Until(nth, shift) => {
                let events = self.ring().keys().iter();
                let events = events.flat_map(|key| [Some(key.activates_at()), key.drains_until()]);
                let now = self.time;
                let mut events: Vec<u64> =
                    events.flatten().map(UnixTime::as_secs).filter(|event| *event > now).collect();
                events.sort_unstable();
                if let Some(event) = events.get(usize::from(*nth) % events.len().max(1)) {
                    self.pass(event.saturating_add_signed(*shift).max(now));
                }
            }
            Step::Refresh(node) => {
                let node = *node % self.nodes.len();
                let (time, generation) = (self.time, self.rings.len());
                let node = &mut self.nodes[node];
                node.generation = generation;
                node.checked_at = time + node.offset;
                self.pass(time);
            }
            Step::Run(operator, verb) => {
                let offset = self.operators[*operator % self.operators.len()];
                self.run(verb, at(self.time + offset));
            }
        }
    }

    /// Lets time pass until `then`: every node issues all it may, and verifies all it meets.
    pub(super) fn pass(&mut self, then: u64) {
        for node in &self.nodes {
            let ring = self.rings.get(node.generation - 1).unwrap();
            let (from, to) = (self.time + node.offset, then + node.offset);
            let stale_from = node.checked_at + ring.policy().publish_ahead;
            let keys = unrevoked(ring);
            let ends = keys.iter().skip(1).map(|next| secs(next.activates_at()));
            for (key, end) in keys.iter().zip(ends.chain([u64::MAX])) {
                let first = from.max(secs(key.activates_at()));
                let last = to.min(end - 1).min(stale_from - 1);
                if first > last {
                    continue;
                }
                // Whoever issues at `last` is told so by the ring itself.
                assert_eq!(ring.active(at(last)).map(Key::id), Some(key.id()));
                let expires_at = last + ring.policy().max_token_lifetime;
                let slot = (key.id(), node.generation);
                let known = self.tokens.get(&slot).map_or(0, |token| token.expires_at);
                let token = Token {
                    key: key.id(),
                    generation: node.generation,
                    expires_at: expires_at.max(known),
                };
                self.tokens.insert(slot, token);
            }
        }
        for token in self.tokens.values() {
            for node in &self.nodes {
                // A ring that refuses a key once refuses it from then on: the last instant tells all.
                let now = (then + node.offset).min(token.expires_at - 1);
                if now >= self.time + node.offset {
                    self.verify(token, node, now);
                }
            }
        }
        self.time = then;
        let slowest = self.time;
        self.tokens.retain(|_, token| token.expires_at > slowest);
    }

    /// "Rotation then refuses no live token at any node that has refreshed since the verifying key was
    /// published and since the policy last changed."
    pub(super) fn verify(&self, token: &Token, node: &Node, now: u64) {
        let promised =
            node.generation >= self.published[&token.key] && node.generation >= self.policy_changed;
        let refused = |by: &BTreeMap<KeyId, usize>| {
            by.get(&token.key).is_some_and(|generation| *generation <= node.generation)
        };
        let revoked = refused(&self.revoked) || refused(&self.given_up);
        // `revoke` may break the promise, and so may `restore`: a key whose successor is revoked issues for
        // longer than the nodes know that have not read of it.
        let unread = node.generation + 1..=token.generation;
        let unread = !unread.is_empty() && self.revocations.range(unread).next().is_some();
        if !promised || revoked || unread {
            return;
        }
        let ring = self.held(node.generation);
        let state = ring.key(token.key).map(|key| ring.state(key, at(now)));
        assert!(
            state.is_some_and(KeyState::verifies),
            "a node at generation {} refuses at {now} a live {token:?}: its key is {state:?}",
            node.generation
        );
    }

    pub(super) fn run(&mut self, verb: &Verb, now: UnixTime) {
        let ring = self.ring().clone();
        let nth = |n: u8| ring.keys()[usize::from(n) % ring.keys().len()].id();
        let rng = &mut self.rng;
        let planned = match verb {
            Verb::Stage => rotation::stage(&ring, now, rng).map(now_due),
            Verb::Rotate => rotation::rotate(&ring, now, rng),
            Verb::Activate { key, force } => {
                rotation::activate(&ring, nth(*key), *force, now, rng).map(now_due)
            }
            Verb::Revoke(key) => {
                rotation::revoke(&ring, Revoke::Key(nth(*key)), now, rng).map(now_due)
            }
            Verb::RevokeAll => rotation::revoke(&ring, Revoke::All, now, rng).map(now_due),
            Verb::Prune => rotation::prune(&ring, now, rng),
            Verb::SetPolicy(policy) => rotation::set_policy(&ring, *policy, now, rng),
            Verb::Restore { nth: nth_ring } => {
                let old = &self.rings[usize::from(*nth_ring) % self.rings.len()];
                rotation::restore(Some(&ring), old, 0, now, rng).map(now_due)
            }
        };
        let plan = match (planned, verb) {
            (Ok(Due::Now(plan)), _) => *plan,
            (Ok(Due::At(due)), Verb::Rotate) => {
                assert!(due > now, "a rotation that is due is not put off");
                return;
            }
            (Ok(Due::At(_)), _) => return,
            (Err(Refused::AlreadyRevoked { .. }), Verb::Revoke(_)) => return,
            (Err(refused), Verb::Revoke(_) | Verb::RevokeAll) => {
                panic!("no revocation is ever refused: {refused}")
            }
            (Err(Refused::NotStaged { .. } | Refused::TooEarly { .. }), Verb::Activate { .. }) => {
                return;
            }
            (Err(Refused::AboutToActivate { .. }), Verb::SetPolicy(_)) => return,
            (Err(Refused::NothingLeft), Verb::Restore { .. }) => return,
            (Err(Refused::Full), Verb::Restore { .. }) => return,
            (Err(Refused::Full), _) => {
                assert!(ring.keys().iter().all(|key| key.revoked_at().is_none()));
                assert_eq!(ring.keys().len(), MOST_KEYS);
                return;
            }
            (Err(refused), verb) => panic!("{verb:?} is refused: {refused}"),
        };
        let revokes = matches!(verb, Verb::Revoke(_) | Verb::RevokeAll);
        let restores = matches!(verb, Verb::Restore { .. });
        if !revokes && !restores && !matches!(verb, Verb::Activate { force: true, .. }) {
            assert_eq!(plan.harm, []);
        }
        let next = self.rings.len() + 1;
        for key in plan.ring.keys() {
            let moved = ring.key(key.id());
            let moved = moved.is_none_or(|old| old.activates_at() != key.activates_at());
            let early = key.activates_at() < key.created_at().saturating_add(1);
            if moved
                && (early
                    || revokes
                    || restores
                    || matches!(verb, Verb::Activate { force: true, .. }))
            {
                self.early.insert(key.id());
            }
        }
        if revokes {
            self.revocations.insert(next);
            nobody_falls_back(&ring, &plan.ring, self.time, self.largest_offset);
        }
        if restores {
            self.revocations.insert(next);
            self.restored(&plan, next);
        }
        if plan.ring.policy() != ring.policy() {
            self.policy_changed = next;
            self.least_publish_ahead =
                self.least_publish_ahead.min(plan.ring.policy().publish_ahead);
        }
        assert!(plan.ring.standby(now).is_some(), "every save leaves a standby");
        self.goes_on_from(&ring, &plan.ring, restores);
        self.save(plan.ring);
    }

    /// A restore may give up tokens of keys that are about to issue, and says of which.
    pub(super) fn restored(&mut self, plan: &Plan, generation: usize) {
        for harm in &plan.harm {
            match harm {
                Harm::TokensRefused { id, .. } => {
                    assert!(plan.ring.key(*id).is_none());
                    self.given_up.entry(*id).or_insert(generation);
                }
                Harm::NotPublished { id, .. } => assert!(plan.ring.key(*id).is_some()),
                other => panic!("{other}"),
            }
        }
    }

    /// What holds between any generation and the one after it.
    pub(super) fn goes_on_from(&self, old: &KeyRing, new: &KeyRing, restores: bool) {
        assert_eq!(new.generation(), old.generation() + 1);
        for key in new.keys() {
            let Some(before) = old.key(key.id()) else {
                continue;
            };
            assert_eq!(key.created_at(), before.created_at());
            assert!(restores || key.activates_at() <= before.activates_at(), "no key is put off");
            assert!(key.drains_until() >= before.drains_until(), "no drain is lowered");
            if before.revoked_at().is_some() {
                assert_eq!(key, before, "a revoked key stays as it is");
            }
        }
    }

    pub(super) fn save(&mut self, ring: KeyRing) {
        let generation = self.rings.len() + 1;
        assert_eq!(ring.generation(), generation as u64);
        assert!(ring.keys().len() <= MOST_KEYS);
        let ids: BTreeSet<KeyId> = ring.keys().iter().map(Key::id).collect();
        assert_eq!(ids.len(), ring.keys().len());
        // Reading validates.
        assert_eq!(document::parse(&document::to_json(&ring)).unwrap(), ring);
        for key in ring.keys() {
            self.published.entry(key.id()).or_insert(generation);
            if key.revoked_at().is_some() {
                self.revoked.entry(key.id()).or_insert(generation);
                for now in [self.time, secs(key.activates_at()), 9_999_999_999] {
                    assert_eq!(ring.state(key, at(now)), KeyState::Revoked);
                }
            } else {
                assert!(!self.revoked.contains_key(&key.id()), "revoked is for ever");
                let published = key.created_at().saturating_add(self.least_publish_ahead);
                assert!(
                    self.early.contains(&key.id()) || key.activates_at() >= published,
                    "no key issues before it has been published for publish_ahead"
                );
            }
        }
        // No clock is before `time` from here on, so this is every instant there is.
        let keys = unrevoked(&ring);
        assert!(
            secs(keys[0].activates_at()) <= self.time,
            "the clock that is the most behind has no active key"
        );
        for now in keys.iter().flat_map(|key| {
            let activates_at = secs(key.activates_at());
            [activates_at, activates_at.saturating_sub(1)]
        }) {
            let now = at(now.max(self.time));
            let active = ring.active(now).unwrap();
            assert_eq!(ring.state(active, now), KeyState::Active);
            let states = ring.keys().iter().map(|key| ring.state(key, now));
            assert_eq!(states.filter(|state| *state == KeyState::Active).count(), 1);
        }
        self.rings.push(ring);
    }
}

/// On no clock does a revocation make a key issue that was draining there.
pub(super) fn nobody_falls_back(old: &KeyRing, new: &KeyRing, time: u64, largest_offset: u64) {
    for now in (time..=time + largest_offset).map(at) {
        let (before, after) = (old.active(now).unwrap(), new.active(now).unwrap());
        let again = old.key(after.id()).map(|key| old.state(key, now));
        assert!(
            matches!(again, None | Some(KeyState::Staged)) || after.id() == before.id(),
            "at {now} the {again:?} key {} issues after {}",
            after.id(),
            before.id()
        );
    }
}

pub(super) fn first_active(ring: &KeyRing) -> KeyId {
    unrevoked(ring)[0].id()
}

pub(super) fn unrevoked(ring: &KeyRing) -> Vec<&Key> {
    let keys = ring.keys().iter();
    let mut keys: Vec<&Key> = keys.filter(|key| key.revoked_at().is_none()).collect();
    keys.sort_by_key(|key| key.activates_at());
    keys
}

pub(super) fn now_due(plan: Plan) -> Due {
    Due::Now(Box::new(plan))
}

pub(super) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

pub(super) fn secs(time: UnixTime) -> u64 {
    time.as_secs()
}

/// Bytes that repeat from run to run, so that a counterexample can be looked at twice.
pub(super) struct Draws(pub(super) u64);

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_le_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

/// From a second to about three years, as many short as long.
pub(super) fn long_or_short() -> impl Strategy<Value = u64> {
    (0_u32..27, any::<u32>()).prop_map(|(bits, noise)| {
        let least = 1_u64 << bits;
        least + u64::from(noise) % least
    })
}

/// Policies that can be followed, all of at least this skew.
pub(super) fn policy(least_skew: u64) -> impl Strategy<Value = Policy> {
    let parts = (1_u64..20, 1_u64..40, 1_u64..20, 1_u64..40, least_skew..=300);
    let parts = parts.prop_map(|(unit, publish, rotate, lifetime, clock_skew)| Policy {
        publish_ahead: unit * publish * 600,
        rotate_every: unit * publish * 600 * rotate,
        max_token_lifetime: unit * lifetime * 1_200,
        max_session_lifetime: 365 * 86_400,
        clock_skew,
    });
    parts.prop_filter("at most 24 keys", |policy| policy.keys_needed() <= 24)
}

pub(super) fn verb(least_skew: u64) -> impl Strategy<Value = Verb> {
    prop_oneof![
        2 => Just(Verb::Stage),
        6 => Just(Verb::Rotate),
        3 => (any::<u8>(), any::<bool>()).prop_map(|(key, force)| Verb::Activate { key, force }),
        2 => any::<u8>().prop_map(Verb::Revoke),
        1 => Just(Verb::RevokeAll),
        1 => Just(Verb::Prune),
        2 => policy(least_skew).prop_map(Verb::SetPolicy),
        2 => any::<u8>().prop_map(|nth| Verb::Restore { nth }),
    ]
}

pub(super) fn step(least_skew: u64) -> impl Strategy<Value = Step> {
    let shift = -400_i64..=400;
    prop_oneof![
        2 => long_or_short().prop_map(Step::Wait),
        4 => (0_u8..6, shift).prop_map(|(nth, shift)| Step::Until(nth, shift)),
        7 => (0_usize..3, verb(least_skew)).prop_map(|(who, verb)| Step::Run(who, verb)),
        4 => (0_usize..4).prop_map(Step::Refresh),
    ]
}

/// A policy, how far the clocks of three operators and four nodes are ahead, and what they do.
pub(super) fn lives() -> impl Strategy<Value = (Policy, Vec<u64>, Vec<u64>, Vec<Step>)> {
    prop_oneof![Just(0_u64), Just(1), Just(60), 0_u64..=300].prop_flat_map(|skew| {
        let clock = prop_oneof![Just(0), Just(skew), 0..=skew];
        (
            policy(skew),
            proptest::collection::vec(clock.clone(), 3),
            proptest::collection::vec(clock, 4),
            proptest::collection::vec(step(skew), 1..80),
        )
    })
}
