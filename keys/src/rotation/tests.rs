//! Every rule of the design's list for the key ring, one verb a file, and every refusal in its words.

use std::convert::Infallible;

use rand::TryRng;
use sha2::{Digest, Sha256};

use super::*;
use crate::audience::Audience;

mod activate;
mod init;
mod lives;
mod policy;
mod prune;
mod restore;
mod revoke;
mod rotate;
mod timeline;

const DAY: u64 = 86_400;
/// 2027-01-15T08:00:00Z.
const NOW: u64 = 1_800_000_000;
/// What the default policy lets a key drain: a day ahead, a token of 30 days, twice a minute.
const DRAIN: u64 = 31 * DAY + 120;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// Bytes that repeat from run to run, and are not those of a timeline's imagined keys.
struct Draws(u64);

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0 += 1;
        bytes.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..bytes.len()]);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

/// A ring and its verbs, without the arguments that are the same in every test.
struct Life {
    ring: KeyRing,
    rng: Draws,
    harm: Vec<Harm>,
    changes: Vec<Change>,
}

impl Life {
    fn new() -> Self {
        Self::with(Policy::default())
    }

    fn with(policy: Policy) -> Self {
        let mut rng = Draws(0);
        let plan = init("shop", policy, at(NOW), &mut rng).unwrap();
        Self { ring: plan.ring, rng, harm: plan.harm, changes: plan.changes }
    }

    fn take(&mut self, plan: Plan) -> &mut Self {
        assert_eq!(plan.ring.generation, self.ring.generation + 1);
        assert_eq!(plan.ring.clone().validated().as_ref(), Ok(&plan.ring));
        Plan { ring: self.ring, harm: self.harm, changes: self.changes, .. } = plan;
        self
    }

    fn stage(&mut self, now: u64) -> &mut Self {
        let plan = stage(&self.ring, at(now), &mut self.rng).unwrap();
        self.take(plan)
    }

    fn rotate(&mut self, now: u64) -> &mut Self {
        let due = rotate(&self.ring, at(now), &mut self.rng).unwrap();
        self.take(plan(due))
    }

    fn activate(&mut self, key: KeyId, force: bool, now: u64) -> &mut Self {
        let plan = activate(&self.ring, key, force, at(now), &mut self.rng).unwrap();
        self.take(plan)
    }

    fn revoke(&mut self, which: Revoke, now: u64) -> &mut Self {
        let plan = revoke(&self.ring, which, at(now), &mut self.rng).unwrap();
        self.take(plan)
    }

    fn set_policy(&mut self, policy: Policy, now: u64) -> &mut Self {
        let due = set_policy(&self.ring, policy, at(now), &mut self.rng).unwrap();
        self.take(plan(due))
    }

    fn key(&self, n: u64) -> &Key {
        self.ring.key(nth(n)).unwrap()
    }

    fn activates_at(&self, n: u64) -> u64 {
        self.key(n).activates_at.as_secs()
    }

    fn drains_until(&self, n: u64) -> Option<u64> {
        self.key(n).drains_until.map(UnixTime::as_secs)
    }

    fn state(&self, n: u64, now: u64) -> KeyState {
        self.ring.state(self.key(n), at(now))
    }

    fn active(&self, now: u64) -> Option<KeyId> {
        self.ring.active(at(now)).map(Key::id)
    }
}

/// The key that was made as the n-th, from 0.
fn nth(n: u64) -> KeyId {
    derive::key_id(&Secret::random(&mut Draws(n)).unwrap())
}

fn plan(due: Due) -> Plan {
    match due {
        Due::Now(plan) => *plan,
        Due::At(due) => panic!("nothing is due before {due}"),
    }
}

#[test]
fn scoped_rings_are_refused_by_every_verb() {
    let life = Life::new();
    let shop = Audience::new("shop").unwrap();
    let (ring, now) = (&life.ring.scoped_to(&shop).unwrap(), at(NOW));
    let (id, rng) = (nth(0), &mut Draws(9));
    for refused in [
        stage(ring, now, rng).map(|_| ()),
        rotate(ring, now, rng).map(|_| ()),
        activate(ring, id, true, now, rng).map(|_| ()),
        revoke(ring, Revoke::Key(id), now, rng).map(|_| ()),
        revoke(ring, Revoke::All, now, rng).map(|_| ()),
        prune(ring, now, rng).map(|_| ()),
        set_policy(ring, Policy::default(), now, rng).map(|_| ()),
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the ring is scoped to shop: change its root ring, and export it again"
        );
    }
}

/// T04.
#[test]
fn a_key_whose_id_is_taken_is_drawn_again() {
    let life = Life::new();
    // These draws begin with the secrets that the ring has already.
    let plan = stage(&life.ring, at(NOW), &mut Draws(0)).unwrap();
    assert_eq!(plan.ring.keys[2].id, nth(2));
}

#[test]
fn no_random_numbers_no_key() {
    struct Broken;
    impl TryRng for Broken {
        type Error = std::fmt::Error;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Err(std::fmt::Error)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Err(std::fmt::Error)
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            Err(std::fmt::Error)
        }
    }
    impl TryCryptoRng for Broken {}
    let refused = stage(&Life::new().ring, at(NOW), &mut Broken).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no random numbers: an error occurred when formatting an argument"
    );
}

#[test]
fn times_that_the_document_cannot_say_are_refused() {
    // A clock that is wrong by millennia must not save a ring that nobody can read.
    let year_9999 = at(253_370_764_800);
    let refused =
        init("shop", Policy::default(), year_9999.saturating_add(364 * DAY), &mut Draws(0));
    assert_eq!(
        refused.unwrap_err().to_string(),
        format!("the key {} has a time after the year 9999", nth(0))
    );
}

#[test]
fn the_last_generation_is_refused() {
    let mut ring = Life::new().ring;
    ring.generation = (1 << 53) - 1;
    let refused = stage(&ring, at(NOW), &mut Draws(9)).unwrap_err();
    assert_eq!(refused.to_string(), "generation is 9007199254740992, not 1 to 9007199254740991");
}

#[test]
fn every_change_is_told_in_a_sentence() {
    let mut life = Life::new();
    let [first, standby] = [nth(0), nth(1)];
    let told =
        |life: &Life| -> Vec<String> { life.changes.iter().map(Change::to_string).collect() };
    assert_eq!(
        told(&life),
        [
            format!("key {first} is new, and active from 2027-01-15T07:59:00Z on"),
            format!("key {standby} is staged, and activates at 2027-02-14T07:59:00Z"),
        ]
    );
    life.activate(standby, true, NOW + 60);
    assert_eq!(
        told(&life),
        [
            format!("key {standby} activates at 2027-01-15T08:01:00Z, not at 2027-02-14T07:59:00Z"),
            format!("key {standby} verifies until 2027-03-17T08:03:00Z"),
            format!("key {} is staged, and activates at 2027-02-14T08:01:00Z", nth(2)),
        ]
    );
    let shorter = Policy { max_token_lifetime: DAY, clock_skew: 30, ..Policy::default() };
    life.set_policy(shorter, NOW + 61);
    assert_eq!(
        told(&life),
        ["policy: max_token_lifetime 2592000 s -> 86400 s clock_skew 60 s -> 30 s"]
    );
    life.revoke(Revoke::Key(first), NOW + 10_000);
    assert_eq!(told(&life), [format!("key {first}, which was draining, is revoked")]);
    life.rotate(NOW + 90 * DAY);
    assert!(told(&life).contains(&format!("key {first}, which was revoked, is dropped")));
}
