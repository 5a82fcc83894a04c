//! saddlebag itself, all four kinds, by its ordinary public calls and the machine's clock.
//!
//! Bytes in, bytes out are `RawState` and `state_cbor`. Lengths are asserted: they follow from the format.

use std::hint::black_box;

use saddlebag::keys::{KeyRingHandle, UnixTime};
use saddlebag::{JwtAlgorithm, NewSession, Protection, RawState, Tokens};

use crate::harness::{Contender, Kind, Op, check, leak, runner};
use crate::states::{BorrowedState, Payload, SEALED_CHARACTERS, SIGNED_CHARACTERS, State};

/// Name, kind, and characters at each payload.
pub const KINDS: [(&str, Kind, [usize; 4]); 4] = [
    ("saddlebag sealed", Kind::Sealed, SEALED_CHARACTERS),
    ("saddlebag signed", Kind::Signed, SIGNED_CHARACTERS),
    ("saddlebag jwt HS256", Kind::Signed, [327, 624, 1_648, 4_462]),
    ("saddlebag jwt EdDSA", Kind::Public, [370, 667, 1_691, 4_505]),
];

/// Tokens of one of the kinds.
pub fn tokens(name: &str, ring: KeyRingHandle) -> Tokens {
    let builder = Tokens::builder(ring).audience("shop");
    // A JWT of the largest state is longer than a cookie.
    let builder = match name {
        "saddlebag sealed" => builder,
        "saddlebag signed" => builder.protection(Protection::Signed),
        "saddlebag jwt HS256" => builder.protection(Protection::Jwt).jwt(JwtAlgorithm::Hs256),
        _ => builder.protection(Protection::Jwt).jwt(JwtAlgorithm::EdDsa),
    };
    let builder = match name.contains("jwt") {
        true => builder.longest_verified(8_192).longest_issued(8_192),
        false => builder,
    };
    builder.build().expect("tokens")
}

pub fn contenders(payload: &'static Payload, ring: &KeyRingHandle) -> Vec<Contender> {
    let kinds = KINDS.iter();
    kinds.map(|(name, kind, lengths)| one(name, *kind, lengths, payload, ring)).collect()
}

fn one(
    name: &'static str,
    kind: Kind,
    lengths: &[usize; 4],
    payload: &'static Payload,
    ring: &KeyRingHandle,
) -> Contender {
    let tokens: &'static Tokens = leak(tokens(name, ring.clone()));
    let typed: &'static State = leak(payload.typed());
    let state: &'static RawState =
        leak(RawState::from_json(payload.json.as_bytes()).expect("JSON"));
    assert_eq!(&RawState::of(typed).expect("a state"), state, "both spell the state alike");
    let token: &'static str = tokens.issue(NewSession::of(typed)).expect("a token").token.leak();
    let earlier = UnixTime::now().saturating_sub(3_600);
    let ended = tokens.issue_at(NewSession::of(typed).lifetime(1), earlier);
    check(name, token, &ended.expect("a token").token, state.as_cbor(), &|token| {
        tokens.verify(token).ok().map(|verified| verified.state_cbor().to_vec())
    });
    let verified = move || tokens.verify(black_box(token)).expect("a token");
    assert_eq!(&verified().state::<State>().expect("a state"), typed);
    assert_eq!(token.len(), lengths[payload.place()], "{name}, {}: characters", payload.name);
    let ops = vec![
        (
            Op::Issue,
            runner(move || tokens.issue(NewSession::of(black_box(typed))).expect("a token")),
        ),
        (
            Op::IssueBytes,
            runner(move || {
                let session = NewSession::raw(black_box(state).clone());
                tokens.issue(session).expect("a token")
            }),
        ),
        (Op::VerifyBytes, runner(verified)),
        (Op::VerifyTyped, runner(move || verified().state::<State>().expect("a state"))),
        (
            Op::VerifyBorrowed,
            runner(move || {
                let verified = verified();
                black_box(verified.state::<BorrowedState>().expect("a state"));
            }),
        ),
        (
            Op::VerifyValue,
            runner(move || verified().state::<serde_json::Value>().expect("a state")),
        ),
    ];
    Contender { name, kind, payload: payload.name, characters: token.len(), full: token.len(), ops }
}
