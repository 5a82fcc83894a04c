//! How long tokens may be, and how long they are.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::BTreeMap;

use common::{NOW, at, builder, plain, refusal, shop};
use saddlebag::{ConfigError, IssueError, NewSession, Protection, RawState, Reason, Tokens};

/// State whose CBOR has so many bytes, 258 or more.
fn state_of(bytes: usize) -> RawState {
    let state = RawState::of(&"a".repeat(bytes - 3)).unwrap();
    assert_eq!(state.as_cbor().len(), bytes);
    state
}

fn issue(tokens: &Tokens, protection: Protection, bytes: usize) -> Result<String, IssueError> {
    let session = NewSession::raw(state_of(bytes)).protection(protection);
    tokens.issue_at(session, at(NOW)).map(|issued| issued.token)
}

#[test]
fn the_fixed_cost_is_the_one_printed_in_the_format() {
    let tokens = shop();
    // 53 and 77 bytes before the state, which is one byte here.
    for (protection, bytes, characters) in
        [(Protection::Signed, 53, 71), (Protection::Sealed, 77, 103)]
    {
        let session = NewSession::empty().protection(protection);
        let token = tokens.issue_at(session, at(1_800_000_000)).unwrap().token;
        assert_eq!(common::decode(&token).len(), bytes + 1);
        // 53 and 77 bytes alone take 71 and 103 characters.
        assert_eq!((bytes * 4_usize).div_ceil(3), characters);
    }
}

#[test]
fn tokens_of_4000_characters_are_issued_and_no_longer_ones() {
    let tokens = shop();
    for (protection, fixed) in [(Protection::Signed, 53), (Protection::Sealed, 77)] {
        // 4,000 characters are 3,000 bytes.
        let token = issue(&tokens, protection, 3_000 - fixed).unwrap();
        assert_eq!(token.len(), 4_000);
        assert!(tokens.verify_at(&token, at(NOW)).is_ok());
        let refused = issue(&tokens, protection, 3_001 - fixed).unwrap_err();
        assert_eq!(refused.to_string(), "the token would have 4002 characters, more than 4000");
    }
}

#[test]
fn a_token_that_would_be_too_long_says_what_is_heavy() {
    let tokens = shop();
    let state = BTreeMap::from([
        ("basket", "b".repeat(2_500)),
        ("avatar", "a".repeat(1_500)),
        ("c", "c".repeat(40)),
        ("d", "d".repeat(30)),
    ]);
    let session = NewSession::of(&state).subject("alice");
    let refused = tokens.issue_at(session, at(NOW)).unwrap_err();
    let IssueError::TooLong { length, limit, heaviest } = &refused else { panic!("{refused:?}") };
    assert_eq!(*limit, 4_000);
    assert_eq!(
        refused.to_string(),
        format!(
            "the token would have {length} characters, more than 4000; heaviest in its state: \
             basket (2510 bytes), avatar (1510 bytes), c (44 bytes)"
        )
    );
    assert_eq!(heaviest.len(), 3);
    // The length is what the token has where it may be longer.
    let longer = builder().longest_verified(65_536).longest_issued(65_536).build().unwrap();
    let session = NewSession::of(&state).subject("alice");
    let token = longer.issue_at(session, at(NOW)).unwrap().token;
    assert_eq!(token.len(), *length);
}

#[test]
fn renewing_keeps_to_the_limit_too() {
    let tokens = shop();
    let token = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap().token;
    let verified = tokens.verify_at(&token, at(NOW)).unwrap();
    let renewal = saddlebag::Renewal::keep().raw_state(state_of(3_000));
    let refused = tokens.renew_at(&verified, renewal, at(NOW)).unwrap_err();
    assert!(refused.to_string().starts_with("the token would have "), "{refused}");
}

/// T21.
#[test]
fn the_limit_of_verification_is_inclusive_and_comes_first() {
    for limit in [4_096, 5_000, 65_536] {
        let tokens = builder().longest_verified(limit).longest_issued(limit).build().unwrap();
        let longer = builder().longest_verified(65_536).longest_issued(65_536).build().unwrap();
        let fixed = 53;
        let most = limit / 4 * 3 - fixed;
        let token = issue(&longer, Protection::Signed, most).unwrap();
        assert_eq!(token.len(), limit);
        assert!(tokens.verify_at(&token, at(NOW)).is_ok());
        for long in [format!("{token}A"), "a".repeat(limit + 1), ".".repeat(limit + 1)] {
            assert_eq!(refusal(tokens.verify_at(&long, at(NOW))), Reason::TooLong);
        }
        // Characters are bytes here: what is longer in bytes is longer.
        let wide = "\u{e9}".repeat(limit / 2 + 1);
        assert_eq!(refusal(tokens.verify_at(&wide, at(NOW))), Reason::TooLong);
    }
}

