//! Refusals and deeds that hang on the time since the ring was made.

use saddlebag::keys::{FileStore, Policy, Store, UnixTime, rotation};

use super::program::{Place, code, stderr, stdout};

const DAY: u64 = 86_400;

/// A ring that was made so many seconds ago, and left alone since.
fn made(ago: u64) -> Place {
    let place = Place::empty();
    let then = UnixTime::now().saturating_sub(ago);
    let plan = rotation::init("old", Policy::default(), then, &mut rand::rngs::SysRng).unwrap();
    FileStore::new(place.path("ring.json")).save(&plan.ring, None).unwrap();
    place
}

#[test]
fn a_policy_is_not_lowered_while_a_key_is_about_to_sign() {
    let place = made(30 * DAY - 3_600);
    let end = place.run(&["keys", "policy", "--max-token-lifetime", "7d"]);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).contains("about to activate; try again after"), "{}", stderr(&end));
    assert_eq!(code(&place.run(&["keys", "policy", "--max-token-lifetime", "40d"])), 0);
    assert_eq!(place.ring().policy().max_token_lifetime, 40 * DAY);
}

#[test]
fn a_standby_that_was_published_long_enough_is_activated_without_a_question() {
    let place = made(2 * DAY);
    let id = place.ring().keys()[1].id().to_string();
    let end = place.run(&["keys", "activate", "--", &id]);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    assert_eq!(stderr(&end), "");
    let ring = place.ring();
    assert_eq!(ring.active(UnixTime::now()).unwrap().id().to_string(), id);
    assert!(ring.standby(UnixTime::now()).is_some());
}

#[test]
fn a_rotation_that_is_due_stages_a_standby_and_drops_what_has_drained() {
    let place = made(70 * DAY);
    assert_eq!(code(&place.run(&["keys", "check"])), 1);
    let dropped = place.ring().keys()[0].id();
    let dry = place.run(&["keys", "rotate", "--dry-run"]);
    assert!(stdout(&dry).contains("dry run"), "{}", stdout(&dry));
    assert_eq!(place.ring().generation(), 1);
    let end = place.run(&["keys", "rotate"]);
    let told = stdout(&end);
    assert!(told.contains(&format!("key {dropped}, which was retired, is dropped")), "{told}");
    assert!(told.contains("is staged, and activates at"), "{told}");
    let again = place.run(&["keys", "rotate"]);
    assert!(
        stdout(&again).contains("nothing is due; next in 24 h")
            || stdout(&again).contains("next in 23 h")
    );
    assert_eq!(place.ring().generation(), 2);
    assert_eq!(code(&place.run(&["keys", "check"])), 0);
}

#[test]
fn a_prune_drops_what_has_drained() {
    let place = made(70 * DAY);
    assert_eq!(code(&place.run(&["keys", "prune", "--json"])), 0);
    assert_eq!(place.ring().keys().len(), 2);
}

#[test]
fn a_key_is_revoked_once() {
    let place = made(DAY);
    let id = place.ring().keys()[0].id().to_string();
    let token = place.token();
    assert_eq!(code(&place.run(&["keys", "revoke", "--yes", "--", &id])), 0);
    let end = place.run(&["keys", "revoke", "--yes", "--", &id]);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).contains("is revoked since"), "{}", stderr(&end));
    let end = place.run_with(&["token", "verify"], token.as_bytes());
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).contains(&format!("key {id} was revoked")), "{}", stderr(&end));
}

#[test]
fn a_key_that_no_live_token_needs_is_revoked_without_a_question() {
    let place = made(70 * DAY);
    let retired = place.ring().keys()[0].id().to_string();
    let end = place.run(&["keys", "revoke", "--", &retired]);
    assert_eq!((code(&end), stderr(&end).as_str()), (0, ""));
}

#[test]
fn a_full_ring_refuses_one_more() {
    let place = made(0);
    for _ in 0..30 {
        assert_eq!(code(&place.run(&["keys", "stage"])), 0);
    }
    let end = place.run(&["keys", "stage"]);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).contains("the ring is full: 32 keys"), "{}", stderr(&end));
}

#[test]
fn a_retired_jwt_key_is_named_too() {
    let place = made(0);
    let issue = ["token", "issue", "--protection", "jwt", "--jwt", "hs256"];
    let token = stdout(&place.run(&issue));
    let id = place.ring().keys()[0].id().to_string();
    assert_eq!(code(&place.run(&["keys", "revoke", "--yes", "--", &id])), 0);
    let end = place.run_with(&["token", "verify", "--jwt", "hs256"], token.as_bytes());
    assert!(stderr(&end).contains(&format!("key {id} was revoked")), "{}", stderr(&end));
}

#[test]
fn an_imported_ring_without_a_standby_is_saved_as_it_is_with_a_warning() {
    let place = made(31 * DAY);
    let end = place.run(&["keys", "import", "ring.json", "--ring", "file:copy.json"]);
    assert_eq!(code(&end), 0);
    assert!(stderr(&end).contains(
        "warning: this ring has no standby: saddlebag keys rotate --ring file:copy.json"
    ));
    let copies = ["ring.json", "copy.json"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert_eq!(copies[0], copies[1]);
}

#[test]
fn a_full_ring_whose_rotation_is_refused_can_still_be_looked_at() {
    let place = made(0);
    for _ in 0..30 {
        assert_eq!(code(&place.run(&["keys", "stage"])), 0);
    }
    let at = "2040-01-01T00:00:00Z";
    assert_eq!(code(&place.run(&["keys", "show", "--at", at])), 0);
    assert_eq!(code(&place.run(&["keys", "check", "--at", at])), 1);
}
