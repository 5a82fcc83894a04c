//! Everybody's tokens: the same session (an id of 96 random bits, times, a state), the same outcome.
//!
//! A peer carries either bytes, which are an id, an expiry where the format has none of its own, and the state's
//! JSON, or JSON claims with the state as a member. Which is told where the peer is.

#[cfg(feature = "others")]
pub mod biscuit;
#[cfg(feature = "others")]
pub mod branca;
#[cfg(feature = "others")]
pub mod cookie;
#[cfg(any(feature = "others", feature = "josekit"))]
pub mod fernet;
pub mod floor;
#[cfg(feature = "josekit")]
pub mod josekit;
#[cfg(any(feature = "others", feature = "plain"))]
pub mod jsonwebtoken;
#[cfg(feature = "others")]
pub mod paseto;
#[cfg(any(feature = "others", feature = "josekit"))]
pub mod saddlebag;

use std::hint::black_box;

use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock::{LIFETIME, now};
use crate::harness::{Contender, Kind, Op, check, leak, runner};
use crate::states::{BorrowedState, Payload, State};

/// A library that protects what it is given.
pub trait Peer: 'static {
    type Opened: AsRef<[u8]>;

    fn name(&self) -> &'static str;
    fn kind(&self) -> Kind;
    fn seal(&self, body: Vec<u8>) -> String;
    fn open(&self, token: &str) -> Option<Self::Opened>;

    /// A token that ended, where the library keeps the time itself.
    fn expired(&self, _body: Vec<u8>) -> Option<String> {
        None
    }
}

/// What goes before the state's bytes.
#[derive(Clone, Copy, Debug)]
pub enum Prefix {
    /// The library keeps the time itself: an id of 12 bytes.
    Id,
    /// An id, and two times of 4 bytes: issued, expires.
    IdAndTimes,
    /// The same for a library that carries text: 16 characters and twice 10.
    Text,
}

impl Prefix {
    fn write(self, expires: u64, capacity: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(capacity + 36);
        let times = [expires - LIFETIME, expires];
        match self {
            Self::Id => body.extend_from_slice(&new_id()),
            Self::IdAndTimes => {
                body.extend_from_slice(&new_id());
                for time in times {
                    let seconds = u32::try_from(time).expect("a time before 2106");
                    body.extend_from_slice(&seconds.to_be_bytes());
                }
            }
            Self::Text => {
                base64_simd::URL_SAFE_NO_PAD.encode_append(new_id(), &mut body);
                for time in times {
                    serde_json::to_writer(&mut body, &time).expect("a number");
                }
            }
        }
        body
    }

    /// The state, where the token has not ended.
    fn read(self, body: &[u8]) -> Option<&[u8]> {
        let (expires, state) = match self {
            Self::Id => return body.get(12..),
            Self::IdAndTimes => {
                let (expires, state) = body.get(16..)?.split_first_chunk()?;
                (u64::from(u32::from_be_bytes(*expires)), state)
            }
            Self::Text => {
                let (expires, state) = body.get(26..)?.split_at_checked(10)?;
                (std::str::from_utf8(expires).ok()?.parse().ok()?, state)
            }
        };
        (now() < expires).then_some(state)
    }

    /// What the rest of saddlebag's claims would add: the session's start and end, as long as the other times, and a
    /// revision; and the token's own end where it is the verifier's to say, as a lifetime of all tokens.
    fn rest(self) -> &'static [u8] {
        match self {
            Self::Id => &[0; 4 + 4 + 4 + 1],
            Self::IdAndTimes => &[0; 4 + 4 + 1],
            Self::Text => b"176000000017600864000",
        }
    }
}

/// A session's id: 96 bits of the operating system's, as saddlebag draws them.
pub fn new_id() -> [u8; 12] {
    let mut id = [0; 12];
    SysRng.try_fill_bytes(&mut id).expect("random bytes");
    id
}

