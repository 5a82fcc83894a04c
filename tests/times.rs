//! Times at the edges of every width: no sum wraps, nothing panics, and what has ended is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{FORGED, Forged, NOW, at, id, with_skew};
use saddlebag::keys::KeyRingHandle;
use saddlebag::{NewSession, Protection, Reason, Tokens};

const EDGES: [u64; 17] = [
    0,
    1,
    300,
    (1 << 31) - 1,
    1 << 31,
    (1 << 31) + 1,
    (1 << 32) - 1,
    1 << 32,
    (1 << 32) + 1,
    (1 << 40) - 1,
    1 << 40,
    (1 << 53) - 1,
    (1 << 53) + 1,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// T08, T09: the law, over all pairs of a start and a life, every clock and three skews: a token verifies
/// exactly where its sums stay below 2^40, it has begun and it has not ended.
#[test]
fn a_token_verifies_exactly_within_its_times_at_the_edges_of_every_width() {
    let (mut verified, mut refused) = (0, 0);
    for skew in [0, 60, 300] {
        let tokens = tokens_with_skew(skew);
        for started in EDGES {
            for expires in EDGES {
                // Key 2 has no end.
                let forged = Forged { started, expires, ends: expires, ..FORGED };
                let token = forged.signed(2, "shop");
                let ends = u128::from(started) + u128::from(expires);
                let allowed = expires > 0 && ends < 1 << 40;
                for now in EDGES {
                    let wide = u128::from(now);
                    let skew = u128::from(skew);
                    let begun = u128::from(started) <= wide + skew;
                    let reason = match (allowed, wide < ends + skew, begun) {
                        (false, _, _) => Some(Reason::BadClaims),
                        (true, false, _) => Some(Reason::Expired),
                        (true, true, false) => Some(Reason::NotYetValid),
                        (true, true, true) => None,
                    };
                    let found = tokens.verify_at(&token, at(now)).err();
                    let found = found.map(|refused| refused.reason());
                    assert_eq!(found, reason, "{started} + {expires} at {now}, skew {skew}");
                    if found.is_none() { verified += 1 } else { refused += 1 }
                }
            }
        }
    }
    assert!(verified > 100 && refused > 10_000, "{verified} {refused}");
}

fn tokens_with_skew(skew: u64) -> Tokens {
    let ring = KeyRingHandle::fixed(common::plain_ring(with_skew(skew)));
    Tokens::builder(ring).audience("shop").build().unwrap()
}

/// T08.
#[test]
fn a_token_verifies_from_issue_less_skew_to_expiry_plus_skew() {
    for skew in [0, 1, 60, 300] {
        let tokens = tokens_with_skew(skew);
        for protection in [Protection::Signed, Protection::Sealed] {
            let session = NewSession::empty().protection(protection).lifetime(900);
            let issued = tokens.issue_at(session, at(NOW)).unwrap();
            let (first, last) = (NOW - skew, NOW + 900 + skew - 1);
            for (now, expected) in [
                (0, Some(Reason::NotYetValid)),
                (first - 1, Some(Reason::NotYetValid)),
                (first, None),
                (NOW, None),
                (NOW + 899, None),
                (last, None),
                (last + 1, Some(Reason::Expired)),
                (last + 2, Some(Reason::Expired)),
            ] {
                let verified = tokens.verify_at(&issued.token, at(now));
                assert_eq!(verified.as_ref().err().map(|refused| refused.reason()), expected);
                if let Err(refused) = verified {
                    assert_eq!(refused.issued_at(), Some(at(NOW)));
                    assert_eq!(refused.expires_at(), Some(at(NOW + 900)));
                    assert_eq!(refused.key_id(), Some(id(1)));
                }
            }
        }
    }
}

/// T09.
#[test]
fn no_clock_makes_verification_panic_or_wrap() {
    let tokens = tokens_with_skew(300);
    let latest = Forged { started: (1 << 40) - 2, expires: 1, ends: 1, ..FORGED };
    for (forged, valid_at) in [(latest, (1 << 40) - 2), (Forged { started: 0, ..FORGED }, 0)] {
        let token = forged.signed(2, "shop");
        let end = forged.started + forged.expires + 300;
        for now in [
            0,
            1,
            299,
            300,
            901,
            1_200,
            (1 << 31) - 1,
            1 << 31,
            (1 << 32) - 1,
            1 << 32,
            (1 << 40) - 303,
            (1 << 40) - 302,
            (1 << 40) - 2,
            (1 << 40) - 1,
            1 << 40,
            (1 << 40) + 298,
            (1 << 40) + 299,
            (1 << 53) + 1,
            i64::MAX as u64,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let expected = forged.started <= now.saturating_add(300) && now < end;
            assert_eq!(tokens.verify_at(&token, at(now)).is_ok(), expected, "{now}");
        }
        assert!(tokens.verify_at(&token, at(valid_at)).is_ok());
    }
}
