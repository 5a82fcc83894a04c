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

use common::{FORGED, Forged, at, with_skew};
use saddlebag::keys::KeyRingHandle;
use saddlebag::{Reason, Tokens};

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
        let ring = KeyRingHandle::fixed(common::plain_ring(with_skew(skew)));
        let tokens = Tokens::builder(ring).audience("shop").build().unwrap();
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
