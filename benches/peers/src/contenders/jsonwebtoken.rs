//! jsonwebtoken, HS256 and EdDSA: JSON claims with the state as an object, checked by its own `Validation`.
//!
//! Undecoded, the state is a `Box<RawValue>`; its claims type must own what it holds, so borrowed strings are
//! read from there.

use std::hint::black_box;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Claims, FullClaims, raw};
use crate::harness::{Contender, Kind, Op, check, leak, runner};
use crate::states::{BorrowedState, Payload, State};

struct Jwt {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl Jwt {
    fn new(algorithm: Algorithm) -> Self {
        let (encoding, decoding) = match algorithm {
            Algorithm::EdDSA => {
                let seed = [7; 32];
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
                let pkcs8 = [PKCS8_ED25519, &seed].concat();
                let public = DecodingKey::from_ed_der(pair.public_key().as_ref());
                (EncodingKey::from_ed_der(&pkcs8), public)
            }
            _ => (EncodingKey::from_secret(&[7; 32]), DecodingKey::from_secret(&[7; 32])),
        };
        let validation = Validation::new(algorithm);
        Self { header: Header::new(algorithm), encoding, decoding, validation }
    }

    fn issue<T: Serialize>(&self, claims: &Claims<String, T>) -> String {
        encode(&self.header, claims, &self.encoding).expect("a token")
    }

    fn verify<T: DeserializeOwned>(&self, token: &str) -> Option<Claims<String, T>> {
        decode(token, &self.decoding, &self.validation).ok().map(|token| token.claims)
    }
}

pub fn contenders(payload: &'static Payload) -> Vec<Contender> {
    let mut contenders = vec![
        one("jsonwebtoken HS256", Kind::Signed, Algorithm::HS256, payload),
        one("jsonwebtoken EdDSA", Kind::Public, Algorithm::EdDSA, payload),
    ];
    contenders.push(thread_ids(payload, contenders[0].characters, contenders[0].full));
    contenders
}

fn one(
    name: &'static str,
    kind: Kind,
    algorithm: Algorithm,
    payload: &'static Payload,
) -> Contender {
    let jwt: &'static Jwt = leak(Jwt::new(algorithm));
    let typed: &'static State = leak(payload.typed());
    let json: &'static RawValue = raw(payload.json);
    let token: &'static str = jwt.issue(&Claims::new(typed)).leak();
    let expired = jwt.issue(&Claims::ended(typed));
    check(name, token, &expired, payload.json.as_bytes(), &|token| {
        jwt.verify::<Box<RawValue>>(token).map(|claims| claims.state.get().as_bytes().to_vec())
    });
    fn verified<T: DeserializeOwned>(jwt: &Jwt, token: &str) -> Claims<String, T> {
        jwt.verify(black_box(token)).expect("a token")
    }
    assert_eq!(&verified::<State>(jwt, token).state, typed);
    let full = encode(&jwt.header, &FullClaims::new(typed), &jwt.encoding).expect("a token").len();
    let ops = vec![
        (Op::Issue, runner(move || jwt.issue(&Claims::new(black_box(typed))))),
        (Op::IssueBytes, runner(move || jwt.issue(&Claims::new(black_box(json))))),
        (Op::VerifyBytes, runner(move || verified::<Box<RawValue>>(jwt, token))),
        (Op::VerifyTyped, runner(move || verified::<State>(jwt, token))),
        (
            Op::VerifyBorrowed,
            runner(move || {
                let claims = verified::<Box<RawValue>>(jwt, token);
                let state: BorrowedState =
                    serde_json::from_str(claims.state.get()).expect("a state");
                black_box(state);
            }),
        ),
        (Op::VerifyValue, runner(move || verified::<serde_json::Value>(jwt, token))),
    ];
    Contender { name, kind, payload: payload.name, characters: token.len(), full, ops }
}

/// Issuing with an id of the thread's generator, for those who would not pay the operating system for it.
fn thread_ids(payload: &'static Payload, characters: usize, full: usize) -> Contender {
    let jwt: &'static Jwt = leak(Jwt::new(Algorithm::HS256));
    let typed: &'static State = leak(payload.typed());
    let issue = move || jwt.issue(&Claims::with_id(rand::random(), black_box(typed)));
    let name = "jsonwebtoken HS256, thread's ids";
    let ops = vec![(Op::Issue, runner(issue))];
    Contender { name, kind: Kind::Signed, payload: payload.name, characters, full, ops }
}

/// RFC 8410: what goes before a seed.
const PKCS8_ED25519: &[u8] =
    &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
