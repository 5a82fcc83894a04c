//! `activate`.

use super::*;

#[test]
fn a_published_key_is_activated_now() {
    let mut life = Life::new();
    life.activate(nth(1), false, NOW + DAY);
    assert_eq!(life.activates_at(1), NOW + DAY);
    assert_eq!(life.active(NOW + DAY), Some(nth(1)));
    assert_eq!(life.harm, []);
    // It was the standby, so there is another.
    assert_eq!(life.activates_at(2), NOW + 31 * DAY);
    assert_eq!(life.drains_until(1), Some(NOW + 31 * DAY + DRAIN));
}

/// T53.
#[test]
fn a_key_is_not_activated_before_it_has_been_published_for_publish_ahead() {
    let life = Life::new();
    let refused =
        activate(&life.ring, nth(1), false, at(NOW + DAY - 1), &mut Draws(9)).unwrap_err();
    let not_before = at(NOW + DAY);
    assert_eq!(refused, Refused::TooEarly { id: nth(1), not_before });
    assert_eq!(
        refused.to_string(),
        format!(
            "key {} has not been published for publish_ahead yet; it can be activated from \
             2027-01-16T08:00:00Z on",
            nth(1)
        )
    );
}

#[test]
fn force_activates_it_and_names_the_harm() {
    let mut life = Life::new();
    let id = nth(1);
    life.activate(id, true, NOW + 1);
    assert_eq!(life.activates_at(1), NOW + 1);
    assert_eq!(life.harm, [Harm::NotPublished { id, until: at(NOW + DAY) }]);
    assert_eq!(
        life.harm[0].to_string(),
        format!(
            "nodes that have not read the ring since key {id} was made refuse what it issues, \
             until 2027-01-16T08:00:00Z at the latest"
        )
    );
}

#[test]
fn force_harms_nobody_where_the_key_is_published() {
    let mut life = Life::new();
    life.activate(nth(1), true, NOW + DAY);
    assert_eq!(life.harm, []);
}

#[test]
fn two_activations_in_one_second_follow_each_other_by_a_second() {
    let mut life = Life::new();
    life.stage(NOW);
    life.activate(nth(1), true, NOW);
    life.activate(nth(2), true, NOW);
    assert_eq!(life.activates_at(1), NOW);
    assert_eq!(life.activates_at(2), NOW + 1);
    // A standby is behind the key that is about to be active, not that key.
    assert_eq!(life.activates_at(3), NOW + 1 + 30 * DAY);
    life.activate(nth(3), true, NOW);
    // The second that would be its own is taken.
    assert_eq!(life.activates_at(3), NOW + 2);
}

#[test]
fn an_activation_leaves_a_second_to_a_key_that_is_about_to_have_it() {
    // Without a skew, a key that comes in a second does not issue on any clock yet.
    let mut life = Life::with(Policy { clock_skew: 0, ..Policy::default() });
    life.stage(NOW).activate(nth(1), true, NOW);
    assert_eq!(life.activates_at(1), NOW + 1);
    life.activate(nth(2), true, NOW);
    assert_eq!(life.activates_at(2), NOW + 2);
    assert_eq!(life.activates_at(1), NOW + 1);
}

#[test]
fn only_a_staged_key_is_activated() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second).revoke(Revoke::Key(nth(2)), second + 61);
    let refused = |n, now| {
        let id = nth(n);
        let refused = activate(&life.ring, id, true, at(now), &mut Draws(9)).unwrap_err();
        refused.to_string()
    };
    for (n, now, state) in [
        (0, second + 61, "draining"),
        (0, second + 60 * DAY, "retired"),
        (1, second + 61, "active"),
        (2, second + 61, "revoked"),
    ] {
        assert_eq!(refused(n, now), format!("key {} is {state}, not staged", nth(n)));
    }
    assert_eq!(refused(77, NOW), format!("the ring has no key {}", nth(77)));
}

#[test]
fn a_key_activated_out_of_turn_drains_when_the_one_before_it_comes() {
    let mut life = Life::new();
    life.stage(NOW).activate(nth(2), false, NOW + DAY);
    assert_eq!(life.active(NOW + DAY), Some(nth(2)));
    let second = life.activates_at(1);
    assert_eq!(second, NOW - 60 + 30 * DAY);
    assert_eq!(life.drains_until(2), Some(second + DRAIN));
    assert_eq!(life.active(second), Some(nth(1)));
}

/// Bug: at a clock behind, a key was activated before one that issued on the clocks ahead. The one that
/// issued then had a later successor than it was to have, and nodes that had read the ring since it was
/// published, though not since this, refused its last tokens.
#[test]
fn an_activation_at_a_clock_behind_comes_after_the_key_that_issues_ahead() {
    let mut life = Life::new();
    life.stage(NOW).stage(NOW);
    let ahead = NOW + 2 * DAY;
    life.activate(nth(3), false, ahead);
    let drains = life.drains_until(3);
    life.activate(nth(2), false, ahead - 40);
    assert_eq!(life.activates_at(2), ahead + 1);
    assert_eq!(life.active(ahead), Some(nth(3)));
    assert_eq!(life.active(ahead + 1), Some(nth(2)));
    assert_eq!(life.drains_until(3), drains);
}

#[test]
fn an_activation_puts_off_no_key() {
    let mut life = Life::new();
    life.stage(NOW);
    let second = life.activates_at(1);
    life.activate(nth(2), false, second - 20);
    // The second was to come in 20 s and would have replaced the third: so the third comes after it.
    assert_eq!(life.activates_at(2), second + 1);
    life.activate(nth(1), false, second - 19);
    assert_eq!(life.activates_at(1), second - 19);
    assert_eq!(life.activates_at(2), second + 1);
}
