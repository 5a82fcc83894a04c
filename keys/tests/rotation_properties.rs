//! What no sequence of verbs may break, whoever runs them and however far apart the clocks are.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

#[path = "rotation_properties/world.rs"]
mod world;

use std::sync::{Arc, Barrier};

use proptest::prelude::*;
use saddlebag_keys::rotation::{self, Due, Refused};
use saddlebag_keys::{KeyRing, MemoryStore, Policy, Store, document};
use world::{Draws, Step, Verb, World, at, lives, secs, unrevoked};

proptest! {
    #![proptest_config(ProptestConfig {
        // 128, or as many as PROPTEST_CASES asks for, halved: a case is a life of decades.
        cases: ProptestConfig::default().cases / 2,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// T53, T54.
    #[test]
    fn whoever_does_what_when_the_ring_keeps_its_promises(
        (policy, operators, nodes, steps) in lives(),
        seed in any::<u32>(),
    ) {
        let mut world = World::new(policy, &operators, &nodes, seed.into());
        for step in &steps {
            world.take(step);
        }
        // The last tokens end.
        world.pass(world.time + 200 * 86_400);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 4,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Also where the present ring is the older one, or lost: what was revoked since then is known to nobody.
    #[test]
    fn any_generation_can_be_restored_over_any_other_and_over_none(
        (policy, operators, nodes, steps) in lives(),
        pairs in proptest::collection::vec((any::<u8>(), any::<Option<u8>>()), 8),
        seed in any::<u32>(),
    ) {
        let mut world = World::new(policy, &operators, &nodes, seed.into());
        for step in &steps {
            world.take(step);
        }
        for (old, present) in pairs {
            let nth = |n: u8| &world.rings[usize::from(n) % world.rings.len()];
            restores(&world, nth(old), present.map(nth));
        }
    }
}

fn restores(world: &World, old: &KeyRing, present: Option<&KeyRing>) {
    let now = at(world.time + world.operators[0]);
    let above = world.rings.len() as u64;
    let ring = match rotation::restore(present, old, above, now, &mut Draws(1 << 62)) {
        Ok(plan) => plan.ring,
        Err(Refused::NothingLeft | Refused::Full) => return,
        Err(refused) => panic!("{refused}"),
    };
    assert_eq!(ring.generation(), above + 1);
    assert_eq!(document::parse(&document::to_json(&ring)).unwrap(), ring);
    assert!(ring.standby(now).is_some());
    assert!(
        secs(unrevoked(&ring)[0].activates_at()) <= world.time,
        "on every clock a key is active"
    );
    let active = old.key(ring.active(now).unwrap().id());
    assert!(active.is_some_and(|key| key.revoked_at().is_none()), "the old ring's keys issue");
    for before in [Some(old), present].into_iter().flatten().flat_map(KeyRing::keys) {
        let Some(key) = ring.key(before.id()) else { continue };
        assert_eq!(key.created_at(), before.created_at());
        assert!(before.revoked_at().is_none() || key.revoked_at().is_some(), "revoked is for ever");
        assert!(key.revoked_at().is_some() || key.drains_until() >= before.drains_until());
    }
    // Who verified by the present ring does so by the next, unless a verb or this restore says otherwise.
    for known in present.unwrap_or(old).keys() {
        let verifies = |ring: &KeyRing| {
            ring.key(known.id()).is_some_and(|key| ring.state(key, now).verifies())
        };
        let has_issued = known.activates_at() <= now || known.drains_until().is_some();
        let revoked = old.key(known.id()).is_some_and(|key| key.revoked_at().is_some());
        if verifies(present.unwrap_or(old)) && has_issued && !revoked {
            assert!(verifies(&ring), "key {} is given up", known.id());
        }
    }
}

fn day_and_hour() -> Policy {
    Policy {
        rotate_every: 86_400,
        publish_ahead: 3_600,
        max_token_lifetime: 7_200,
        max_session_lifetime: 86_400,
        clock_skew: 60,
    }
}

fn steps(world: &mut World, steps: &[Step]) {
    for step in steps {
        world.take(step);
    }
}

/// T54: a minute of `drains_until` is for the clock of the node that issues, the other for that of whoever
/// prunes.
#[test]
fn the_last_token_of_the_fastest_node_outlives_no_prune_on_the_fastest_clock() {
    let mut world = World::new(day_and_hour(), &[0, 60], &[60, 0], 0);
    world.take(&Step::Run(0, Verb::Stage));
    let second = world.ring().keys()[1].clone();
    world.pass(secs(second.activates_at()) + 100);
    // The issuer does not hear of the activation, and goes on for an hour under the second key.
    world.take(&Step::Refresh(0));
    let third = Verb::Activate { key: 2, force: false };
    world.take(&Step::Run(0, third));
    world.pass(world.time + 3_600);
    let last = world.tokens[&(second.id(), 2)];
    assert_eq!(last.expires_at, world.time + 59 + 7_200);
    let drains_until = world.ring().key(second.id()).unwrap().drains_until();
    world.pass(secs(drains_until.unwrap()) - 60);
    steps(&mut world, &[Step::Run(1, Verb::Prune), Step::Refresh(1), Step::Wait(60)]);
    assert_eq!(world.ring().key(second.id()), None);
}

/// A key that nodes may still issue under by the old policy holds a lowering back, to the second.
#[test]
fn a_policy_is_lowered_as_soon_as_no_node_can_issue_by_the_old_one() {
    for (early, lowered) in [(3_660, false), (3_661, true)] {
        // The operator's clock is behind the issuer's by all there may be.
        let mut world = World::new(day_and_hour(), &[0], &[60, 0], 0);
        let second = secs(world.ring().keys()[1].activates_at());
        world.pass(second - early);
        let lower = Policy { max_token_lifetime: 600, ..day_and_hour() };
        steps(
            &mut world,
            &[
                Step::Refresh(0),
                Step::Run(0, Verb::SetPolicy(lower)),
                Step::Refresh(1),
                Step::Until(0, 0),
                Step::Run(0, Verb::Rotate),
                Step::Refresh(1),
            ],
        );
        assert_eq!(world.policy_changed > 1, lowered);
        world.pass(second + 30 * 86_400);
    }
}

/// T59.
#[test]
fn of_fifty_racing_rotators_at_most_one_wins_per_instant_and_the_others_find_nothing_due() {
    let policy = day_and_hour();
    let store = Arc::new(MemoryStore::new());
    let plan = rotation::init("race", policy, at(1_800_000_000), &mut Draws(0)).unwrap();
    store.save(&plan.ring, None).unwrap();
    let mut due = plan.next_due;
    for round in 0..8_u64 {
        let generation = store.load().unwrap().generation();
        let start = Arc::new(Barrier::new(50));
        let racers = (0..50_u64).map(|racer| {
            let (store, start) = (Arc::clone(&store), Arc::clone(&start));
            // All at the instant in the even rounds; in the odd ones their clocks are a minute apart.
            let now = due.saturating_add(if round % 2 == 0 { 0 } else { racer * 60 / 49 });
            let mut rng = Draws((round * 50 + racer) << 32);
            std::thread::spawn(move || {
                start.wait();
                for _ in 0..50 {
                    let ring = store.load().unwrap();
                    let Due::Now(plan) = rotation::rotate(&ring, now, &mut rng).unwrap() else {
                        return 0;
                    };
                    match store.save(&plan.ring, Some(ring.generation())) {
                        Ok(()) => return 1,
                        Err(lost) => assert!(lost.conflict().is_some()),
                    }
                }
                panic!("a rotator that lost reads again, and finds nothing due");
            })
        });
        let racers: Vec<_> = racers.collect();
        let wins: u64 = racers.into_iter().map(|racer| racer.join().unwrap()).sum();
        assert_eq!(wins, 1, "round {round}");
        let ring = store.load().unwrap();
        assert_eq!(ring.generation(), generation + 1);
        let after = due.saturating_add(60);
        let Ok(Due::At(next)) = rotation::rotate(&ring, after, &mut Draws(1 << 60)) else {
            panic!("something is due still");
        };
        due = next;
    }
}
