//! Rings as a state of the model holds them, and the verbs that make them.
//!
//! Every ring comes from [`rotation`], the code that the verbs run. Each question is put to it once: a
//! checker asks the same ones over and over, and derivations are slow where nothing is optimized.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};

use rand::{TryCryptoRng, TryRng};
use saddlebag_keys::rotation::{self, Due, Harm, Plan, Refused, Revoke};
use saddlebag_keys::{Key, KeyId, KeyRing, KeyState, Policy, SECRET_LEN, Secret, UnixTime, derive};
use sha2::{Digest, Sha256};

use super::sabotage::Sabotage;

/// When every life begins; clocks that are behind and keys that are active at once need times before it.
pub(crate) const START: u64 = 1_000;

/// A ring, with what is worth knowing of it once and for all.
#[derive(Clone)]
pub(crate) struct Ring(Arc<Known>);

struct Known {
    ring: KeyRing,
    /// Stands for all of it: states are compared and hashed far more often than rings are made.
    print: u64,
    /// Whether it had a standby on the clock of whoever made it.
    had_standby: bool,
    /// From when on there is exactly one active key at every instant; `None`: at some there is not.
    one_active_from: Option<u64>,
}

impl Ring {
    fn new(ring: KeyRing, now: UnixTime) -> Self {
        let had_standby = ring.standby(now).is_some();
        let mut hasher = DefaultHasher::new();
        let policy = ring.policy();
        (ring.generation(), had_standby, policy.publish_ahead).hash(&mut hasher);
        (policy.rotate_every, policy.max_token_lifetime, policy.clock_skew).hash(&mut hasher);
        for key in ring.keys() {
            (key.id(), key.created_at(), key.activates_at()).hash(&mut hasher);
            (key.drains_until(), key.revoked_at()).hash(&mut hasher);
        }
        let one_active_from = one_active_from(&ring);
        Self(Arc::new(Known { print: hasher.finish(), had_standby, one_active_from, ring }))
    }

    pub(crate) fn had_standby(&self) -> bool {
        self.0.had_standby
    }

    pub(crate) fn one_active_from(&self) -> Option<u64> {
        self.0.one_active_from
    }

    /// Whether tokens under this key are taken by who holds this ring.
    pub(crate) fn takes(&self, id: KeyId, now: u64) -> bool {
        self.key(id).is_some_and(|key| self.state(key, at(now)).verifies())
    }
}

impl Deref for Ring {
    type Target = KeyRing;

    fn deref(&self) -> &KeyRing {
        &self.0.ring
    }
}

impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        self.0.print == other.0.print
    }
}

impl Eq for Ring {}

impl PartialOrd for Ring {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ring {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.generation(), self.0.print).cmp(&(other.generation(), other.0.print))
    }
}

impl Hash for Ring {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.print.hash(hasher);
    }
}

/// `g3[q83vEg from -1 until 9, ...]`, in seconds from the start: short enough for a trace.
impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = |time: UnixTime| time.as_secs() as i64 - START as i64;
        write!(f, "g{}[", self.generation())?;
        for (n, key) in self.keys().iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} from {}", key.id(), since(key.activates_at()))?;
            if let Some(until) = key.drains_until() {
                write!(f, " until {}", since(until))?;
            }
            if key.revoked_at().is_some() {
                write!(f, " revoked")?;
            }
        }
        write!(f, "]")
    }
}

/// A verb, as a writer runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Verb {
    Rotate,
    Prune,
    Stage,
    /// Of the n-th key of the ring.
    Activate {
        nth: usize,
        force: bool,
    },
    Revoke(usize),
    RevokeAll,
    SetPolicy(Tiny),
}

/// Policies of a few seconds, which stand for days: what they are to each other is all that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tiny {
    Usual,
    /// Keys are published for a shorter time, and tokens live longer.
    Other,
    /// A standby is published so long before it is due that it can be activated early.
    Quick,
    /// The same, where all clocks are one.
    Unskewed,
}

impl Tiny {
    pub(crate) fn policy(self) -> Policy {
        let usual = Policy {
            rotate_every: 4,
            publish_ahead: 3,
            max_token_lifetime: 1,
            max_session_lifetime: 8,
            clock_skew: 1,
        };
        match self {
            Self::Usual => usual,
            Self::Other => Policy { publish_ahead: 2, max_token_lifetime: 3, ..usual },
            Self::Quick => Policy { publish_ahead: 2, ..usual },
            Self::Unskewed => Policy { publish_ahead: 1, clock_skew: 0, ..usual },
        }
    }
}

/// What a verb would save.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Planned {
    pub(crate) before: Ring,
    pub(crate) ring: Ring,
    /// The plan's own words on keys that not every node has, and until when.
    pub(crate) not_published: Vec<(KeyId, u64)>,
    pub(crate) revokes: bool,
    /// The key that issues in place of the one revoked, where the ring had to have a standby for it.
    pub(crate) heir: Option<KeyId>,
}

/// Asks the real planning code, and spoils its answers where a sabotage says so.
#[derive(Default)]
pub(crate) struct Planner {
    pub(crate) sabotage: Option<Sabotage>,
    answers: Mutex<HashMap<Question, Option<Arc<Planned>>>>,
}

/// A ring, a verb, and the time on the clock of the writer of this number.
type Question = (Ring, Verb, u64, usize);

impl Planner {
    pub(crate) fn spoiled(sabotage: Sabotage) -> Self {
        Self { sabotage: Some(sabotage), ..Self::default() }
    }

