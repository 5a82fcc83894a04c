//! `stage` and `rotate`.

use super::*;

#[test]
fn a_staged_key_comes_rotate_every_after_the_latest() {
    let mut life = Life::new();
    life.stage(NOW + 5);
    assert_eq!(life.activates_at(2), NOW - 60 + 60 * DAY);
    assert_eq!(life.key(2).created_at, at(NOW + 5));
    assert_eq!(life.harm, []);
}

#[test]
fn a_key_staged_late_is_published_ahead_all_the_same() {
    let mut life = Life::new();
    life.rotate(NOW + 300 * DAY);
    assert_eq!(life.activates_at(2), NOW + 301 * DAY);
}

#[test]
fn a_revoked_key_does_not_put_off_the_next_one() {
    let mut life = Life::new();
    life.stage(NOW).revoke(Revoke::Key(nth(2)), NOW);
    // The standby is there still, so nothing was staged.
    assert_eq!(life.ring.keys.len(), 3);
    life.stage(NOW);
    assert_eq!(life.activates_at(3), NOW - 60 + 60 * DAY);
}

#[test]
fn rotate_says_when_something_will_be_due() {
    let life = Life::new();
    let standby = life.activates_at(1);
    for now in [NOW, standby - 1] {
        let due = rotate(&life.ring, at(now), &mut Draws(9)).unwrap();
        assert_eq!(due, Due::At(at(standby)));
    }
    assert!(matches!(rotate(&life.ring, at(standby), &mut Draws(9)), Ok(Due::Now(_))));
}

#[test]
fn a_rotation_on_time_leaves_the_active_key_and_stages_another() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    let states: Vec<KeyState> = (0..3).map(|n| life.state(n, second)).collect();
    use KeyState::{Active, Draining, Staged};
    assert_eq!(states, [Draining, Active, Staged]);
    assert_eq!(life.activates_at(2), second + 30 * DAY);
    assert_eq!(life.drains_until(0), Some(second + DRAIN));
    assert_eq!(life.drains_until(1), Some(second + 30 * DAY + DRAIN));
    assert_eq!(life.drains_until(2), None);
    assert_eq!(life.harm, []);
}

#[test]
fn a_ring_whose_standby_has_become_active_is_valid_and_waits() {
    let life = Life::new();
    let late = NOW + 365 * DAY;
    assert_eq!(life.ring.clone().validated().as_ref(), Ok(&life.ring));
    assert_eq!(life.active(late), Some(nth(1)));
    assert_eq!(life.state(0, late), KeyState::Retired);
    assert_eq!(next_due(&life.ring, at(late)), at(late));
}

#[test]
fn rotate_drops_what_has_drained_and_next_due_foresees_it() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second).rotate(second + 30 * DAY);
    // The first key drains before the next standby becomes active.
    assert_eq!(
        rotate(&life.ring, at(second + 30 * DAY), &mut Draws(9)),
        Ok(Due::At(at(second + DRAIN)))
    );
    life.rotate(second + DRAIN);
    assert_eq!(life.ring.key(nth(0)), None);
    assert_eq!(life.ring.keys.len(), 3);
    assert_eq!(next_due(&life.ring, at(second + DRAIN)), at(second + 60 * DAY));
}

#[test]
fn a_drain_is_never_lowered() {
    let mut life = Life::new();
    let drains = life.drains_until(0).unwrap();
    // Its successor comes four weeks earlier.
    life.activate(nth(1), false, NOW + DAY);
    assert_eq!(life.drains_until(0), Some(drains));
}

#[test]
fn a_rotation_at_a_clock_behind_leaves_the_work_to_the_others() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    let ahead = life.ring.clone();
    life.rotate(second);
    // Here the second key is yet to come: that is standby enough.
    let behind = rotate(&ahead, at(second - 60), &mut Draws(9)).unwrap();
    assert_eq!(behind, Due::At(at(second)));
}
