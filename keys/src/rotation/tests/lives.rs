//! The lives of rings that once broke a rule.

use super::*;

#[test]
fn rotated_months_late() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    let late = second + 200 * DAY;
    // The second key went on, so nodes may have issued under it until the third comes.
    assert_eq!(life.active(late), Some(nth(1)));
    life.rotate(late);
    assert_eq!(life.active(late), Some(nth(1)));
    assert_eq!(life.activates_at(2), late + DAY);
    assert_eq!(life.drains_until(1), Some(late + DAY + DRAIN));
    assert_eq!(life.ring.key(nth(0)), None);
    assert_eq!(next_due(&life.ring, at(late)), at(late + DAY));
}

#[test]
fn never_rotated() {
    let life = Life::new();
    let second = life.activates_at(1);
    for years in 1..=50 {
        let now = second + years * 365 * DAY;
        assert_eq!(life.active(now), Some(nth(1)));
        assert_eq!(life.state(1, now), KeyState::Active);
        assert_eq!(life.state(0, now), KeyState::Retired);
    }
    assert_eq!(life.drains_until(1), None);
}

#[test]
fn revoke_within_a_second_of_init() {
    let mut life = Life::new();
    life.revoke(Revoke::Key(nth(0)), NOW);
    // No instant without an active key, on the clock behind neither.
    assert_eq!(life.active(NOW - 60), Some(nth(1)));
    assert_eq!(life.activates_at(2), NOW + 30 * DAY - 60);
    life.revoke(Revoke::Key(nth(1)), NOW);
    assert_eq!(life.active(NOW - 60), Some(nth(2)));
    // On a clock that is behind by more than anybody promised, too.
    life.revoke(Revoke::Key(nth(2)), NOW - 100);
    assert_eq!(life.active(NOW - 60), Some(nth(3)));
    assert_eq!(life.active(NOW), Some(nth(3)));
}

#[test]
fn revoke_all() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    let now = second + 30;
    life.revoke(Revoke::All, now);
    for n in 0..3 {
        assert_eq!(life.state(n, now), KeyState::Revoked);
        assert_eq!(life.key(n).revoked_at, Some(at(now)));
    }
    assert_eq!(life.drains_until(2), Some(now + DRAIN));
    assert_eq!(life.active(now), Some(nth(3)));
    // On the clocks that are behind the first key was active still.
    assert_eq!(life.active(now - 60), Some(nth(3)));
    assert_eq!(life.activates_at(4), now + DAY);
    assert_eq!(life.harm.len(), 4);
}

#[test]
fn a_node_60_s_behind_at_a_revoke() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    // The operator's clock is ahead: the second key is active there, and staged on the node's.
    let (operator, node) = (second + 10, second - 50);
    assert_eq!(life.active(node), Some(nth(0)));
    life.revoke(Revoke::Key(nth(1)), operator);
    assert_eq!(life.active(node), Some(nth(0)));
    assert_eq!(life.active(second), Some(nth(2)));
    // And the first, which issues on no clock but the node's.
    life.revoke(Revoke::Key(nth(0)), operator);
    assert_eq!(life.active(node), Some(nth(2)));
    assert_eq!(life.active(operator), Some(nth(2)));
}

/// Bug, of the timeline: a key that had drained by the policy of its time was said to refuse live tokens
/// because a later policy would have let it drain for longer.
#[test]
fn a_policy_raised_after_a_key_retired() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    let drains = second + DRAIN;
    let longer = Policy { max_token_lifetime: 300 * DAY, ..Policy::default() };
    life.rotate(second).set_policy(longer, drains + 1);
    // What has been refused is not taken again.
    assert_eq!(life.drains_until(0), Some(drains));
    assert_eq!(life.state(0, drains + 1), KeyState::Retired);
    assert_eq!(life.drains_until(1), Some(second + 30 * DAY + 301 * DAY + 120));
    let timeline = timeline(&life.ring, at(drains + 1), at(drains + 365 * DAY)).unwrap();
    assert_eq!(timeline.refusal, None);
}

#[test]
fn a_policy_lowered_while_the_standby_is_about_to_activate() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    let shorter = Policy { max_token_lifetime: DAY, ..Policy::default() };
    // A node that read the ring a moment ago may issue under the second key, for 30 days, and nobody
    // would let that key drain for longer than the two that the new policy asks for.
    let refused = set_policy(&life.ring, shorter, at(second - DAY), &mut Draws(9));
    let (id, activates_at) = (nth(1), at(second));
    assert_eq!(refused, Err(Refused::AboutToActivate { id, activates_at }));
    life.set_policy(shorter, second);
    // Active, it drains by the old policy, as does the one before it.
    assert_eq!(life.drains_until(0), Some(second + DRAIN));
    assert_eq!(life.drains_until(1), Some(second + 30 * DAY + DRAIN));
    life.rotate(second + 30 * DAY);
    assert_eq!(life.drains_until(1), Some(second + 30 * DAY + DRAIN));
    assert_eq!(life.drains_until(2), Some(second + 62 * DAY + 120));
}

#[test]
fn thirty_two_keys_of_which_most_are_revoked() {
    let mut life = Life::new();
    for n in 0..40 {
        let now = NOW + n;
        life.revoke(Revoke::Key(life.active(now).unwrap()), now);
        assert_eq!(life.active(now), Some(nth(n + 1)));
        assert!(life.ring.keys.len() <= 32);
    }
    // The oldest went first, and the youngest are there.
    assert_eq!(life.ring.keys.len(), 32);
    assert_eq!(life.ring.key(nth(9)), None);
    assert!((10..40).all(|n| life.state(n, NOW + 40) == KeyState::Revoked));
    // All of them at once need two places.
    life.revoke(Revoke::All, NOW + 41);
    assert_eq!(life.ring.keys.len(), 32);
    assert!(life.ring.standby(at(NOW + 41)).is_some());
    // When they would have drained, they go.
    life.rotate(NOW + 400 * DAY);
    assert_eq!(life.ring.keys.len(), 2);
}
