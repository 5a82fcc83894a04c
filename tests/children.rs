//! Children: what a token for the next audience has of its parent, and how soon it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{DAY, FORGED, Forged, NOW, at, builder, plain_ring, refusal, shop};
use proptest::prelude::*;
use saddlebag::keys::{Audience, FileStore, KeyRing, KeyRingHandle, Policy, Watch, WatchOptions};
use saddlebag::{
    Child, ChildError, IssueError, NewSession, Protection, RawState, Reason, RenewError, Renewal,
    StateErrorKind, Tokens, Verified,
};
use serde_json::{Value, json};

/// The next audience, by a ring that has its keys alone.
fn next() -> Tokens {
    next_of(&plain_ring(Policy::default()))
}

fn next_of(root: &KeyRing) -> Tokens {
    let scoped = root.scoped_to(&Audience::new("cart").unwrap()).unwrap();
    Tokens::builder(KeyRingHandle::fixed(scoped)).audience("cart").build().unwrap()
}

/// Verified as it was made, whatever its times.
fn parent(forged: &Forged<'_>) -> Verified {
    shop().verify_at(&forged.signed(1, "shop"), at(forged.started + forged.issued)).unwrap()
}

fn with_state(state: &Value) -> Verified {
    let token = shop().issue_at(NewSession::of(state).subject("alice"), at(NOW)).unwrap().token;
    shop().verify_at(&token, at(NOW)).unwrap()
}

fn ended<T: std::fmt::Debug>(child: Result<T, ChildError>) -> u64 {
    match child {
        Err(ChildError::Ended { ends_at }) => ends_at.as_secs(),
        other => panic!("{other:?}"),
    }
}

