//! The law of renewal (section 6 of the format): what is kept, what moves, and when it is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{
    DAY, FORGED, Forged, NOW, Numbers, at, builder, id, key, plain, refusal, renewal_refusal,
    ring_of, shop,
};
use saddlebag::keys::insecure::ChosenKey;
use saddlebag::keys::{KeyRingHandle, MemoryStore, Policy, Store, rotation};
use saddlebag::{
    IssueError, Lifetime, NewSession, Protection, RawState, Reason, RenewError, Renewal,
    RenewalRule, Tokens,
};

const BOTH: [Protection; 2] = [Protection::Signed, Protection::Sealed];

#[test]
fn a_renewal_keeps_all_but_issue_expiry_and_revision() {
    for protection in BOTH {
        let tokens = builder().protection(protection).build().unwrap();
        let session = NewSession::of(&("cart", 1.5)).subject("alice");
        let first =
            tokens.issue_at(session.lifetime(600).session_lifetime(7_000), at(NOW)).unwrap();
        let mut token = first.token;
        // Past 6,400 s, the end of the session is nearer than ten minutes.
        for (revision, (now, expires_at)) in [
            (NOW, NOW + 600),
            (NOW + 1, NOW + 601),
            (NOW + 500, NOW + 1_100),
            (NOW + 1_000, NOW + 1_600),
            // In the skew after its end.
            (NOW + 1_659, NOW + 2_259),
            // A clock behind the last issuer's.
            (NOW + 1_600, NOW + 2_259),
            (NOW + 2_000, NOW + 2_600),
            (NOW + 2_600, NOW + 3_200),
            (NOW + 3_200, NOW + 3_800),
            (NOW + 3_800, NOW + 4_400),
            (NOW + 4_400, NOW + 5_000),
            (NOW + 5_000, NOW + 5_600),
            (NOW + 5_600, NOW + 6_200),
            (NOW + 6_200, NOW + 6_800),
            (NOW + 6_500, NOW + 7_000),
            (NOW + 6_999, NOW + 7_000),
        ]
        .into_iter()
        .enumerate()
        {
            let before = tokens.verify_at(&token, at(now)).unwrap();
            let renewed = tokens.renew_at(&before, Renewal::keep(), at(now)).unwrap();
            let after = tokens.verify_at(&renewed.token, at(now)).unwrap();
            let (old, new) = (before.info(), after.info());
            assert_eq!(*new, renewed.info);
            assert_eq!(new.id, first.info.id);
            assert_eq!(new.started_at, at(NOW));
            assert_eq!(new.ends_at, at(NOW + 7_000));
            assert_eq!(new.revision, revision as u32 + 1);
            assert_eq!(new.issued_at, at(now).max(old.issued_at));
            assert_eq!(new.expires_at, at(expires_at), "{revision}");
            assert_eq!(after.subject(), Some("alice"));
            assert_eq!(after.state_cbor(), before.state_cbor());
            assert_eq!(after.protection(), protection);
            assert_ne!(renewed.token, token);
            token = renewed.token;
        }
        let last = tokens.verify_at(&token, at(NOW + 7_059)).unwrap();
        for now in [NOW + 7_000, NOW + 7_030, NOW + 7_059] {
            let refused = tokens.renew_at(&last, Renewal::keep(), at(now)).unwrap_err();
            assert!(matches!(refused, RenewError::Ended { ends_at } if ends_at == at(NOW + 7_000)));
        }
        assert_eq!(refusal(tokens.verify_at(&token, at(NOW + 7_060))), Reason::Expired);
    }
}

#[test]
fn state_is_kept_byte_for_byte_whatever_it_is() {
    let tokens = shop();
    // Longer forms, floats that would fit fewer bytes, and what would not decode at all.
    for state in [
        &b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01"[..],
        b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xb8\x01\x78\x01a\x19\x00\x01",
        b"\xa2\x61b\x01\x61a\x02",
        b"\xa2\x61a\x01\x61a\x02",
        b"\xf6\xf6\xf6",
        b"\xff\x00 nonsense",
    ] {
        let forged = Forged { state, subject: Some("a"), issued: 7, ..FORGED };
        for token in
            [forged.signed(1, "shop"), common::seal(1, "shop", b"", [5; 24], &forged.cbor())]
        {
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            let renewed = tokens.renew_at(&verified, Renewal::keep(), at(NOW + 9)).unwrap();
            let renewed = tokens.verify_at(&renewed.token, at(NOW + 9)).unwrap();
            assert_eq!(renewed.state_cbor(), state);
            assert_eq!(renewed.protection(), verified.protection());
        }
    }
}

