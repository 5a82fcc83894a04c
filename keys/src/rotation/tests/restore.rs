//! `restore`.

use super::*;

/// A day after the ring was made, so that its standby is known everywhere.
const LATER: u64 = NOW + 2 * DAY;

fn restored(life: &mut Life, old: &KeyRing, now: u64) -> Plan {
    restore(Some(&life.ring), old, 0, at(now), &mut life.rng).unwrap()
}

#[test]
fn a_key_that_was_activated_by_mistake_is_staged_again_and_its_tokens_live() {
    let mut life = Life::new();
    let old = life.ring.clone();
    life.activate(nth(1), true, NOW + 60);
    let plan = restored(&mut life, &old, NOW + 120);
    assert_eq!(plan.ring.generation, 3);
    assert_eq!(plan.ring.active(at(NOW + 120)).map(Key::id), Some(nth(0)));
    let standby = plan.ring.key(nth(1)).unwrap();
    assert_eq!(standby.activates_at, old.key(nth(1)).unwrap().activates_at);
    // It has issued, so it waits for a successor like any key that has.
    assert!(standby.drains_until.is_some());
    assert_eq!(plan.ring.key(nth(2)), None);
    assert_eq!(plan.ring.unrevoked().last().unwrap().id, nth(3));
    assert_eq!(plan.harm, []);
}

#[test]
fn keys_that_came_since_and_have_issued_drain_and_others_are_dropped() {
    let mut life = Life::new();
    let old = life.ring.clone();
    life.activate(nth(1), false, LATER).activate(nth(2), true, LATER + 60);
    let drains = life.key(2).drains_until;
    let plan = restored(&mut life, &old, LATER + 120);
    let present_only = plan.ring.key(nth(2)).unwrap();
    assert_eq!(plan.ring.state(present_only, at(LATER + 120)), KeyState::Draining);
    assert!(present_only.drains_until >= drains);
    assert!(present_only.drains_until >= Some(at(LATER + 120 + DRAIN)));
    assert_eq!(plan.ring.key(nth(3)), None, "the standby of now has issued nothing");
    // The old ring's first key issues again, as if nothing had happened.
    assert_eq!(plan.ring.active(at(LATER + 120)).map(Key::id), Some(nth(0)));
    assert_eq!(plan.harm, []);
}

#[test]
fn what_is_revoked_in_either_ring_stays_revoked() {
    let mut life = Life::new();
    let first = life.ring.clone();
    life.revoke(Revoke::Key(nth(0)), LATER);
    let since = life.ring.clone();
    let plan = restored(&mut life, &first, LATER + 60);
    assert_eq!(plan.ring.key(nth(0)), since.key(nth(0)));
    assert_eq!(plan.ring.active(at(LATER + 60)).map(Key::id), Some(nth(1)));
    assert_eq!(plan.harm, []);
    // The other way round: a ring that has lost the revocation does not undo it.
    life.ring = KeyRing { generation: 5, ..first };
    let plan = restored(&mut life, &since, LATER + 60);
    assert!(plan.ring.key(nth(0)).unwrap().is_revoked());
    let state = KeyState::Active;
    assert_eq!(plan.harm[0], Harm::TokensRefused { id: nth(0), state });
}

/// A ring drops records of revoked keys, for room or because they have drained.
#[test]
fn a_key_that_is_gone_from_the_ring_does_not_come_back() {
    let mut life = Life::new();
    life.activate(nth(1), false, LATER);
    let old = life.ring.clone();
    life.revoke(Revoke::Key(nth(0)), LATER);
    life.ring.keys.retain(|key| key.id != nth(0));
    life.ring.generation += 1;
    let plan = restored(&mut life, &old, LATER + 60);
    assert_eq!(plan.ring.key(nth(0)), None);
}

#[test]
fn nothing_is_left_of_a_ring_whose_keys_were_all_revoked() {
    let mut life = Life::new();
    let old = life.ring.clone();
    life.revoke(Revoke::All, LATER);
    let refused = restore(Some(&life.ring), &old, 0, at(LATER + 60), &mut life.rng).unwrap_err();
    assert_eq!(refused, Refused::NothingLeft);
    assert_eq!(
        refused.to_string(),
        "nothing is left to restore: since that generation every key of it that could sign was revoked \
         or has drained"
    );
}

#[test]
fn without_a_ring_the_generation_is_above_what_is_in_use_and_the_plan_says_what_is_forgotten() {
    let mut life = Life::new();
    let old = life.ring.clone();
    let plan = restore(None, &old, 41, at(LATER), &mut life.rng).unwrap();
    assert_eq!(plan.ring.generation, 42);
    assert_eq!(plan.ring.keys, old.keys);
    assert_eq!(plan.changes, []);
    assert_eq!(plan.harm, [Harm::Forgotten { generation: 1 }]);
    assert_eq!(
        plan.harm[0].to_string(),
        "keys revoked since generation 1 are taken again, and keys made since are not known any more"
    );
    let plan = restore(None, &old, 0, at(LATER), &mut life.rng).unwrap();
    assert_eq!(plan.ring.generation, 2);
}

#[test]
fn the_old_policy_comes_back_and_live_tokens_do_not_suffer_from_it() {
    let short = Policy { max_token_lifetime: DAY, ..Policy::default() };
    let mut life = Life::with(short);
    let old = life.ring.clone();
    life.set_policy(Policy::default(), NOW + 60);
    let plan = restored(&mut life, &old, NOW + 120);
    assert_eq!(plan.ring.policy, short);
    // Nodes that have not read of it issue for 30 days.
    let standby = old.key(nth(1)).unwrap().activates_at;
    assert!(plan.ring.key(nth(0)).unwrap().drains_until >= Some(standby.saturating_add(DRAIN)));
}

#[test]
fn another_rings_document_is_refused() {
    let mut life = Life::new();
    let other = init("other", Policy::default(), at(NOW), &mut Draws(40)).unwrap().ring;
    let refused = restore(Some(&life.ring), &other, 0, at(NOW), &mut life.rng).unwrap_err();
    assert_eq!(refused.to_string(), "the document is of another ring, \"other\", not \"shop\"");
    let scoped = life.ring.scoped_to(&Audience::new("shop").unwrap()).unwrap();
    for (present, old) in [(&scoped, &life.ring), (&life.ring, &scoped)] {
        let refused = restore(Some(present), old, 0, at(NOW), &mut Draws(9)).unwrap_err();
        assert!(matches!(refused, Refused::Scoped { .. }), "{refused}");
    }
}

#[test]
fn the_union_of_more_than_32_keys_is_refused() {
    let mut life = Life::new();
    let old = life.ring.clone();
    for n in 0..30 {
        life.activate(nth(n + 1), true, LATER + n * 2);
    }
    assert_eq!(life.ring.keys.len(), 32);
    // The standby is dropped, and another is made: no room is needed.
    restored(&mut life, &old, LATER + 100);
    life.ring.keys.retain(|key| key.id != nth(0));
    let older = KeyRing { generation: 9_999, ..old };
    life.activate(nth(31), true, LATER + 100);
    let refused = restore(Some(&life.ring), &older, 0, at(LATER + 160), &mut life.rng);
    assert_eq!(refused.unwrap_err(), Refused::Full);
}
