//! Whatever keys and policy a ring has, no verb panics; what a verb makes is a ring with a standby, and
//! with an active key wherever there was one; and it survives being written down.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rand::rngs::SysRng;
use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::rotation::{self, Due, Plan, Refused, Revoke};
use saddlebag::keys::{KeyRing, Policy, UnixTime, document};

#[derive(Arbitrary, Debug)]
struct Input {
    policy: [u32; 5],
    keys: Vec<InputKey>,
    verbs: Vec<(u32, Verb)>,
}

#[derive(Arbitrary, Debug)]
struct InputKey {
    seed: u8,
    created_at: u32,
    activates_at: u32,
    drains_until: Option<u32>,
    revoked_at: Option<u32>,
}

#[derive(Arbitrary, Debug)]
enum Verb {
    Stage,
    Rotate,
    Prune,
    Activate(u8, bool),
    Revoke(u8),
    RevokeAll,
    Policy([u32; 5]),
}

fuzz_target!(|input: Input| {
    let time = |seconds: u32| UnixTime::from_secs(seconds.into());
    let keys = input.keys.iter().take(40).map(|key| ChosenKey {
        secret: std::array::from_fn(|i| (i as u8).wrapping_mul(97) ^ key.seed.wrapping_mul(3)),
        id: None,
        created_at: time(key.created_at),
        activates_at: time(key.activates_at),
        drains_until: key.drains_until.map(time),
        revoked_at: key.revoked_at.map(time),
    });
    let keys: Vec<ChosenKey> = keys.collect();
    let Ok(mut ring) = insecure::ring("life", 1, policy(input.policy), &keys) else {
        return;
    };
    let mut now = 0_u64;
    for (later, verb) in input.verbs.iter().take(24) {
        now += u64::from(later % 10_000_000);
        let Ok(Some(plan)) = carried_out(&ring, verb, UnixTime::from_secs(now)) else {
            continue;
        };
        follows(&ring, &plan, verb, UnixTime::from_secs(now));
        ring = plan.ring;
    }
});

fn policy([rotate, ahead, token, session, skew]: [u32; 5]) -> Policy {
    Policy {
        rotate_every: rotate.into(),
        publish_ahead: ahead.into(),
        max_token_lifetime: token.into(),
        max_session_lifetime: session.into(),
        clock_skew: u64::from(skew % 301),
    }
}

fn carried_out(ring: &KeyRing, verb: &Verb, now: UnixTime) -> Result<Option<Plan>, Refused> {
    let rng = &mut SysRng;
    let id = |n: u8| ring.keys()[usize::from(n) % ring.keys().len()].id();
    let due = |due| match due {
        Due::Now(plan) => Some(*plan),
        Due::At(_) => None,
    };
    match verb {
        Verb::Stage => rotation::stage(ring, now, rng).map(Some),
        Verb::Rotate => rotation::rotate(ring, now, rng).map(due),
        Verb::Prune => rotation::prune(ring, now, rng).map(due),
        Verb::Activate(n, force) => rotation::activate(ring, id(*n), *force, now, rng).map(Some),
        Verb::Revoke(n) => rotation::revoke(ring, Revoke::Key(id(*n)), now, rng).map(Some),
        Verb::RevokeAll => rotation::revoke(ring, Revoke::All, now, rng).map(Some),
        Verb::Policy(values) => rotation::set_policy(ring, policy(*values), now, rng).map(due),
    }
}

fn follows(before: &KeyRing, plan: &Plan, verb: &Verb, now: UnixTime) {
    let ring = &plan.ring;
    assert_eq!(ring.generation(), before.generation() + 1);
    assert!(ring.standby(now).is_some(), "no standby after {verb:?}");
    if before.active(now).is_some() {
        assert!(ring.active(now).is_some(), "no active key after {verb:?}");
    }
    for key in before.keys().iter().filter(|key| key.revoked_at().is_some()) {
        let kept = ring.key(key.id());
        assert!(kept.is_none_or(|kept| kept.revoked_at().is_some()), "a revoked key lives again");
    }
    let written = document::to_json(ring);
    match document::parse(&written) {
        Ok(read) => assert_eq!(&read, ring),
        // The fuzzer's own secrets may be weak.
        Err(refused) => assert!(refused.to_string().contains("is weak"), "{refused}"),
    }
}
