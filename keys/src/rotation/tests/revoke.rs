//! `revoke`.

use super::*;

#[test]
fn revoking_the_active_key_gives_its_time_to_the_standby() {
    let mut life = Life::new();
    let (first, standby) = (nth(0), nth(1));
    let drains = life.drains_until(0);
    life.revoke(Revoke::Key(first), NOW + 2 * DAY);
    // Every clock agrees at once, the ones behind too.
    assert_eq!(life.activates_at(1), NOW - 60);
    assert_eq!(life.active(NOW - 60), Some(standby));
    // Another standby comes in the same save, a rotation after this one.
    assert_eq!(life.activates_at(2), NOW - 60 + 30 * DAY);
    assert_eq!(life.key(2).created_at, at(NOW + 2 * DAY));
    assert_eq!(life.key(0).revoked_at, Some(at(NOW + 2 * DAY)));
    assert_eq!(life.drains_until(0), drains);
    let state = KeyState::Active;
    assert_eq!(life.harm, [Harm::TokensRefused { id: first, state }]);
    assert_eq!(
        life.harm[0].to_string(),
        format!("every token under the active key {first} is refused at once")
    );
}

#[test]
fn without_a_standby_a_new_key_takes_its_time() {
    let mut life = Life::new();
    let now = NOW + 100 * DAY;
    let taken = life.activates_at(1);
    life.revoke(Revoke::Key(nth(1)), now);
    assert_eq!(life.active(now), Some(nth(2)));
    assert_eq!(life.activates_at(2), taken);
    // So a key may activate before it was made.
    assert_eq!(life.key(2).created_at, at(now));
    assert_eq!(life.activates_at(3), now + DAY);
    assert_eq!(life.drains_until(1), Some(now + DRAIN));
}

/// Bug: `revoke` promoted a key that no other node had, and did not say so.
#[test]
fn a_key_that_takes_over_before_it_is_published_is_named_as_harm() {
    let mut life = Life::new();
    let until = at(NOW + 1 + DAY);
    life.revoke(Revoke::Key(nth(0)), NOW + 1);
    assert_eq!(life.harm[1], Harm::NotPublished { id: nth(1), until: at(NOW + DAY) });
    life.revoke(Revoke::Key(nth(1)), NOW + 2);
    assert_eq!(life.harm[1], Harm::NotPublished { id: nth(2), until });
    life.revoke(Revoke::Key(nth(2)), NOW + 2 * DAY);
    assert_eq!(life.harm.len(), 1);
}

#[test]
fn a_key_that_takes_over_in_the_second_in_which_it_is_published_harms_nobody() {
    let mut life = Life::new();
    life.revoke(Revoke::Key(nth(0)), NOW + DAY);
    assert_eq!(life.active(NOW + DAY), Some(nth(1)));
    assert_eq!(life.harm, [Harm::TokensRefused { id: nth(0), state: KeyState::Active }]);
}

#[test]
fn revoking_a_staged_key_leaves_the_active_one_and_stages_another() {
    let mut life = Life::new();
    life.revoke(Revoke::Key(nth(1)), NOW + 5);
    assert_eq!(life.active(NOW + 5), Some(nth(0)));
    assert_eq!(life.activates_at(2), NOW - 60 + 30 * DAY);
    let harm = Harm::TokensRefused { id: nth(1), state: KeyState::Staged };
    assert_eq!(life.harm, [harm]);
}

#[test]
fn revoking_a_draining_key_changes_no_other() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    let before = life.ring.clone();
    life.revoke(Revoke::Key(nth(0)), second + 61);
    assert_eq!(life.state(0, second + 61), KeyState::Revoked);
    assert_eq!(life.ring.keys[1..], before.keys[1..]);
    let harm = Harm::TokensRefused { id: nth(0), state: KeyState::Draining };
    assert_eq!(life.harm, [harm]);
}

#[test]
fn revoking_a_retired_key_harms_nobody() {
    let mut life = Life::new();
    let late = NOW + 100 * DAY;
    life.revoke(Revoke::Key(nth(0)), late);
    assert_eq!(life.harm, []);
    assert_eq!(life.active(late), Some(nth(1)));
}

#[test]
fn a_key_whose_successor_is_revoked_drains_after_the_one_that_follows() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    let third = life.activates_at(2);
    life.revoke(Revoke::Key(nth(1)), second + 61);
    // The third took the second's time.
    assert_eq!(life.activates_at(2), second);
    assert_eq!(life.drains_until(0), Some(second + DRAIN));
    // The first two staged after it: one of them revoked.
    life.stage(second + 62);
    life.revoke(Revoke::Key(nth(3)), second + 63);
    assert_eq!(life.drains_until(2), Some(life.activates_at(4) + DRAIN));
    assert_eq!(life.activates_at(3), third);
}