#[test]
fn a_signed_renewal_is_the_token_the_format_says() {
    let tokens = shop();
    let forged = Forged { subject: Some("alice"), state: b"\x61x", ..FORGED };
    let verified = tokens.verify_at(&forged.signed(1, "shop"), at(NOW)).unwrap();
    let renewed = tokens.renew_at(&verified, Renewal::keep(), at(NOW + 300)).unwrap();
    let expected = Forged { issued: 300, revision: 1, ..forged };
    assert_eq!(renewed.token, expected.signed(1, "shop"));
}

#[test]
fn expires_is_never_longer_than_it_was_nor_than_the_policy() {
    for (max_token_lifetime, expires) in
        [(30 * DAY, 900), (901, 900), (900, 900), (899, 899), (1, 1)]
    {
        let policy = Policy { max_token_lifetime, ..Policy::default() };
        let ring = KeyRingHandle::fixed(common::plain_ring(policy));
        let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
        let verified = tokens.verify_at(&FORGED.signed(1, "shop"), at(NOW)).unwrap();
        let renewed = tokens.renew_at(&verified, Renewal::keep(), at(NOW + 10)).unwrap();
        assert_eq!(renewed.info.expires_at, at(NOW + 10 + expires));
    }
    // A longer idle time-out configured since does not lengthen what was agreed.
    let longer = builder().lifetime(Lifetime::REMEMBER_ME).build().unwrap();
    let verified = longer.verify_at(&FORGED.signed(1, "shop"), at(NOW)).unwrap();
    let renewed = longer.renew_at(&verified, Renewal::keep(), at(NOW)).unwrap();
    assert_eq!(renewed.info.expires_at, at(NOW + 900));
    assert_eq!(renewed.info.ends_at, at(NOW + DAY));
}

#[test]
fn the_last_revision_is_not_renewed() {
    let tokens = shop();
    for (revision, renewable) in [(u32::MAX - 1, true), (u32::MAX, false)] {
        let forged = Forged { revision: revision.into(), ..FORGED };
        let verified = tokens.verify_at(&forged.signed(1, "shop"), at(NOW)).unwrap();
        match tokens.renew_at(&verified, Renewal::keep(), at(NOW)) {
            Ok(renewed) => assert!(renewable && renewed.info.revision == u32::MAX),
            Err(refused) => assert!(!renewable && matches!(refused, RenewError::Revisions)),
        }
    }
}