/// A peer that carries bytes.
pub fn of_bytes<P: Peer>(peer: P, prefix: Prefix, payload: &'static Payload) -> Contender {
    let peer: &'static P = leak(peer);
    let typed: &'static State = leak(payload.typed());
    let json = payload.json.as_bytes();
    let issue_bytes = move |expiry, json: &[u8]| {
        let mut body = prefix.write(expiry, json.len());
        body.extend_from_slice(json);
        body
    };
    let open = move |token: &str| {
        let body = peer.open(token)?;
        prefix.read(body.as_ref())?;
        Some(body)
    };
    let expiry = || now() + LIFETIME;
    let token: &'static str = peer.seal(issue_bytes(expiry(), json)).leak();
    let ended = issue_bytes(now() - 120, json);
    let expired = peer.expired(ended.clone()).unwrap_or_else(|| peer.seal(ended));
    let start = peer.open(token).expect("a token").as_ref().len() - json.len();
    check(peer.name(), token, &expired, json, &|token| {
        open(token).map(|body| body.as_ref()[start..].to_vec())
    });
    fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> T {
        serde_json::from_slice(json).expect("a state")
    }
    assert_eq!(&parse::<State>(&open(token).expect("a token").as_ref()[start..]), typed);
    let opened = move || open(black_box(token)).expect("a token");
    let ops = vec![
        (
            Op::Issue,
            runner(move || {
                let mut body = prefix.write(expiry(), json.len());
                serde_json::to_writer(&mut body, black_box(typed)).expect("a state");
                peer.seal(body)
            }),
        ),
        (Op::IssueBytes, runner(move || peer.seal(issue_bytes(expiry(), black_box(json))))),
        (Op::VerifyBytes, runner(opened)),
        (Op::VerifyTyped, runner(move || parse::<State>(&opened().as_ref()[start..]))),
        (
            Op::VerifyBorrowed,
            runner(move || {
                let body = opened();
                black_box(parse::<BorrowedState>(&body.as_ref()[start..]));
            }),
        ),
        (Op::VerifyValue, runner(move || parse::<serde_json::Value>(&opened().as_ref()[start..]))),
    ];
    let full = peer.seal([prefix.rest(), &issue_bytes(expiry(), json)].concat()).len();
    let (name, kind) = (peer.name(), peer.kind());
    Contender { name, kind, payload: payload.name, characters: token.len(), full, ops }
}

/// JSON claims: an id of 16 characters, times, and the state as an object, which needs no escapes.
#[derive(Serialize, Deserialize)]
pub struct Claims<Id, State> {
    pub jti: Id,
    pub iat: u64,
    pub exp: u64,
    pub state: State,
}

impl<S> Claims<String, S> {
    /// A new session's, with an id of the operating system's.
    pub fn new(state: S) -> Self {
        Self::with_id(new_id(), state)
    }

    pub fn with_id(id: [u8; 12], state: S) -> Self {
        let iat = now();
        let jti = base64_simd::URL_SAFE_NO_PAD.encode_to_string(id);
        Self { jti, iat, exp: iat + LIFETIME, state }
    }

    /// Those of a session that ended two minutes ago.
    pub fn ended(state: S) -> Self {
        let exp = now() - 120;
        Self { iat: exp - LIFETIME, exp, ..Self::new(state) }
    }
}

/// The claims with the rest of saddlebag's: the session's start and end, and its revision.
#[derive(Serialize)]
pub struct FullClaims<State> {
    #[serde(flatten)]
    claims: Claims<String, State>,
    started: u64,
    ends: u64,
    rev: u32,
}

impl<State> FullClaims<State> {
    pub fn new(state: State) -> Self {
        Self { claims: Claims::new(state), started: now(), ends: now() + 86_400, rev: 0 }
    }
}

/// The state as a member that is not read.
pub fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).expect("JSON")
}

/// A peer that carries JSON claims and leaves them to its user.
pub fn of_claims<P: Peer>(peer: P, payload: &'static Payload) -> Contender {
    let peer: &'static P = leak(peer);
    let typed: &'static State = leak(payload.typed());
    let json: &'static RawValue = raw(payload.json);
    fn text<T: Serialize>(claims: &Claims<String, T>) -> Vec<u8> {
        serde_json::to_vec(claims).expect("claims")
    }
    fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<Claims<&'a str, T>> {
        let claims: Claims<&str, T> = serde_json::from_slice(body).ok()?;
        (now() < claims.exp).then_some(claims)
    }
    let token: &'static str = peer.seal(text(&Claims::new(json))).leak();
    let expired = peer.seal(text(&Claims::ended(json)));
    check(peer.name(), token, &expired, payload.json.as_bytes(), &|token| {
        let body = peer.open(token)?;
        parse::<&RawValue>(body.as_ref()).map(|claims| claims.state.get().as_bytes().to_vec())
    });
    let opened = move || peer.open(black_box(token)).expect("a token");
    assert_eq!(&parse::<State>(opened().as_ref()).expect("claims").state, typed);
    let ops = vec![
        (Op::Issue, runner(move || peer.seal(text(&Claims::new(black_box(typed)))))),
        (Op::IssueBytes, runner(move || peer.seal(text(&Claims::new(black_box(json)))))),
        (
            Op::VerifyBytes,
            runner(move || {
                let body = opened();
                black_box(parse::<&RawValue>(body.as_ref()).expect("claims").state);
                body
            }),
        ),
        (Op::VerifyTyped, runner(move || parse::<State>(opened().as_ref()).expect("claims").state)),
        (
            Op::VerifyBorrowed,
            runner(move || {
                let body = opened();
                black_box(parse::<BorrowedState>(body.as_ref()).expect("claims").state);
            }),
        ),
        (
            Op::VerifyValue,
            runner(move || parse::<serde_json::Value>(opened().as_ref()).expect("claims").state),
        ),
    ];
    let full = peer.seal(serde_json::to_vec(&FullClaims::new(typed)).expect("claims")).len();
    let (name, kind) = (peer.name(), peer.kind());
    Contender { name, kind, payload: payload.name, characters: token.len(), full, ops }
}