fn issue_error<T: std::fmt::Debug>(child: Result<T, ChildError>) -> IssueError {
    match child {
        Err(ChildError::Issue(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_child_is_the_same_session_for_another_audience_and_ends_with_itself() {
    let forged =
        Forged { issued: 300, revision: 7, subject: Some("alice"), state: b"\x61x", ..FORGED };
    let child = next().child_at(&parent(&forged), Child::empty(), at(NOW + 400)).unwrap();
    let verified = next().verify_at(&child.token, at(NOW + 400)).unwrap();
    let info = verified.info();
    assert_eq!(*info, child.info);
    assert_eq!(info.id, parent(&forged).info().id);
    assert_eq!(info.started_at, at(NOW));
    assert_eq!(info.issued_at, at(NOW + 400));
    assert_eq!(info.expires_at, at(NOW + 460));
    assert_eq!(info.ends_at, at(NOW + 460));
    assert_eq!(info.revision, 7);
    assert_eq!(verified.subject(), Some("alice"));
    assert_eq!(verified.audience(), "cart");
    assert_eq!(verified.state_cbor(), b"\xf6");

    for skewed in [NOW + 340, NOW + 519] {
        assert!(next().verify_at(&child.token, at(skewed)).is_ok());
    }
    assert_eq!(refusal(next().verify_at(&child.token, at(NOW + 520))), Reason::Expired);
    for other in ["shop", "cart2", "front"] {
        let other = builder().audience(other).build().unwrap();
        assert_eq!(refusal(other.verify_at(&child.token, at(NOW + 400))), Reason::BadTag);
    }
}

#[test]
fn a_signed_child_is_the_token_the_format_says() {
    let tokens = builder().audience("cart").protection(Protection::Signed).build().unwrap();
    let forged = Forged { issued: 5, revision: 2, subject: Some("alice"), ..FORGED };
    let child = Child::empty().state("x").lifetime(30);
    let child = tokens.child_at(&parent(&forged), child, at(NOW + 90)).unwrap();
    let expected = Forged { issued: 90, expires: 30, ends: 120, state: b"\x61x", ..forged };
    assert_eq!(child.token, expected.signed(1, "cart"));
}

#[test]
fn a_child_ends_no_later_than_its_parents_session() {
    // Issued at NOW + 800, ends at NOW + 1,000.
    let forged = Forged { issued: 800, expires: 200, ends: 1_000, ..FORGED };
    for (lifetime, now, issued_at, expires_at) in [
        (None, 800, 800, 860),
        (None, 939, 939, 999),
        (None, 940, 940, 1_000),
        (None, 941, 941, 1_000),
        (None, 999, 999, 1_000),
        (Some(1), 800, 800, 801),
        (Some(200), 800, 800, 1_000),
        (Some(201), 800, 800, 1_000),
        (Some(30 * DAY), 900, 900, 1_000),
        // A clock behind the issuer's, within the skew and beyond; and before the session.
        (None, 799, 800, 860),
        (None, 740, 800, 860),
        (None, 100, 800, 860),
        (Some(500), 0, 800, 1_000),
    ] {
        let child = Child::empty();
        let child = lifetime.map_or(child.clone(), |seconds| child.lifetime(seconds));
        let info = next().child_at(&parent(&forged), child, at(NOW + now)).unwrap().info;
        assert_eq!(info.issued_at, at(NOW + issued_at), "{lifetime:?} {now}");
        assert_eq!(info.expires_at, at(NOW + expires_at), "{lifetime:?} {now}");
        assert_eq!(info.ends_at, info.expires_at);
        assert_eq!(info.started_at, at(NOW));
    }
    for now in [1_000, 1_001, 1_059, 2_000, 100_000_000] {
        let child = next().child_at(&parent(&forged), Child::empty(), at(NOW + now));
        assert_eq!(ended(child), NOW + 1_000);
    }
}

#[test]
fn a_parent_from_this_clocks_future_has_a_child_that_begins_with_it() {
    let forged = Forged { issued: 50, ..FORGED };
    let token = forged.signed(1, "shop");
    let now = at(NOW - 10);
    let ahead = shop().verify_at(&token, now).unwrap();
    let child = next().child_at(&ahead, Child::empty(), now).unwrap();
    assert_eq!(child.info.issued_at, at(NOW + 50));
    assert_eq!(child.info.expires_at, at(NOW + 110));
    assert!(next().verify_at(&child.token, now).is_ok());
}

#[test]
fn a_lifetime_of_nothing_or_above_the_policy_is_refused_and_the_default_shortened() {
    let parent = parent(&FORGED);
    let policy = Policy { max_token_lifetime: 45, ..Policy::default() };
    let tokens = next_of(&plain_ring(policy));
    for seconds in [0, 46, u64::MAX] {
        let child = tokens.child_at(&parent, Child::empty().lifetime(seconds), at(NOW));
        assert!(matches!(
            issue_error(child),
            IssueError::Lifetime { what: "lifetime", asked, most: 45 } if asked == seconds
        ));
    }
    let child = tokens.child_at(&parent, Child::empty().lifetime(45), at(NOW)).unwrap();
    assert_eq!(child.info.expires_at, at(NOW + 45));
    let child = tokens.child_at(&parent, Child::empty(), at(NOW)).unwrap();
    assert_eq!(child.info.expires_at, at(NOW + 45));
}

#[test]
fn nobody_extends_a_child() {
    let tokens = next();
    let child = tokens.child_at(&parent(&FORGED), Child::empty(), at(NOW)).unwrap();
    let mut verified = tokens.verify_at(&child.token, at(NOW)).unwrap();
    for now in [NOW, NOW + 1, NOW + 30, NOW + 59] {
        assert!(!tokens.renewal_is_due_at(&verified, at(now)));
        let renewed = tokens.renew_at(&verified, Renewal::keep(), at(now)).unwrap();
        assert_eq!(renewed.info.expires_at, at(NOW + 60));
        assert_eq!(renewed.info.ends_at, at(NOW + 60));
        verified = tokens.verify_at(&renewed.token, at(now)).unwrap();
    }
    let refused = tokens.renew_at(&verified, Renewal::keep(), at(NOW + 60)).unwrap_err();
    assert!(matches!(refused, RenewError::Ended { ends_at } if ends_at == at(NOW + 60)));
    // Nor does a child of it, within one audience or in the next.
    for other in [tokens, builder().audience("stock").build().unwrap()] {
        let long = Child::empty().lifetime(DAY);
        let grandchild = other.child_at(&verified, long.clone(), at(NOW + 50)).unwrap();
        assert_eq!(grandchild.info.ends_at, at(NOW + 60));
        assert_eq!(ended(other.child_at(&verified, long, at(NOW + 60))), NOW + 60);
    }
}

#[test]
fn a_child_has_the_chosen_fields_of_its_parents_state_and_no_other() {
    let state =
        json!({"locale": "de", "csrf": "secret", "cart": {"id": 7, "n": [1.5]}, "beta": null});
    let parent = with_state(&state);
    for (names, expected) in [
        (&["locale"][..], json!({"locale": "de"})),
        (&["beta", "cart", "cart"], json!({"cart": {"id": 7, "n": [1.5]}, "beta": null})),
        (&["id", "missing", "Locale"], json!({})),
        (&[], json!({})),
    ] {
        let child = Child::empty().fields(names.iter().copied());
        let child = next().child_at(&parent, child, at(NOW)).unwrap();
        let verified = next().verify_at(&child.token, at(NOW)).unwrap();
        assert_eq!(verified.state::<Value>().unwrap(), expected);
    }
    // To the byte, in longer forms than ours.
    let state = b"\xb8\x02\x78\x01a\x19\x00\x01\x61b\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00";
    let parent = crate::parent(&Forged { state, ..FORGED });
    let child = next().child_at(&parent, Child::empty().fields(["a"]), at(NOW)).unwrap();
    let verified = next().verify_at(&child.token, at(NOW)).unwrap();
    assert_eq!(verified.state_cbor(), b"\xa1\x78\x01a\x19\x00\x01");
}

#[test]
fn fields_of_a_state_that_is_no_map_are_refused_and_of_none_are_none() {
    for (state, kind) in [
        (&b"\x61x"[..], StateErrorKind::Mismatch),
        (b"\x80", StateErrorKind::Mismatch),
        (b"\xa2\x61a\x01\x61a\x02", StateErrorKind::DuplicateKey),
        (b"\xff\x00 nonsense", StateErrorKind::Indefinite),
    ] {
        let parent = parent(&Forged { state, ..FORGED });
        let refused = next().child_at(&parent, Child::empty().fields(["a"]), at(NOW));
        let IssueError::State(error) = issue_error(refused) else { panic!() };
        assert_eq!(error.kind(), kind);
        // It is not looked at where nothing is taken of it.
        assert!(next().child_at(&parent, Child::empty(), at(NOW)).is_ok());
    }
    let child = next().child_at(&parent(&FORGED), Child::empty().fields(["a"]), at(NOW)).unwrap();
    assert_eq!(next().verify_at(&child.token, at(NOW)).unwrap().state_cbor(), b"\xf6");
}

#[test]
fn the_last_word_on_a_childs_state_counts() {
    let parent = with_state(&json!({"a": 1}));
    let raw = RawState::from_cbor(b"\x61y".to_vec()).unwrap();
    for (child, expected) in [
        (Child::empty().fields(["a"]).state("x"), &b"\x61x"[..]),
        (Child::empty().state("x").raw_state(raw), b"\x61y"),
        (Child::empty().state("x").fields(["a"]), b"\xa1\x61a\x01"),
    ] {
        let child = next().child_at(&parent, child, at(NOW)).unwrap();
        assert_eq!(next().verify_at(&child.token, at(NOW)).unwrap().state_cbor(), expected);
    }
    let refused = next().child_at(&parent, Child::empty().state(&f64::NAN), at(NOW));
    let IssueError::State(error) = issue_error(refused) else { panic!() };
    assert_eq!(error.kind(), StateErrorKind::NotFinite);
}

#[test]
fn protection_and_binding_are_the_next_tokens_own() {
    for (from, to) in [
        (Protection::Signed, Protection::Sealed),
        (Protection::Sealed, Protection::Signed),
        (Protection::Sealed, Protection::Sealed),
    ] {
        let shop = builder().protection(from).build().unwrap().bound_to(b"client").unwrap();
        let token = shop.issue_at(NewSession::empty(), at(NOW)).unwrap().token;
        let parent = shop.verify_at(&token, at(NOW)).unwrap();
        let open = builder().audience("cart").protection(to).build().unwrap();
        let bound = open.bound_to(b"service").unwrap();
        for (tokens, other) in [(&open, &bound), (&bound, &open)] {
            let child = tokens.child_at(&parent, Child::empty(), at(NOW)).unwrap();
            let verified = tokens.verify_at(&child.token, at(NOW)).unwrap();
            assert_eq!(verified.protection(), to);
            assert_eq!(refusal(other.verify_at(&child.token, at(NOW))), Reason::BadTag);
        }
    }
}

#[test]
fn without_the_next_audiences_keys_there_is_no_child() {
    let parent = parent(&FORGED);
    let absent = FileStore::new("/nonexistent/ring.json");
    let (handle, _) = Watch::new(absent, WatchOptions::default()).start_waiting();
    let empty = Tokens::builder(handle).audience("cart").build().unwrap();
    let refused = empty.child_at(&parent, Child::empty(), at(NOW));
    assert!(matches!(issue_error(refused), IssueError::NoRing));
    // Before the ring's first key; and with a state that is too much.
    let early = Forged { started: 0, ends: 4 * NOW, ..FORGED };
    let early = shop().verify_at(&early.signed(1, "shop"), at(0)).unwrap();
    let refused = next().child_at(&early, Child::empty(), at(1_000));
    assert!(matches!(issue_error(refused), IssueError::Clock { .. }));
    let refused = next().child_at(&parent, Child::empty().state(&"x".repeat(9_000)), at(NOW));
    assert!(matches!(issue_error(refused), IssueError::TooLong { .. }));
}

#[test]
fn a_refused_child_says_why_and_shows_nothing_secret() {
    let forged = Forged { subject: Some("canary"), state: b"\x66canary", ..FORGED };
    let refused = next().child_at(&parent(&forged), Child::empty(), at(NOW + DAY)).unwrap_err();
    assert_eq!(refused.to_string(), "the session ended at 2027-01-16T08:00:00Z");
    let refused = next().child_at(&parent(&forged), Child::empty().fields(["a"]), at(NOW));
    let refused = refused.unwrap_err();
    assert!(std::error::Error::source(&refused).is_some());
    let child = Child::empty().state("canary");
    let issued = next().child_at(&parent(&forged), child.clone(), at(NOW)).unwrap();
    let shown = format!("{refused} {refused:?} {child:?} {issued:?}");
    assert!(!shown.contains("canary") && !shown.contains(&issued.token), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_child_verifies_and_ends_within_its_parents_session(
        issued in 0..5_000_u64,
        expires in 1..5_000_u64,
        rest in 0..5_000_u64,
        lifetime in proptest::option::of(1..10_000_u64),
        now in 0..20_000_u64,
        revision in any::<u32>(),
    ) {
        let ends = issued + expires + rest;
        let forged =
            Forged { issued, expires, ends, revision: revision.into(), subject: Some("a"), ..FORGED };
        let parent = parent(&forged);
        let child = Child::empty();
        let child = lifetime.map_or(child.clone(), |seconds| child.lifetime(seconds));
        let now = at(NOW + now);
        match next().child_at(&parent, child, now) {
            Ok(child) => {
                let (old, new) = (parent.info(), &child.info);
                prop_assert_eq!((new.id, new.started_at, new.revision), (old.id, old.started_at, old.revision));
                prop_assert_eq!(new.issued_at, now.max(old.issued_at));
                let left = old.ends_at.since(new.issued_at);
                prop_assert_eq!(new.expires_at.since(new.issued_at), lifetime.unwrap_or(60).min(left));
                prop_assert_eq!(new.ends_at, new.expires_at);
                prop_assert!(new.issued_at < new.ends_at && new.ends_at <= old.ends_at);
                let verified = next().verify_at(&child.token, new.issued_at).unwrap();
                prop_assert_eq!(verified.info(), new);
                prop_assert_eq!(verified.subject(), Some("a"));
            }
            Err(refused) => {
                prop_assert!(now >= parent.info().ends_at);
                let is_ended = matches!(refused, ChildError::Ended { .. });
                prop_assert!(is_ended);
            }
        }
    }
}
