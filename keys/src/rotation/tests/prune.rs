//! `prune`, and the room there is for 32 keys.

use super::*;

/// T54.
#[test]
fn prune_says_when_the_next_key_will_have_drained() {
    let life = Life::new();
    let drains = life.drains_until(0).unwrap();
    let due = |now| prune(&life.ring, at(now), &mut Draws(9)).unwrap();
    assert_eq!(due(NOW), Due::At(at(drains)));
    assert_eq!(due(drains - 1), Due::At(at(drains)));
    assert!(matches!(due(drains), Due::Now(_)));
}

#[test]
fn prune_drops_what_has_drained_and_leaves_a_standby() {
    let life = Life::new();
    let drains = life.drains_until(0).unwrap();
    let plan = plan(prune(&life.ring, at(drains), &mut Draws(9)).unwrap());
    assert!(plan.changes.contains(&Change::Dropped { id: nth(0), was: KeyState::Retired }));
    assert_eq!(plan.ring.keys.len(), 2);
    assert!(plan.ring.standby(at(drains)).is_some());
}

#[test]
fn revoked_keys_are_dropped_when_they_would_have_drained() {
    let mut life = Life::new();
    life.revoke(Revoke::Key(nth(1)), NOW + 5);
    // It never had a successor: it drains as if one activated now.
    assert_eq!(life.drains_until(1), Some(NOW + 5 + DRAIN));
    life.rotate(NOW + 5 + DRAIN);
    assert_eq!(life.ring.key(nth(1)), None);
}

#[test]
fn a_33rd_key_is_refused_where_none_is_revoked() {
    let mut life = Life::new();
    for _ in 2..32 {
        life.stage(NOW);
    }
    let refused = stage(&life.ring, at(NOW), &mut Draws(99)).unwrap_err();
    assert_eq!(refused, Refused::Full);
    assert_eq!(
        refused.to_string(),
        "the ring is full: 32 keys, none of them revoked; run prune after the next has drained"
    );
}

#[test]
fn a_33rd_key_costs_the_oldest_revoked_one() {
    let mut life = Life::new();
    for _ in 2..32 {
        life.stage(NOW);
    }
    life.revoke(Revoke::Key(nth(20)), NOW + 1);
    life.revoke(Revoke::Key(nth(10)), NOW + 2);
    life.stage(NOW + 3);
    assert_eq!(life.ring.keys.len(), 32);
    assert_eq!(life.ring.key(nth(20)), None);
    assert_eq!(life.state(10, NOW + 3), KeyState::Revoked);
    assert_eq!(life.changes[0], Change::Dropped { id: nth(20), was: KeyState::Revoked });
}
