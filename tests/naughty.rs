//! Texts that trip programs: the Big List of Naughty Strings (`data/blns.json`, MIT) and Unicode's twins.
//! What goes in comes out, byte for byte; what is no text is refused, never cut.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::BTreeMap;

use common::{NOW, at, shop};
use saddlebag::{NewSession, Protection, RawState, Tokens, Verified};

/// Every spelling of a token that this build has.
fn spellings() -> Vec<(Tokens, Protection)> {
    #[allow(unused_mut)]
    let mut all = vec![(shop(), Protection::Signed), (shop(), Protection::Sealed)];
    #[cfg(feature = "jwt")]
    for algorithm in [saddlebag::JwtAlgorithm::Hs256, saddlebag::JwtAlgorithm::EdDsa] {
        all.push((common::builder().jwt(algorithm).build().unwrap(), Protection::Jwt));
    }
    all
}

fn there_and_back(tokens: &Tokens, session: NewSession<'_>) -> Verified {
    let issued = tokens.issue_at(session, at(NOW)).unwrap();
    tokens.verify_at(&issued.token, at(NOW)).unwrap()
}

/// T20, T48: as a subject, as a state, as the name of a member, and as JSON.
#[test]
fn every_naughty_string_comes_back_byte_for_byte() {
    let naughty: Vec<String> = serde_json::from_str(include_str!("data/blns.json")).unwrap();
    assert_eq!(naughty.len(), 515);
    for (tokens, protection) in spellings() {
        let mut as_subject = 0;
        for text in &naughty {
            let member = BTreeMap::from([(text.as_str(), text.as_str())]);
            let session = NewSession::of(&member).protection(protection);
            let fits = (1..=255).contains(&text.len());
            as_subject += usize::from(fits);
            let session = if fits { session.subject(text) } else { session };
            let verified = there_and_back(&tokens, session);
            assert_eq!(verified.subject(), fits.then_some(text.as_str()));
            assert_eq!(verified.state::<BTreeMap<String, String>>().unwrap()[text], *text);
            let json = verified.state_json().unwrap();
            // Whoever prints it prints one line.
            assert!(!json.bytes().any(|byte| byte < b' '), "{json:?}");
            let read: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
            assert_eq!(read[text], *text);
            let raw = RawState::from_json(json.as_bytes()).unwrap();
            assert_eq!(raw.as_cbor(), RawState::of(&member).unwrap().as_cbor());
        }
        assert!(as_subject > 500, "{as_subject}");
    }
}

/// T20: what looks the same stays two: no folding of case, no normal form, no space that is dropped.
#[test]
fn twins_stay_distinct_and_nothing_is_cut_at_a_nul() {
    let twins = [
        ["\u{e9}", "e\u{301}"],
        ["\u{212b}", "\u{c5}"],
        ["\u{1e9b}\u{323}", "\u{1e9b}\u{307}\u{323}"],
        ["\u{fb01}", "fi"],
        ["alice", "ALICE"],
        ["stra\u{df}e", "strasse"],
        ["i", "\u{131}"],
        ["a", "\u{430}"],
        ["a", "a\0"],
        ["a\0b", "a\0c"],
        ["a", "a "],
        ["a", "\u{2000}a"],
        ["a", "\u{feff}a"],
        ["a", "a\u{200b}"],
        ["admin", "adm\u{ad}in"],
    ];
    for (tokens, protection) in spellings() {
        for pair in twins {
            for text in pair {
                let member = BTreeMap::from([(pair[0], 0), (pair[1], 1)]);
                assert_eq!(member.len(), 2);
                let session = NewSession::of(&member).subject(text).protection(protection);
                let verified = there_and_back(&tokens, session);
                assert_eq!(verified.subject().unwrap().as_bytes(), text.as_bytes());
                assert_eq!(verified.state::<BTreeMap<String, u8>>().unwrap().len(), 2);
            }
        }
    }
    // Spelled by escapes, they are the same texts; what no text has is refused.
    let nul = RawState::from_json(br#""a\u0000b""#).unwrap();
    assert_eq!(nul.as_cbor(), b"\x63a\0b");
    for lone in [r#""\ud800""#, r#""\udfff""#, r#""\ud800\u0041""#, r#""a\udc00\ud800""#] {
        assert!(RawState::from_json(lone.as_bytes()).is_err(), "{lone}");
    }
    for bytes in [&b"\"\xed\xa0\x80\""[..], b"\"\xff\"", b"\"\xc0\x80\"", b"\"\xf4\x90\x80\x80\""] {
        assert!(RawState::from_json(bytes).is_err(), "{bytes:02x?}");
    }
    for bytes in [&b"\x63\xed\xa0\x80"[..], b"\x61\xff", b"\x62\xc0\x80", b"\x64\xf4\x90\x80\x80"] {
        assert!(RawState::from_cbor(bytes.to_vec()).is_err(), "{bytes:02x?}");
    }
}