#[test]
fn the_default_limit_of_verification_is_4096() {
    let longer = builder().longest_verified(65_536).longest_issued(65_536).build().unwrap();
    let token = issue(&longer, Protection::Signed, 3_072 - 53).unwrap();
    assert_eq!(token.len(), 4_096);
    assert!(shop().verify_at(&token, at(NOW)).is_ok());
    let token = issue(&longer, Protection::Signed, 3_073 - 53).unwrap();
    assert_eq!(refusal(shop().verify_at(&token, at(NOW))), Reason::TooLong);
}

/// T21: the time; `resources.rs` has the memory.
#[test]
fn huge_texts_are_refused_without_being_read() {
    let tokens = shop();
    let time = |text: &str| {
        let started = std::time::Instant::now();
        for _ in 0..1_000 {
            assert_eq!(refusal(tokens.verify_at(text, at(NOW))), Reason::TooLong);
        }
        started.elapsed()
    };
    // Reading ten million characters takes some ten thousand times what a comparison does.
    let just_too_long = time(&"A".repeat(4_097)).max(std::time::Duration::from_micros(20));
    for text in [".".repeat(10_000_000), format!("sb1e{}", "A".repeat(10_000_000))] {
        assert!(time(&text) < 1_000 * just_too_long);
    }
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    for (issued, verified) in
        [(4_000, 65_537), (4_097, 4_096), (usize::MAX, usize::MAX), (70_000, 65_536)]
    {
        let built = Tokens::builder(plain()).longest_issued(issued).longest_verified(verified);
        let refused = built.build().unwrap_err();
        assert!(matches!(refused, ConfigError::Limits { .. }), "{refused:?}");
        assert_eq!(
            refused.to_string(),
            format!(
                "tokens of {issued} characters issued and {verified} verified: at most 65536 are \
                 verified, and no longer ones issued"
            )
        );
    }
    for (issued, verified) in [(4_096, 4_096), (65_536, 65_536), (0, 4_096), (0, 0)] {
        let built = Tokens::builder(plain()).longest_issued(issued).longest_verified(verified);
        assert!(built.build().is_ok());
    }
}

/// A shop's session as shops have it: a csrf token, roles, a cart.
fn three_kilobytes() -> String {
    let items: Vec<String> = (0..33)
        .map(|n| {
            format!(
                r#"{{"sku":"ELC-{}-B","qty":{},"price":{}.{},"title":"Electric toothbrush, {n}"}}"#,
                73_334 + n * 17,
                1 + n % 3,
                20 + n,
                51 + 2 * n,
            )
        })
        .collect();
    let json = format!(
        r#"{{"locale":"en-GB","csrf":"3GezBv-kfUupw2QcsvBu3j","roles":["customer"],"flags":{{"beta":false,"consent":true}},"cart":{{"currency":"CHF","items":[{}]}},"note":"#,
        items.join(",")
    );
    let rest = 3_134 - json.len() - 3;
    format!("{json}\"{}\"}}", "n".repeat(rest))
}

#[test]
fn a_json_state_of_3134_bytes_fits_sealed_in_4000_characters() {
    let json = three_kilobytes();
    assert_eq!(json.len(), 3_134);
    let tokens = shop();
    let session = NewSession::raw(RawState::from_json(json.as_bytes()).unwrap());
    let issued = tokens.issue_at(session.subject("customer-0815"), at(NOW)).unwrap();
    assert!(issued.token.len() <= 4_000);
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    assert_eq!(verified.state_json().unwrap(), json);
}

#[test]
fn a_default_that_nobody_typed_gives_way_to_a_lower_limit() {
    let tokens = builder().longest_verified(200).build().unwrap();
    let refused = issue(&tokens, Protection::Sealed, 500).unwrap_err().to_string();
    assert!(refused.ends_with("more than 200"), "{refused}");
}

#[test]
fn the_name_of_a_heavy_field_is_quoted_and_cut() {
    let state = BTreeMap::from([("a\nb".repeat(40), "x".repeat(4_000))]);
    let refused = shop().issue_at(NewSession::of(&state), at(NOW)).unwrap_err().to_string();
    assert!(!refused.contains('\n') && refused.len() < 250, "{refused}");
}

#[test]
fn a_lifetime_of_nothing_is_refused_where_it_is_set() {
    for (idle, absolute) in [(0, 60), (60, 0)] {
        let lifetime = saddlebag::Lifetime { idle, absolute };
        let refused = builder().lifetime(lifetime).build().unwrap_err();
        assert!(matches!(refused, ConfigError::Lifetime), "{refused}");
    }
}
