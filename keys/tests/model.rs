//! The life of a ring in a model checker: all that writers, nodes, clocks and a store may do to it, in
//! every order, for as many seconds as a key needs to be made, to issue, to drain and to be dropped.
//!
//! `rotation_properties.rs` draws long lives at random; here short ones are gone through to the last, and
//! what breaks a promise comes with the shortest way to it. `SADDLEBAG_LONG_TESTS=1` goes further, for
//! which `--release` is worth its build.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::print_stdout
)]

#[path = "model/fleet.rs"]
mod fleet;
#[path = "model/promises.rs"]
mod promises;
#[path = "model/rings.rs"]
mod rings;
#[path = "model/sabotage.rs"]
mod sabotage;

use fleet::{Fate, Fleet, Step, Verbs};
use rings::{Planner, Tiny, Verb};
use sabotage::Sabotage;
use stateright::{Checker, HasDiscoveries, Model, Path};

/// Two writers, of which one is ahead, and two nodes; `rotate` at any time, by anybody.
fn fleet() -> Fleet {
    Fleet {
        writers: vec![0, 1],
        nodes: vec![vec![0, 1]],
        policy: Tiny::Usual,
        verbs: Verbs::default(),
        seconds: 10,
        generations: 3,
        races: false,
        faults: false,
        replica: false,
        longest_save: 0,
        planner: Planner::default(),
    }
}

/// One writer and two nodes, whose clocks are the same.
fn one_clock() -> Fleet {
    let (writers, nodes) = (vec![0], vec![vec![0, 0]]);
    Fleet { policy: Tiny::Unskewed, writers, nodes, seconds: 7, ..fleet() }
}

/// Goes through every life of a fleet, and fails with the way to the promise that one breaks.
fn keeps_its_promises(fleet: Fleet) {
    let checker = fleet.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} of them different, up to {} steps deep",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

fn long() -> bool {
    std::env::var_os("SADDLEBAG_LONG_TESTS").is_some_and(|value| value == "1")
}

#[test]
fn rotation_keeps_its_promises() {
    let nodes = vec![vec![0, 0], vec![0, 1], vec![1, 1]];
    keeps_its_promises(Fleet { nodes, generations: 4, races: true, ..fleet() });
}

#[test]
fn crashes_and_lost_answers_change_nothing() {
    let fleet = Fleet { races: true, faults: true, replica: true, ..fleet() };
    keeps_its_promises(Fleet { seconds: 7, ..fleet });
}

#[test]
fn a_save_that_takes_a_second_keeps_the_promises() {
    let verbs = Verbs { activate: true, ..Verbs::default() };
    keeps_its_promises(Fleet { verbs, longest_save: 1, ..fleet() });
}

#[test]
fn verbs_that_force_nothing_keep_the_promises() {
    let verbs = Verbs { prune: true, stage: true, activate: true, ..Verbs::default() };
    keeps_its_promises(Fleet { verbs, ..fleet() });
}

#[test]
fn a_forced_activation_harms_only_what_it_says() {
    let verbs = Verbs { stage: true, force: true, ..Verbs::default() };
    keeps_its_promises(Fleet { verbs, seconds: 9, ..fleet() });
}

#[test]
fn a_revocation_harms_only_what_it_says() {
    let verbs = Verbs { revoke: true, ..Verbs::default() };
    keeps_its_promises(Fleet { verbs, seconds: 6, ..fleet() });
}

#[test]
fn a_change_of_policy_keeps_the_promises() {
    let verbs = Verbs { policy: true, ..Verbs::default() };
    keeps_its_promises(Fleet { verbs, ..fleet() });
}

/// All of it at once, on request.
#[test]
fn whatever_happens_the_ring_keeps_its_promises() {
    if !long() {
        return;
    }
    let nodes = vec![vec![0, 0], vec![0, 1], vec![1, 1]];
    let verbs =
        Verbs { prune: true, stage: true, activate: true, force: true, revoke: true, policy: true };
    let all = || Fleet { nodes: nodes.clone(), verbs, ..fleet() };
    keeps_its_promises(Fleet { races: true, faults: true, replica: true, seconds: 6, ..all() });
    keeps_its_promises(Fleet { ..all() });
}

