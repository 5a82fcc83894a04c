//! Section 6 of the contract: the eight claims, in CBOR and as a vector shows them.

use serde::Serialize;

use crate::cbor;
use crate::keys::fixed;
use crate::text::{hex, unhex};

/// The instant at which the session of nearly every vector starts: 2026-09-21T14:13:20Z.
pub const START: u64 = 1_790_000_000;

#[derive(Clone)]
pub struct Claims {
    pub id: [u8; 12],
    pub started: u64,
    pub issued: u64,
    pub expires: u64,
    pub ends: u64,
    pub revision: u32,
    pub subject: Option<String>,
    pub state: State,
}

/// One state in CBOR, and as JSON where it can be shown; `None` for one that does not decode.
#[derive(Clone)]
pub struct State {
    pub cbor: Vec<u8>,
    pub json: Option<String>,
}

impl State {
    pub fn new(cbor: &str, json: &str) -> Self {
        Self { cbor: unhex(cbor), json: Some(json.to_owned()) }
    }

    pub fn bad(cbor: &str) -> Self {
        Self { cbor: unhex(cbor), json: None }
    }

    pub fn text(content: &str) -> Self {
        Self { cbor: cbor::text(content), json: Some(crate::text::quoted(content)) }
    }
}

/// U+FEFF is a letter like any other, which many a decoder takes away where a text begins: of two names it would make one.
pub fn marked() -> State {
    let json = "{\"k\":\"\u{feff}a\",\"\u{feff}k\":[\"\u{feff}\",\"a\u{feff}\"]}";
    State::new("a2 616b 64 efbbbf61 64 efbbbf6b 82 63 efbbbf 64 61efbbbf", json)
}

impl Default for Claims {
    /// A quarter of an hour idle, a day in all, with a small cart.
    fn default() -> Self {
        Self {
            id: fixed("session id")[..12].try_into().unwrap(),
            started: START,
            issued: 0,
            expires: 900,
            ends: 86_400,
            revision: 0,
            subject: Some("user-17".into()),
            state: State::new("a1 64 63617274 82 11 182a", r#"{"cart":[17,42]}"#),
        }
    }
}

impl Claims {
    /// The same session after two renewals, so that no two of its times are equal.
    pub fn renewed() -> Self {
        Self { issued: 600, revision: 2, ..Self::default() }
    }

    /// The smallest claims there are: 21 bytes.
    pub fn smallest() -> Self {
        let state = State::new("f6", "null");
        Self { started: 0, issued: 0, expires: 1, ends: 1, subject: None, state, ..Self::default() }
    }

    pub fn issued_at(&self) -> u64 {
        self.started + self.issued
    }

    pub fn expires_at(&self) -> u64 {
        self.issued_at() + self.expires
    }

    pub fn ends_at(&self) -> u64 {
        self.started + self.ends
    }

    pub fn items(&self) -> Items {
        let subject = self.subject.as_deref().map_or(cbor::NULL.to_vec(), cbor::text);
        Items {
            head: vec![0x88],
            id: cbor::bytes(&self.id),
            started: cbor::uint(self.started),
            issued: cbor::uint(self.issued),
            expires: cbor::uint(self.expires),
            ends: cbor::uint(self.ends),
            revision: cbor::uint(self.revision.into()),
            subject,
            state: self.state.cbor.clone(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        self.items().encode()
    }

    pub fn shown(&self) -> Shown {
        Shown {
            id: hex(&self.id),
            started_at: self.started,
            issued_at: self.issued_at(),
            expires_at: self.expires_at(),
            ends_at: self.ends_at(),
            revision: self.revision,
            subject: self.subject.clone(),
            state: hex(&self.state.cbor),
            state_json: self.state.json.clone(),
            state_error: self.state.json.is_none().then_some(true),
        }
    }
}

/// The parts of the claims' encoding, each of which a negative vector can spoil.
#[derive(Clone)]
pub struct Items {
    pub head: Vec<u8>,
    pub id: Vec<u8>,
    pub started: Vec<u8>,
    pub issued: Vec<u8>,
    pub expires: Vec<u8>,
    pub ends: Vec<u8>,
    pub revision: Vec<u8>,
    pub subject: Vec<u8>,
    pub state: Vec<u8>,
}

impl Items {
    pub fn encode(&self) -> Vec<u8> {
        let times = [&self.started[..], &self.issued, &self.expires, &self.ends].concat();
        [&self.head[..], &self.id, &times, &self.revision, &self.subject, &self.state].concat()
    }
}

/// The claims of a vector that is accepted.
#[derive(Serialize)]
pub struct Shown {
    id: String,
    started_at: u64,
    issued_at: u64,
    expires_at: u64,
    ends_at: u64,
    revision: u32,
    subject: Option<String>,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_error: Option<bool>,
}