    /// The first generation.
    pub(crate) fn init(&self, policy: Policy, now: u64) -> Ring {
        let mut draws = Draws::new(0, 0);
        let plan = rotation::init("fleet", policy, at(now), &mut draws).unwrap();
        Ring::new(self.spoil(None, plan.ring, at(now)), at(now))
    }

    /// What `verb` gives; `None` where nothing is due, or it is refused.
    pub(crate) fn plan(
        &self,
        ring: &Ring,
        verb: Verb,
        now: u64,
        writer: usize,
    ) -> Option<Arc<Planned>> {
        let question = (ring.clone(), verb, now, writer);
        if let Some(answer) = self.answers.lock().unwrap().get(&question) {
            return answer.clone();
        }
        let answer = self.ask(&question).map(Arc::new);
        self.answers.lock().unwrap().insert(question, answer.clone());
        answer
    }

    fn ask(&self, (before, verb, now, writer): &Question) -> Option<Planned> {
        let now = at(*now);
        // A writer saves once for each generation that it finds, so its keys are new ones.
        let mut draws = Draws::new(writer + 1, before.generation());
        let rng = &mut draws;
        let nth = |n: &usize| before.keys().get(*n).map(Key::id);
        let due = |plan: Plan| Due::Now(Box::new(plan));
        let planned = match verb {
            Verb::Rotate => rotation::rotate(before, now, rng),
            Verb::Prune => rotation::prune(before, now, rng),
            Verb::Stage => rotation::stage(before, now, rng).map(due),
            Verb::Activate { nth: n, force } => {
                rotation::activate(before, nth(n)?, *force, now, rng).map(due)
            }
            Verb::Revoke(n) => rotation::revoke(before, Revoke::Key(nth(n)?), now, rng).map(due),
            Verb::RevokeAll => rotation::revoke(before, Revoke::All, now, rng).map(due),
            Verb::SetPolicy(to) => rotation::set_policy(before, to.policy(), now, rng),
        };
        let plan = match planned {
            Ok(Due::Now(plan)) => *plan,
            Ok(Due::At(_)) => return None,
            Err(
                Refused::NotStaged { .. }
                | Refused::TooEarly { .. }
                | Refused::AlreadyRevoked { .. }
                | Refused::AboutToActivate { .. },
            ) => return None,
            Err(refused) => panic!("{verb:?} of {before:?} is refused: {refused}"),
        };
        let not_published = plan.harm.iter().filter_map(|harm| match harm {
            Harm::NotPublished { id, until } => Some((*id, until.as_secs())),
            _ => None,
        });
        let not_published = not_published.collect();
        let ring = self.spoil(Some(before), plan.ring, now);
        let heir = match (verb, before.active(now), ring.active(now)) {
            // A standby that has become active is the one thing that may have used it up.
            (Verb::Revoke(_), Some(was), Some(is))
                if was.id() != is.id()
                    && !(before.had_standby() && before.standby(now).is_none()) =>
            {
                Some(is.id())
            }
            _ => None,
        };
        Some(Planned {
            before: before.clone(),
            ring: Ring::new(ring, now),
            not_published,
            revokes: matches!(verb, Verb::Revoke(_) | Verb::RevokeAll),
            heir,
        })
    }

    fn spoil(&self, before: Option<&Ring>, ring: KeyRing, now: UnixTime) -> KeyRing {
        match self.sabotage {
            Some(sabotage) => sabotage.of_plan(before.map(|ring| &**ring), ring, now),
            None => ring,
        }
    }
}

/// Exactly one key is active from the first activation on: looked at where anything changes, and at the
/// instants just before.
fn one_active_from(ring: &KeyRing) -> Option<u64> {
    let first = ring.keys().iter().filter(|key| key.revoked_at().is_none());
    let first = first.map(Key::activates_at).min()?;
    let times = ring.keys().iter().flat_map(|key| [Some(key.activates_at()), key.drains_until()]);
    let times = times.flatten().flat_map(|time| [time.saturating_sub(1), time]);
    let one_active = times.filter(|time| *time >= first).all(|now| {
        let states = ring.keys().iter().map(|key| ring.state(key, now));
        let active = states.filter(|state| *state == KeyState::Active).count();
        active == 1 && ring.active(now).is_some()
    });
    one_active.then_some(first.as_secs())
}

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// What a writer draws for the generation after the one that it found. Nobody else draws the same, and it
/// draws the same again wherever a path leads to the same state.
pub(crate) struct Draws {
    seed: [u64; 2],
    drawn: u64,
}

impl Draws {
    fn new(writer: usize, generation: u64) -> Self {
        Self { seed: [writer as u64, generation], drawn: 0 }
    }
}

/// The bytes of a key, for a ring that is put together by hand.
pub(crate) fn secret_of(id: KeyId) -> [u8; SECRET_LEN] {
    static DRAWN: OnceLock<HashMap<KeyId, [u8; SECRET_LEN]>> = OnceLock::new();
    let drawn = DRAWN.get_or_init(|| {
        let seeds = (0..=2).flat_map(|writer| (0..=8).map(move |generation| [writer, generation]));
        let secrets = seeds.flat_map(|seed| (1..=3).map(move |n| block(seed, n)));
        secrets.map(|secret| (derive::key_id(&Secret::from_bytes(secret)), secret)).collect()
    });
    *drawn.get(&id).unwrap_or_else(|| panic!("nobody draws {id}: there are more draws than here"))
}

fn block(seed: [u64; 2], n: u64) -> [u8; SECRET_LEN] {
    let mut digest = Sha256::new();
    for number in [seed[0], seed[1], n] {
        digest.update(number.to_be_bytes());
    }
    digest.finalize().into()
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.drawn += 1;
        bytes.copy_from_slice(&block(self.seed, self.drawn)[..bytes.len()]);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}