/// Finds a way to a broken promise that is as short as `steps`, one of the shortest.
fn breaks(promise: &'static str, fleet: impl Fn() -> Fleet, steps: &[Step]) {
    leads_to(promise, fleet(), steps);
    // A way of n steps ends at the depth n + 1; the checker stays below what it is told.
    let checker = fleet().checker().target_max_depth(steps.len() + 2);
    let checker = checker.finish_when(HasDiscoveries::AnyOf([promise].into()));
    let checker = checker.spawn_bfs().join();
    let path = checker.discovery(promise);
    let path = path.unwrap_or_else(|| panic!("no way of {} steps: {promise}", steps.len()));
    println!("{} states. Not so: {promise}. {path}", checker.state_count());
    assert_eq!(path.into_actions().len(), steps.len(), "a shorter way is to be written down");
}

/// Takes these steps, none of which breaks anything before the last one breaks the promise.
fn leads_to(promise: &'static str, fleet: Fleet, steps: &[Step]) {
    let world = fleet.init_states().remove(0);
    let path = Path::from_actions(&fleet, world, steps).expect("these steps can be taken");
    let kept = (fleet.property(promise)).condition;
    let worlds = path.into_states();
    let (last, before) = worlds.split_last().unwrap();
    assert!(!kept(&fleet, last), "{last:?}");
    assert!(before.iter().all(|world| kept(&fleet, world)), "fewer steps do it");
}

/// The same fleet under a rule that is not kept.
fn spoiled(sabotage: Sabotage, fleet: Fleet) -> Fleet {
    Fleet { planner: Planner::spoiled(sabotage), ..fleet }
}

#[test]
fn a_key_that_activates_at_once_is_one_that_fresh_nodes_do_not_have() {
    breaks(
        promises::FRESH_NODES_AGREE,
        || spoiled(Sabotage::ActivatesAtOnce, fleet()),
        &[
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Read(0),
            Step::Plan(0, Verb::Rotate),
            Step::Save(0, Fate::Answered),
            // Its clock is ahead: the new key issues.
            Step::Read(1),
        ],
    );
}

/// Where all clocks are one, a second is to spare.
#[test]
fn a_key_that_drains_too_early_takes_live_tokens_with_it() {
    let verbs = Verbs { activate: true, ..Verbs::default() };
    breaks(
        promises::NO_LIVE_TOKEN_REFUSED,
        || spoiled(Sabotage::DrainsShort(2), Fleet { verbs, ..one_clock() }),
        &[
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Read(0),
            Step::Plan(0, Verb::Activate { nth: 1, force: false }),
            Step::Save(0, Fate::Answered),
            Step::Read(1),
        ],
    );
}

/// The seconds of `drains_until` that are for the clocks, less the one to spare.
#[test]
fn clocks_need_their_share_of_the_drain() {
    let verbs = Verbs { stage: true, activate: true, ..Verbs::default() };
    let fleet = || {
        let fleet = Fleet { policy: Tiny::Quick, verbs, seconds: 6, generations: 4, ..fleet() };
        spoiled(Sabotage::DrainsShort(2), fleet)
    };
    let steps = [
        Step::Plan(0, Verb::Stage),
        Step::Save(0, Fate::Answered),
        Step::Second,
        Step::Second,
        Step::Second,
        Step::Second,
        // Cut off just before a successor is published, it goes on issuing. Its clock is ahead.
        Step::Read(1),
        Step::Plan(0, Verb::Activate { nth: 2, force: false }),
        Step::Save(0, Fate::Answered),
        Step::Second,
        Step::Second,
        // So is the clock that drops the key.
        Step::Plan(1, Verb::Rotate),
        Step::Save(1, Fate::Answered),
        Step::Read(0),
    ];
    leads_to(promises::NO_LIVE_TOKEN_REFUSED, fleet(), &steps);
    if long() {
        breaks(promises::NO_LIVE_TOKEN_REFUSED, fleet, &steps);
    }
}

#[test]
fn without_a_standby_a_revocation_makes_a_key_that_nobody_has() {
    let verbs = Verbs { revoke: true, ..Verbs::default() };
    let fleet = || spoiled(Sabotage::NoStandby, Fleet { verbs, ..fleet() });
    breaks(promises::STANDBY, fleet, &[]);
    breaks(
        promises::HEIR_IS_KNOWN,
        fleet,
        &[Step::Plan(1, Verb::Revoke(0)), Step::Save(1, Fate::Answered), Step::Read(1)],
    );
}

