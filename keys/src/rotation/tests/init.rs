//! `init`.

use super::*;

#[test]
fn init_makes_an_active_key_and_a_standby() {
    let life = Life::new();
    assert_eq!(life.ring.generation, 1);
    assert_eq!(life.ring.keys.len(), 2);
    // A node whose clock is behind by the skew can issue at once.
    assert_eq!(life.activates_at(0), NOW - 60);
    assert_eq!(life.active(NOW - 60), Some(nth(0)));
    assert_eq!(life.active(NOW - 61), None);
    assert_eq!(life.activates_at(1), NOW - 60 + 30 * DAY);
    assert_eq!(life.drains_until(0), Some(NOW - 60 + 30 * DAY + DRAIN));
    assert_eq!(life.drains_until(1), None);
    assert_eq!(life.harm, []);
    assert!(life.ring.keys.iter().all(|key| key.created_at == at(NOW)));
}

#[test]
fn the_first_standby_is_published_ahead_even_where_keys_change_as_fast() {
    let life =
        Life::with(Policy { rotate_every: DAY, max_token_lifetime: DAY, ..Policy::default() });
    // rotate_every after the first key would be a minute before now + publish_ahead.
    assert_eq!(life.activates_at(1), NOW + DAY);
}

#[test]
fn next_due_is_when_the_standby_becomes_active() {
    let plan = init("shop", Policy::default(), at(NOW), &mut Draws(0)).unwrap();
    assert_eq!(plan.next_due, at(NOW - 60 + 30 * DAY));
    assert_eq!(next_due(&plan.ring, at(NOW)), plan.next_due);
}

#[test]
fn init_refuses_a_name_or_a_policy_that_no_ring_can_have() {
    let refused =
        |name: &str, policy| init(name, policy, at(NOW), &mut Draws(0)).unwrap_err().to_string();
    let good = Policy::default();
    assert_eq!(refused("", good), "name is not 1 to 128 characters without control characters");
    for (policy, text) in [
        (
            Policy { rotate_every: DAY - 1, ..good },
            "rotate_every (86399 s) is less than publish_ahead (86400 s)",
        ),
        (
            Policy { rotate_every: DAY, ..good },
            "the policy needs 34 keys at a time, more than 24: rotate less often, or lower \
             max_token_lifetime",
        ),
        (Policy { clock_skew: 301, ..good }, "clock_skew is 301 s; it may be 0 to 300 s"),
        (
            Policy { max_session_lifetime: 0, ..good },
            "max_session_lifetime is 0 s; it may be 1 to 3155760000 s",
        ),
    ] {
        assert_eq!(refused("shop", policy), text);
    }
}