/// T32.
#[test]
fn another_subject_or_a_new_id_asked_for_makes_another_session() {
    for protection in BOTH {
        let tokens = builder().protection(protection).build().unwrap();
        let asked =
            NewSession::of("cart").subject("alice").lifetime(7_200).session_lifetime(10 * DAY);
        let issued = tokens.issue_at(asked, at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
        for (renewal, subject) in [
            (Renewal::keep().subject(Some("bob")), Some("bob")),
            (Renewal::keep().subject(Some("Alice")), Some("Alice")),
            (Renewal::keep().subject(None), None),
            (Renewal::keep().rotate_id(), Some("alice")),
            (Renewal::keep().rotate_id().subject(Some("alice")), Some("alice")),
            (Renewal::keep().rotate_id().subject(Some("bob")), Some("bob")),
        ] {
            let renewed = tokens.renew_at(&verified, renewal, at(NOW + 100)).unwrap();
            let after = tokens.verify_at(&renewed.token, at(NOW + 100)).unwrap();
            let info = after.info();
            assert_ne!(info.id, issued.info.id);
            assert_eq!(info.started_at, at(NOW + 100));
            assert_eq!(info.issued_at, at(NOW + 100));
            // As the issuer gives any new session, not as this one was given.
            assert_eq!(info.expires_at, at(NOW + 100 + 900));
            assert_eq!(info.ends_at, at(NOW + 100 + DAY));
            assert_eq!(info.revision, 0);
            assert_eq!(after.subject(), subject);
            assert_eq!(after.state::<&str>().unwrap(), "cart");
            assert_eq!(after.protection(), protection);
        }
        // The subject it has already is no change.
        let same = Renewal::keep().subject(Some("alice"));
        let renewed = tokens.renew_at(&verified, same, at(NOW + 100)).unwrap();
        assert_eq!(renewed.info.id, issued.info.id);
        assert_eq!(renewed.info.revision, 1);
    }
}

/// T32.
#[test]
fn a_login_makes_another_session_of_an_anonymous_one() {
    let tokens = shop();
    let issued = tokens.issue_at(NewSession::of(&["apples"]), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    let anonymous = tokens.renew_at(&verified, Renewal::keep().subject(None), at(NOW)).unwrap();
    assert_eq!(anonymous.info.id, issued.info.id);
    let login = Renewal::keep().subject(Some("alice"));
    let renewed = tokens.renew_at(&verified, login, at(NOW + 5)).unwrap();
    assert_ne!(renewed.info.id, issued.info.id);
    let after = tokens.verify_at(&renewed.token, at(NOW + 5)).unwrap();
    assert_eq!(after.state::<Vec<&str>>().unwrap(), ["apples"]);
}

#[test]
fn state_may_be_replaced_without_another_session() {
    let tokens = shop();
    let issued = tokens.issue_at(NewSession::of("old").subject("alice"), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    for (renewal, json) in [
        (Renewal::keep().state("new"), "\"new\""),
        (Renewal::keep().state(&()), "null"),
        (Renewal::keep().raw_state(RawState::none()), "null"),
        (Renewal::keep().raw_state(RawState::from_json(b"[1.0]").unwrap()), "[1.0]"),
    ] {
        let renewed = tokens.renew_at(&verified, renewal, at(NOW)).unwrap();
        assert_eq!(renewed.info.id, issued.info.id);
        let after = tokens.verify_at(&renewed.token, at(NOW)).unwrap();
        assert_eq!(after.state_json().unwrap(), json);
        assert_eq!(after.subject(), Some("alice"));
    }
    let refused = tokens.renew_at(&verified, Renewal::keep().state(&f64::INFINITY), at(NOW));
    assert!(matches!(refused, Err(RenewError::Issue(IssueError::State(_)))));
    let refused = tokens.renew_at(&verified, Renewal::keep().subject(Some("")), at(NOW));
    assert!(matches!(refused, Err(RenewError::Issue(IssueError::Subject { length: 0 }))));
}

#[test]
fn a_renewed_token_keeps_the_binding_it_was_verified_with() {
    let tokens = shop();
    let bound = tokens.bound_to(b"certificate").unwrap();
    for protection in BOTH {
        let session = NewSession::empty().protection(protection);
        let issued = bound.issue_at(session, at(NOW)).unwrap();
        let verified = bound.verify_at(&issued.token, at(NOW)).unwrap();
        // Even by a clone that is bound to nothing or to something else.
        for renewer in [&bound, &tokens, &tokens.bound_to(b"other").unwrap()] {
            let renewed = renewer.renew_at(&verified, Renewal::keep(), at(NOW)).unwrap();
            assert!(bound.verify_at(&renewed.token, at(NOW)).is_ok());
            assert_eq!(refusal(tokens.verify_at(&renewed.token, at(NOW))), Reason::BadTag);
        }
    }
}

#[test]
fn a_token_of_a_draining_or_staged_key_is_renewed_under_the_active_one() {
    let keys = [
        key(1, NOW - 30 * DAY, Some(NOW + DAY)),
        key(2, NOW - DAY, Some(NOW + 60 * DAY)),
        key(3, NOW + 29 * DAY, None),
    ];
    let ring = KeyRingHandle::fixed(ring_of(1, Policy::default(), &keys));
    let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
    for n in [1, 2, 3] {
        for token in
            [FORGED.signed(n, "shop"), common::seal(n, "shop", b"", [n; 24], &FORGED.cbor())]
        {
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            assert_eq!(verified.key_id(), id(n));
            // Only the draining one is due at once.
            assert_eq!(tokens.renewal_is_due_at(&verified, at(NOW)), n == 1);
            let renewed = tokens.renew_at(&verified, Renewal::keep(), at(NOW)).unwrap();
            let renewed = tokens.verify_at(&renewed.token, at(NOW)).unwrap();
            assert_eq!(renewed.key_id(), id(2));
            assert_eq!(renewed.info().revision, 1);
        }
    }
}

#[test]
fn what_another_audience_verified_is_not_renewed() {
    let (shop, admin) = (shop(), shop().for_audience("admin").unwrap());
    let issued = shop.issue_at(NewSession::empty(), at(NOW)).unwrap();
    let verified = shop.verify_at(&issued.token, at(NOW)).unwrap();
    for renewal in [Renewal::keep(), Renewal::keep().rotate_id()] {
        let refused = admin.renew_at(&verified, renewal, at(NOW)).unwrap_err();
        assert!(matches!(refused, RenewError::OtherAudience), "{refused:?}");
        assert_eq!(refused.to_string(), "the token is another audience's");
    }
}

#[test]
fn what_was_verified_and_has_expired_since_is_not_renewed() {
    let tokens = shop();
    let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    assert!(tokens.renew_at(&verified, Renewal::keep(), at(NOW + 959)).is_ok());
    for renewal in
        [Renewal::keep(), Renewal::keep().rotate_id(), Renewal::keep().subject(Some("x"))]
    {
        for now in [NOW + 960, NOW + DAY] {
            let refused = tokens.renew_at(&verified, renewal.clone(), at(now));
            assert_eq!(renewal_refusal(refused), Reason::Expired);
        }
    }
}

/// T35: the one way to end sessions before their time.
#[test]
fn what_was_verified_under_a_key_revoked_or_retired_since_is_not_renewed() {
    let before = [key(1, NOW - 30 * DAY, Some(NOW + 100)), key(2, NOW - DAY, None)];
    let revoked = [ChosenKey { revoked_at: Some(at(NOW)), ..before[0].clone() }, before[1].clone()];
    let gone = [before[1].clone()];
    for (after, now, expected) in [
        (&revoked[..], NOW, Reason::KeyRevoked),
        (&gone[..], NOW, Reason::UnknownKey),
        (&before[..], NOW + 100, Reason::KeyRetired),
    ] {
        let tokens_of = |generation, keys: &[ChosenKey]| {
            let ring = ring_of(generation, Policy::default(), keys);
            Tokens::builder(KeyRingHandle::fixed(ring)).audience("shop").build().unwrap()
        };
        let verified = tokens_of(1, &before).verify_at(&FORGED.signed(1, "shop"), at(NOW)).unwrap();
        let tokens = tokens_of(2, after);
        for renewal in [Renewal::keep(), Renewal::keep().rotate_id()] {
            let refused = tokens.renew_at(&verified, renewal, at(now));
            assert_eq!(renewal_refusal(refused), expected);
        }
    }
}

#[test]
fn renewal_is_due_after_a_quarter_and_by_rule() {
    let quarter = RenewalRule::default();
    assert_eq!((quarter.after_one_in, quarter.not_before), (4, 60));
    let half = RenewalRule { after_one_in: 2, not_before: 0 };
    for (rule, lifetime, due) in [
        (quarter, 900, 225),
        (quarter, 240, 60),
        (quarter, 200, 60),
        (quarter, 100, 50),
        (quarter, 2, 1),
        (half, 900, 450),
        (half, 3, 1),
    ] {
        let tokens = builder().renewal(rule).build().unwrap();
        let issued = tokens.issue_at(NewSession::empty().lifetime(lifetime), at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
        assert!(!tokens.renewal_is_due_at(&verified, at(NOW + due - 1)), "{lifetime}");
        assert!(tokens.renewal_is_due_at(&verified, at(NOW + due)), "{lifetime}");
    }
    // Not where the token lives as long as its session.
    let issued =
        shop().issue_at(NewSession::empty().lifetime(60).session_lifetime(60), at(NOW)).unwrap();
    let verified = shop().verify_at(&issued.token, at(NOW)).unwrap();
    assert!(!shop().renewal_is_due_at(&verified, at(NOW + 59)));
}

#[test]
fn lifetimes_left_to_the_default_are_shortened_and_those_asked_for_refused() {
    let policy =
        Policy { max_token_lifetime: 300, max_session_lifetime: 3_600, ..Policy::default() };
    let ring = KeyRingHandle::fixed(common::plain_ring(policy));
    let tokens = Tokens::builder(ring.clone()).build().unwrap();
    let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
    assert_eq!(issued.info.expires_at, at(NOW + 300));
    assert_eq!(issued.info.ends_at, at(NOW + 3_600));
    let typed = Tokens::builder(ring).lifetime(Lifetime::DEFAULT).build().unwrap();
    for (refused, text) in [
        (
            typed.issue_at(NewSession::empty(), at(NOW)),
            "lifetime is 900 s; the ring's policy allows 300 s",
        ),
        (
            tokens.issue_at(NewSession::empty().lifetime(301), at(NOW)),
            "lifetime is 301 s; the ring's policy allows 300 s",
        ),
        (
            tokens.issue_at(NewSession::empty().session_lifetime(3_601), at(NOW)),
            "session_lifetime is 3601 s; the ring's policy allows 3600 s",
        ),
        (tokens.issue_at(NewSession::empty().lifetime(0), at(NOW)), "lifetime is 0 s"),
        (
            tokens.issue_at(NewSession::empty().session_lifetime(0), at(NOW)),
            "session_lifetime is 0 s",
        ),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
    let most = NewSession::empty().lifetime(300).session_lifetime(3_600);
    assert!(tokens.issue_at(most, at(NOW)).is_ok());
    // `expires` is the smaller of the lifetime asked for and `ends`.
    let short =
        tokens.issue_at(NewSession::empty().lifetime(300).session_lifetime(100), at(NOW)).unwrap();
    assert_eq!(short.info.expires_at, short.info.ends_at);
}

/// T54: a session in use, through the rotations of its ring, on a node that reads every generation.
#[test]
fn a_session_in_use_lives_through_rotations_to_its_end() {
    let policy = Policy {
        rotate_every: 2 * DAY,
        publish_ahead: DAY,
        max_token_lifetime: 2 * DAY,
        max_session_lifetime: 60 * DAY,
        clock_skew: 60,
    };
    for (seed, protection) in
        [(1, Protection::Signed), (2, Protection::Sealed), (3, Protection::Sealed)]
    {
        let mut numbers = Numbers(seed);
        let mut rng = rand::rngs::SysRng;
        let store = MemoryStore::new();
        store.save(&rotation::init("sim", policy, at(NOW), &mut rng).unwrap().ring, None).unwrap();
        let tokens_of = || {
            let ring = KeyRingHandle::fixed(store.load().unwrap());
            let lifetime = Lifetime { idle: DAY, absolute: 60 * DAY };
            Tokens::builder(ring).protection(protection).lifetime(lifetime).build().unwrap()
        };
        let mut tokens = tokens_of();
        let first = tokens.issue_at(NewSession::of("state").subject("alice"), at(NOW)).unwrap();
        let (mut token, mut now, mut keys) = (first.token, NOW, std::collections::HashSet::new());
        loop {
            // A quarter of a day may pass before a renewal is due, and three more after it.
            let next = now + 1 + numbers.below(3 * DAY / 4);
            while now < next {
                now = next.min(now + 6 * 3_600);
                let ring = store.load().unwrap();
                if let rotation::Due::Now(plan) =
                    rotation::rotate(&ring, at(now), &mut rng).unwrap()
                {
                    store.save(&plan.ring, Some(ring.generation())).unwrap();
                    tokens = tokens_of();
                }
            }
            if now >= NOW + 60 * DAY + 60 {
                assert_eq!(refusal(tokens.verify_at(&token, at(now))), Reason::Expired);
                break;
            }
            let verified = tokens.verify_at(&token, at(now)).unwrap();
            keys.insert(verified.key_id());
            assert_eq!(verified.info().id, first.info.id);
            assert_eq!(verified.info().ends_at, at(NOW + 60 * DAY));
            if now < NOW + 60 * DAY && tokens.renewal_is_due_at(&verified, at(now)) {
                token = tokens.renew_at(&verified, Renewal::keep(), at(now)).unwrap().token;
            }
        }
        assert!(keys.len() > 20, "{}", keys.len());
    }
}

#[test]
fn a_node_that_has_no_such_key_any_more_does_not_ask_for_renewal() {
    let verified = shop().verify_at(&FORGED.signed(1, "shop"), at(NOW)).unwrap();
    let other = ring_of(2, Policy::default(), &[key(9, NOW - DAY, None)]);
    let tokens = Tokens::builder(KeyRingHandle::fixed(other)).audience("shop").build().unwrap();
    assert!(!tokens.renewal_is_due_at(&verified, at(NOW + 800)));
    assert!(Tokens::builder(plain()).build().is_ok());
}