#[test]
fn an_unknown_or_revoked_key_is_refused_in_words() {
    let mut life = Life::new();
    life.revoke(Revoke::Key(nth(1)), NOW + 5);
    let refused = |n| {
        let refused = revoke(&life.ring, Revoke::Key(nth(n)), at(NOW + 6), &mut Draws(9));
        refused.unwrap_err().to_string()
    };
    assert_eq!(refused(1), format!("key {} is revoked since 2027-01-15T08:00:05Z", nth(1)));
    assert_eq!(refused(77), format!("the ring has no key {}", nth(77)));
}

/// Bug: right after an activation, clocks behind still hold the key before it active; revoking that one
/// left them without a key, or with an older one that was draining already.
#[test]
fn a_key_that_still_issues_on_clocks_behind_leaves_its_time_to_its_successor() {
    let mut life = Life::new();
    life.activate(nth(1), false, NOW + DAY);
    let now = NOW + DAY + 30;
    assert_eq!(life.active(now - 60), Some(nth(0)));
    life.revoke(Revoke::Key(nth(0)), now);
    assert_eq!(life.active(now - 60), Some(nth(1)));
    assert_eq!(life.activates_at(1), NOW - 60);
    // A skew later no clock is that far behind, and nothing moves.
    let mut life = Life::new();
    life.activate(nth(1), false, NOW + DAY);
    life.revoke(Revoke::Key(nth(0)), NOW + DAY + 60);
    assert_eq!(life.activates_at(1), NOW + DAY);
}

/// Bug: right before an activation, clocks ahead already hold the key active; revoking it as a staged
/// one made them fall back to the key that was draining there.
#[test]
fn a_key_that_issues_already_on_clocks_ahead_leaves_its_time_to_another() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    let now = second - 30;
    life.revoke(Revoke::Key(nth(1)), now);
    assert_eq!(life.active(now), Some(nth(0)));
    assert_eq!(life.active(now + 60), Some(nth(2)));
    assert_eq!(life.activates_at(2), second);
    assert!(life.activates_at(3) >= now + DAY);
}

/// Bug: a retired key that nobody had pruned came to stand before a successor that activated after it had
/// drained, and the ring refused the revocation.
#[test]
fn a_revocation_does_not_wait_for_a_prune() {
    let mut life =
        Life::with(Policy { rotate_every: 90 * DAY, max_token_lifetime: DAY, ..Policy::default() });
    let second = life.activates_at(1);
    life.stage(second + DAY).stage(second + DAY);
    let now = life.activates_at(3) + 61;
    assert_eq!(life.state(0, now), KeyState::Retired);
    assert_eq!(life.state(1, now), KeyState::Retired);
    assert_eq!(life.state(2, now), KeyState::Draining);
    life.revoke(Revoke::Key(nth(2)), now);
    // The second drained before the fourth came, and the first before the second's place was empty.
    assert_eq!(life.ring.key(nth(1)), None);
    assert_eq!(life.ring.key(nth(0)), None);
    assert_eq!(life.active(now), Some(nth(3)));
}

#[test]
fn a_key_that_drained_in_the_second_in_which_its_new_successor_came_stays() {
    // Here a key drains for exactly as long as its successor is the active one.
    let mut life = Life::with(Policy { max_token_lifetime: 29 * DAY - 120, ..Policy::default() });
    life.stage(NOW);
    let third = life.activates_at(2);
    assert_eq!(life.drains_until(0), Some(third));
    life.revoke(Revoke::Key(nth(1)), third + 61);
    assert_eq!(life.state(0, third + 61), KeyState::Retired);
    assert_eq!(life.active(third + 61), Some(nth(2)));
}

/// Bug: a key that had been active on a clock ahead, and therefore drained, was taken for the standby on
/// one behind; the ring then had no key after one that drains, and the revocation was refused.
#[test]
fn a_revocation_at_a_clock_behind_counts_no_draining_key_as_the_standby() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    life.revoke(Revoke::Key(nth(2)), second - 40);
    assert_eq!(life.active(second), Some(nth(1)));
    assert_eq!(life.activates_at(3), second + 30 * DAY);
}

/// Bug: there, such a key kept the drain that its revoked successor had given it, and nodes with the newest
/// ring refused the live tokens that it issued until the one after came.
#[test]
fn a_revocation_at_a_clock_behind_raises_the_drain_of_a_key_that_was_active_ahead() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second).stage(second);
    assert_eq!(life.drains_until(1), Some(life.activates_at(2) + DRAIN));
    life.revoke(Revoke::Key(nth(2)), second - 40);
    assert_eq!(life.drains_until(1), Some(life.activates_at(3) + DRAIN));
}
