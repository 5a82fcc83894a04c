//! What holds for any state, any claims and any text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{DAY, NOW, at, shop};
use proptest::prelude::*;
use saddlebag::{IssueError, NewSession, Protection, RawState, Tokens};

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |n| n.is_finite().then(|| Value::from(n))),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every protection that this build has.
fn protections() -> Vec<(Tokens, Protection)> {
    #[allow(unused_mut)]
    let mut all = vec![(shop(), Protection::Signed), (shop(), Protection::Sealed)];
    #[cfg(feature = "jwt")]
    {
        use saddlebag::JwtAlgorithm;
        for algorithm in [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa] {
            all.push((common::builder().jwt(algorithm).build().unwrap(), Protection::Jwt));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_state_and_any_claims_survive(
        state in json(),
        subject in proptest::option::of(".{1,60}"),
        lifetime in 1..30 * DAY,
        session_lifetime in 1..365 * DAY,
        later in 0..1_000_u64,
    ) {
        for (tokens, protection) in protections() {
            let text = serde_json::to_vec(&state).unwrap();
            for raw in [RawState::from_json(&text).unwrap(), RawState::of(&state).unwrap()] {
                let mut session = NewSession::raw(raw.clone()).protection(protection);
                session = session.lifetime(lifetime).session_lifetime(session_lifetime);
                if let Some(subject) = &subject {
                    session = session.subject(subject);
                }
                let issued = match tokens.issue_at(session, at(NOW)) {
                    Err(IssueError::TooLong { .. }) => continue,
                    issued => issued.unwrap(),
                };
                let expires = lifetime.min(session_lifetime);
                let now = NOW + later % expires;
                let verified = tokens.verify_at(&issued.token, at(now)).unwrap();
                prop_assert_eq!(verified.info(), &issued.info);
                prop_assert_eq!(verified.info().expires_at, at(NOW + expires));
                prop_assert_eq!(verified.info().ends_at, at(NOW + session_lifetime));
                prop_assert_eq!(verified.subject(), subject.as_deref());
                prop_assert_eq!(verified.state::<serde_json::Value>().unwrap(), state.clone());
                let shown: serde_json::Value =
                    serde_json::from_str(&verified.state_json().unwrap()).unwrap();
                prop_assert_eq!(&shown, &state);
                if protection != Protection::Jwt {
                    prop_assert_eq!(verified.state_cbor(), raw.as_cbor());
                }
            }
        }
    }

    /// T16.
    #[test]
    fn any_flipped_bit_of_any_token_is_refused(state in json(), place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        for (tokens, protection) in protections() {
            let session = NewSession::of(&state).protection(protection);
            let Ok(issued) = tokens.issue_at(session, at(NOW)) else { continue };
            let mut token = issued.token.into_bytes();
            let place = place.index(token.len());
            token[place] ^= 1 << bit;
            let Ok(token) = String::from_utf8(token) else { continue };
            prop_assert!(tokens.verify_at(&token, at(NOW)).is_err());
        }
    }

    /// T29.
    #[test]
    fn no_text_makes_verification_panic(text in "\\PC{0,80}", base in "[A-Za-z0-9_-]{0,200}", dots in "[A-Za-z0-9_.-]{0,100}") {
        for (tokens, _) in protections() {
            for token in [&text, &base, &dots, &format!("sb1s{base}"), &format!("sb1e{base}"), &format!("{base}.{base}.{base}")] {
                prop_assert!(tokens.verify_at(token, at(NOW)).is_err());
            }
        }
    }

    /// T29.
    #[test]
    fn authentic_nonsense_never_panics(claims in prop::collection::vec(any::<u8>(), 0..120)) {
        let tokens = shop();
        for token in [common::sign(1, "shop", b"", &claims), common::seal(1, "shop", b"", [0; 24], &claims)] {
            if let Ok(verified) = tokens.verify_at(&token, at(NOW)) {
                let _ = verified.state::<serde_json::Value>();
            }
        }
    }
}
