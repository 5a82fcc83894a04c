//! `policy`.

use super::*;

fn shorter() -> Policy {
    Policy { max_token_lifetime: 10 * DAY, ..Policy::default() }
}

fn longer() -> Policy {
    Policy {
        rotate_every: 60 * DAY,
        publish_ahead: 2 * DAY,
        max_token_lifetime: 50 * DAY,
        max_session_lifetime: 400 * DAY,
        clock_skew: 100,
    }
}

#[test]
fn a_policy_moves_no_staged_key() {
    let mut life = Life::new();
    life.stage(NOW);
    let times = |life: &Life| [0, 1, 2].map(|n| life.activates_at(n));
    let before = times(&life);
    life.set_policy(longer(), NOW + 5);
    assert_eq!(times(&life), before);
    assert_eq!(life.ring.policy, longer());
    assert_eq!(life.ring.generation, 3);
    assert_eq!(life.harm, []);
    // The next one follows the new policy.
    life.stage(NOW + 6);
    assert_eq!(life.activates_at(3), before[2] + 60 * DAY);
}

#[test]
fn the_save_reckons_with_the_larger_of_each_value() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.set_policy(longer(), NOW + 5);
    assert_eq!(life.drains_until(0), Some(second + 52 * DAY + 200));
    // One value down, another up: the drain has both as they were at their largest.
    let mixed =
        Policy { publish_ahead: 3 * DAY, max_token_lifetime: DAY, clock_skew: 0, ..longer() };
    life.set_policy(mixed, NOW + 6);
    assert_eq!(life.drains_until(0), Some(second + 53 * DAY + 200));
}

#[test]
fn a_standby_that_the_save_stages_reckons_so_too() {
    let mut life = Life::new();
    let late = life.activates_at(1) + 40 * DAY;
    let slower = Policy { rotate_every: 90 * DAY, publish_ahead: 9 * DAY, ..Policy::default() };
    life.set_policy(slower, late);
    assert_eq!(life.activates_at(2), life.activates_at(1) + 90 * DAY);
    let later = life.activates_at(2) + 90 * DAY;
    life.set_policy(Policy { clock_skew: 0, ..Policy::default() }, later);
    assert_eq!(life.activates_at(3), later + 9 * DAY);
}

#[test]
fn lowering_is_refused_while_a_key_is_about_to_activate() {
    let life = Life::new();
    let second = life.activates_at(1);
    let (soon, last) = (second - DAY - 60, second - 1);
    let sooner = Policy { publish_ahead: 3_600, ..Policy::default() };
    for policy in [shorter(), sooner] {
        for now in [soon, last] {
            let refused = set_policy(&life.ring, policy, at(now), &mut Draws(9)).unwrap_err();
            let (id, activates_at) = (nth(1), at(second));
            assert_eq!(refused, Refused::AboutToActivate { id, activates_at });
            assert_eq!(
                refused.to_string(),
                format!(
                    "publish_ahead and max_token_lifetime cannot be lowered while key {id} is \
                     about to activate; try again after 2027-02-14T07:59:00Z"
                )
            );
        }
        for now in [soon - 1, second] {
            assert!(set_policy(&life.ring, policy, at(now), &mut Draws(9)).is_ok());
        }
    }
    // What lowers neither is no matter.
    let as_long = Policy { max_session_lifetime: 400 * DAY, ..Policy::default() };
    for policy in [longer(), as_long] {
        assert!(set_policy(&life.ring, policy, at(last), &mut Draws(9)).is_ok());
    }
}

#[test]
fn lowering_reckons_with_the_old_publish_ahead() {
    let life = Life::new();
    let policy = Policy { publish_ahead: 2 * DAY, ..shorter() };
    let now = at(life.activates_at(1) - DAY - 61);
    assert!(set_policy(&life.ring, policy, now, &mut Draws(9)).is_ok());
}

#[test]
fn a_revoked_key_is_not_about_to_activate() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.stage(NOW).revoke(Revoke::Key(nth(1)), second - 3_600);
    assert!(set_policy(&life.ring, shorter(), at(second - 3_000), &mut Draws(9)).is_ok());
}

#[test]
fn the_same_policy_again_is_no_generation() {
    let life = Life::new();
    let due = set_policy(&life.ring, Policy::default(), at(NOW), &mut Draws(9));
    assert_eq!(due, Ok(Due::At(at(life.activates_at(1)))));
}

#[test]
fn a_policy_that_cannot_be_followed_is_refused() {
    let life = Life::new();
    for (policy, text) in [
        (
            Policy { rotate_every: 3_600, ..Policy::default() },
            "rotate_every (3600 s) is less than publish_ahead (86400 s)",
        ),
        (
            Policy { max_token_lifetime: 24 * 30 * DAY, ..Policy::default() },
            "the policy needs 27 keys at a time, more than 24: rotate less often, or lower \
             max_token_lifetime",
        ),
        (
            Policy { publish_ahead: 0, ..Policy::default() },
            "publish_ahead is 0 s; it may be 1 to 3155760000 s",
        ),
    ] {
        let refused = set_policy(&life.ring, policy, at(NOW), &mut Draws(9)).unwrap_err();
        assert_eq!(refused.to_string(), text);
    }
}
