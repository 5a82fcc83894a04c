//! The shape of a token vector, and the verifier that it describes.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::claims::{Claims, START, Shown};
use crate::keys::root;
use crate::text::hex;

/// One token, its verifier and the verdict. The fields are described in README.md.
#[derive(Serialize)]
pub struct Vector {
    pub name: String,
    expect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    or: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<Option<&'static str>>,
    roots: Vec<Box<RawValue>>,
    audience: String,
    now: u64,
    skew: u64,
    binding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    pub token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<Shown>,
}

impl Vector {
    /// Names a second reason, where the contract leaves open which check comes first.
    pub fn or(self, reason: &'static str) -> Self {
        Self { or: Some(reason), ..self }
    }
}

/// A key of the ring, with its times in Unix seconds.
#[derive(Clone)]
pub struct RingKey {
    pub secret: [u8; 32],
    pub activates_at: u64,
    pub drains_until: Option<u64>,
    pub revoked_at: Option<u64>,
}

impl RingKey {
    pub fn new(label: &str, activates_at: u64) -> Self {
        Self { secret: root(label), activates_at, drains_until: None, revoked_at: None }
    }

    /// One line of JSON: the files stay readable.
    fn json(&self) -> Box<RawValue> {
        let mut members = vec![
            format!("\"secret\": \"{}\"", hex(&self.secret)),
            format!("\"activates_at\": {}", self.activates_at),
        ];
        members.extend(self.drains_until.map(|time| format!("\"drains_until\": {time}")));
        members.extend(self.revoked_at.map(|time| format!("\"revoked_at\": {time}")));
        RawValue::from_string(format!("{{{}}}", members.join(", "))).unwrap()
    }
}

/// A verifier and the name of a vector: all but the token and the verdict.
#[derive(Clone)]
pub struct Case {
    pub name: String,
    pub roots: Vec<RingKey>,
    pub audience: String,
    pub now: u64,
    pub skew: u64,
    pub binding: Vec<u8>,
    pub max_length: Option<usize>,
    pub alg: Option<Option<&'static str>>,
    pub nonce: Option<[u8; 24]>,
}

impl Case {
    /// The usual verifier: root A alone, `shop`, ten seconds after the start, 60 s of skew.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            roots: vec![RingKey::new("A", START - 86_400)],
            audience: "shop".into(),
            now: START + 10,
            skew: 60,
            binding: Vec::new(),
            max_length: None,
            alg: None,
            nonce: None,
        }
    }

    pub fn at(self, now: u64, skew: u64) -> Self {
        Self { now, skew, ..self }
    }

    pub fn roots(self, roots: &[RingKey]) -> Self {
        Self { roots: roots.to_vec(), ..self }
    }

    pub fn audience(self, audience: &str) -> Self {
        Self { audience: audience.into(), ..self }
    }

    pub fn binding(self, binding: &[u8]) -> Self {
        Self { binding: binding.into(), ..self }
    }

    pub fn max_length(self, max_length: usize) -> Self {
        Self { max_length: Some(max_length), ..self }
    }

    pub fn alg(self, alg: Option<&'static str>) -> Self {
        Self { alg: Some(alg), ..self }
    }

    pub fn accept(self, token: String, claims: &Claims) -> Vector {
        Vector { expect: "accept", claims: Some(claims.shown()), ..self.vector(token) }
    }

    pub fn refuse(self, reason: &'static str, token: String) -> Vector {
        Vector { expect: "refuse", reason: Some(reason), ..self.vector(token) }
    }

    /// Accepts where no reason against it is given.
    pub fn judge(self, reason: Option<&'static str>, token: String, claims: &Claims) -> Vector {
        match reason {
            Some(reason) => self.refuse(reason, token),
            None => self.accept(token, claims),
        }
    }

    fn vector(self, token: String) -> Vector {
        Vector {
            name: self.name,
            expect: "",
            reason: None,
            or: None,
            alg: self.alg,
            roots: self.roots.iter().map(RingKey::json).collect(),
            audience: self.audience,
            now: self.now,
            skew: self.skew,
            binding: hex(&self.binding),
            max_length: self.max_length,
            nonce: self.nonce.map(|nonce| hex(&nonce)),
            token,
            claims: None,
        }
    }
}
