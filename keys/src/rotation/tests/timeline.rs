//! `plan`: the future of a ring.

use super::*;
use crate::rotation::timeline::{Event, Label, Refusal};

fn future(ring: &KeyRing, now: u64, days: u64) -> Timeline {
    timeline(ring, at(now), at(now + days * DAY)).unwrap()
}

#[test]
fn a_ring_in_order_shows_its_events_and_refuses_nothing() {
    let life = Life::new();
    let [first, second] = [0, 1].map(|n| Label::Key(nth(n)));
    let [third, fourth] = [1, 2].map(Label::Future);
    let t = NOW - 60;
    let timeline = future(&life.ring, NOW, 92);
    assert_eq!(
        timeline.events,
        [
            (at(t + 30 * DAY), Event::Staged(third)),
            (at(t + 30 * DAY), Event::Activates(second)),
            (at(t + 60 * DAY), Event::Staged(fourth)),
            (at(t + 60 * DAY), Event::Activates(third)),
            (at(t + 30 * DAY + DRAIN), Event::Retires(first)),
            (at(t + 90 * DAY), Event::Staged(Label::Future(3))),
            (at(t + 90 * DAY), Event::Activates(fourth)),
            (at(t + 60 * DAY + DRAIN), Event::Retires(second)),
        ]
    );
    assert_eq!(timeline.refusal, None);
    assert_eq!(first.to_string(), nth(0).to_string());
    assert_eq!(format!("{third:>8}"), "  next+1");
}

#[test]
fn a_ring_in_order_refuses_nothing_for_years() {
    assert_eq!(future(&Life::new().ring, NOW, 5 * 365).refusal, None);
}

#[test]
fn what_is_after_the_horizon_is_not_shown() {
    assert_eq!(future(&Life::new().ring, NOW, 29).events, []);
}

#[test]
fn a_late_rotation_is_shown_as_due_now() {
    let life = Life::new();
    let late = NOW + 200 * DAY;
    let timeline = future(&life.ring, late, 2);
    assert_eq!(
        timeline.events,
        [
            (at(late), Event::Staged(Label::Future(1))),
            (at(late + DAY), Event::Staged(Label::Future(2))),
            (at(late + DAY), Event::Activates(Label::Future(1))),
        ]
    );
    assert_eq!(timeline.refusal, None);
}

#[test]
fn a_forced_activation_refuses_until_the_key_is_published() {
    let mut life = Life::new();
    life.stage(NOW + 60).activate(nth(2), true, NOW + 100);
    let refusal = future(&life.ring, NOW + 100, 30).refusal.unwrap();
    assert_eq!(refusal.from(), at(NOW + 100));
    assert_eq!(
        refusal.to_string(),
        format!(
            "from 2027-01-15T08:01:40Z to 2027-01-16T08:01:00Z: tokens under key {}, at nodes that \
             have not read the ring since it was made",
            nth(2)
        )
    );
    // It tells the future, and that ends.
    assert_eq!(future(&life.ring, NOW + 60 + DAY, 30).refusal, None);
}

#[test]
fn a_key_that_took_over_from_a_revoked_one_refuses_until_it_is_published() {
    let mut life = Life::new();
    let now = NOW + 40 * DAY;
    life.revoke(Revoke::All, now);
    let refusal = future(&life.ring, now, 30).refusal.unwrap();
    let (key, from, until) = (Label::Key(nth(2)), at(now), at(now + DAY));
    assert_eq!(refusal, Refusal::NotPublished { key, from, until });
}

#[test]
fn a_drain_that_somebody_shortened_by_hand_is_found() {
    let mut life = Life::new();
    let second = life.activates_at(1);
    life.rotate(second);
    life.ring.keys[0].drains_until = Some(at(second + DAY));
    let refusal = future(&life.ring, second + 60, 60).refusal.unwrap();
    assert_eq!(refusal.from(), at(second + DAY));
    assert_eq!(
        refusal.to_string(),
        format!(
            "from 2027-02-15T07:59:00Z to 2027-03-17T08:01:00Z: the last tokens under key {}",
            nth(0)
        )
    );
    // Once it has retired, what it refuses is no future any more.
    assert_eq!(future(&life.ring, second + DAY, 60).refusal, None);
    // Beyond the horizon it is no matter yet.
    assert_eq!(timeline(&life.ring, at(second + 60), at(second + 70)).unwrap().refusal, None);
}

#[test]
fn a_scoped_ring_is_shown_as_it_is() {
    let life = Life::new();
    let scoped = life.ring.scoped_to(&Audience::new("shop").unwrap()).unwrap();
    let events = future(&scoped, NOW, 365).events;
    let second = life.activates_at(1);
    assert_eq!(
        events,
        [
            (at(second), Event::Activates(Label::Key(nth(1)))),
            (at(second + DRAIN), Event::Retires(Label::Key(nth(0)))),
        ]
    );
}

#[test]
fn revoked_keys_have_no_future() {
    let mut life = Life::new();
    life.stage(NOW).revoke(Revoke::Key(nth(1)), NOW);
    let gone = Label::Key(nth(1));
    let events = future(&life.ring, NOW, 365).events;
    assert!(!events.iter().any(|(_, event)| *event == Event::Activates(gone)));
    assert!(!events.iter().any(|(_, event)| *event == Event::Retires(gone)));
}

#[test]
fn a_full_ring_has_no_future_to_show() {
    let mut life = Life::new();
    for _ in 2..32 {
        life.stage(NOW);
    }
    // Its keys have lost what they drain until: by hand, since no verb does that.
    let last = life.activates_at(31);
    for key in &mut life.ring.keys {
        key.drains_until = None;
    }
    assert_eq!(timeline(&life.ring, at(last), at(last + DAY)), Err(Refused::Full));
}