#[test]
fn a_save_that_compares_nothing_overwrites_a_change() {
    let verbs = Verbs { revoke: true, ..Verbs::default() };
    let fleet = || {
        let fleet = Fleet { verbs, races: true, faults: true, generations: 2, ..fleet() };
        spoiled(Sabotage::SavesUnchecked, fleet)
    };
    let race = |saves: [(usize, Fate); 2]| {
        [
            Step::Plan(0, Verb::Revoke(0)),
            Step::Plan(1, Verb::Revoke(1)),
            Step::Save(saves[0].0, saves[0].1),
            Step::Save(saves[1].0, saves[1].1),
        ]
    };
    breaks(
        promises::ONE_CHANGE_A_GENERATION,
        fleet,
        &race([(0, Fate::Answered), (1, Fate::Answered)]),
    );
    // Whoever reads back finds another ring of the generation that it made, and thinks that it failed.
    breaks(
        promises::READING_BACK_TELLS,
        fleet,
        &race([(0, Fate::AnswerLost), (1, Fate::Answered)]),
    );
}

#[test]
fn a_node_that_takes_an_older_ring_takes_revoked_tokens() {
    let verbs = Verbs { revoke: true, ..Verbs::default() };
    let revoked = [
        Step::Plan(0, Verb::Revoke(0)),
        Step::Save(0, Fate::Answered),
        Step::Read(1),
        Step::ReadReplica(1),
    ];
    let fleet = || Fleet { verbs, replica: true, ..fleet() };
    let takes_older = || spoiled(Sabotage::TakesOlder, fleet());
    breaks(promises::NO_WAY_BACK, takes_older, &revoked);
    breaks(promises::REVOKED_IS_REFUSED, takes_older, &revoked);

    let forgets = || spoiled(Sabotage::ForgetsHighWater, Fleet { faults: true, ..fleet() });
    let [plan, save, read, read_replica] = revoked;
    let restarted = [plan, save, read, Step::Restart(1), read_replica];
    breaks(promises::REVOKED_IS_REFUSED, forgets, &restarted);
}

#[test]
fn a_node_that_issues_for_ever_issues_under_a_key_that_others_have_dropped() {
    let fleet = || {
        let fleet = Fleet { writers: vec![0], seconds: 16, generations: 2, ..fleet() };
        spoiled(Sabotage::NeverStale, fleet)
    };
    breaks(promises::STALE_IS_SILENT, fleet, &[Step::Second, Step::Second, Step::Second]);
    let mut steps = vec![Step::Second; 12];
    steps.insert(4, Step::Plan(0, Verb::Rotate));
    steps.insert(5, Step::Save(0, Fate::Answered));
    steps.push(Step::Read(1));
    breaks(promises::NO_LIVE_TOKEN_REFUSED, fleet, &steps);
}

/// A plan reckons from when it was made. Whoever saves it later publishes its keys later, and leaves less
/// of `drains_until` to nodes that had not read it: that much is taken from what clocks are given.
#[test]
fn a_plan_that_waits_for_its_save_is_published_late() {
    breaks(
        promises::FRESH_NODES_AGREE,
        || spoiled(Sabotage::SavesLate(1), fleet()),
        &[
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Plan(0, Verb::Rotate),
            Step::Second,
            Step::Read(0),
            Step::Save(0, Fate::Answered),
            Step::Second,
            Step::Read(1),
        ],
    );
    let verbs = Verbs { stage: true, activate: true, ..Verbs::default() };
    breaks(
        promises::NO_LIVE_TOKEN_REFUSED,
        || spoiled(Sabotage::SavesLate(2), Fleet { verbs, ..one_clock() }),
        &[
            Step::Plan(0, Verb::Stage),
            Step::Save(0, Fate::Answered),
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Second,
            Step::Plan(0, Verb::Activate { nth: 2, force: false }),
            Step::Second,
            Step::Second,
            Step::Read(0),
            Step::Save(0, Fate::Answered),
            Step::Read(1),
        ],
    );
}
