//! What the tests of tokens share: rings of known secrets, and a second, plain way to make a token.
//!
//! `forge` knows the format from its text alone, so that a slip in the library is not repeated here.

#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::Mac;
use saddlebag::keys::insecure::{ChosenKey, ring};
use saddlebag::keys::{Audience, KeyRing, KeyRingHandle, Policy, Secret, UnixTime, derive};
use saddlebag::{Reason, RenewError, Tokens, TokensBuilder, Verified};

/// The second at which most tests begin.
pub const NOW: u64 = 1_800_000_000;
pub const DAY: u64 = 86_400;

pub fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// The n-th secret.
pub fn secret(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| n.wrapping_mul(29) ^ (i as u8).wrapping_mul(7))
}

/// A key of the n-th secret.
pub fn key(n: u8, activates_at: u64, drains_until: Option<u64>) -> ChosenKey {
    ChosenKey {
        secret: secret(n),
        id: None,
        created_at: at(activates_at.saturating_sub(DAY)),
        activates_at: at(activates_at),
        drains_until: drains_until.map(UnixTime::from_secs),
        revoked_at: None,
    }
}

/// The ids of the n-th secret's key.
pub fn id(n: u8) -> saddlebag::keys::KeyId {
    derive::key_id(&Secret::from_bytes(secret(n)))
}

pub fn ring_of(generation: u64, policy: Policy, keys: &[ChosenKey]) -> KeyRing {
    ring("test", generation, policy, keys).unwrap()
}

/// A retired, a draining, an active, a staged and a revoked key.
pub fn all_states() -> KeyRing {
    let revoked = ChosenKey {
        revoked_at: Some(at(NOW + 99 * DAY)),
        ..key(5, NOW - 70 * DAY, Some(NOW + 99 * DAY))
    };
    let keys = [
        key(3, NOW - 60 * DAY, Some(NOW - DAY)),
        key(1, NOW - 30 * DAY, Some(NOW + DAY)),
        key(2, NOW - DAY, Some(NOW + 60 * DAY)),
        key(4, NOW + 29 * DAY, None),
        revoked,
    ];
    ring_of(1, Policy::default(), &keys)
}

/// Key 1 is active for a year from a day before [`NOW`], and key 2 its standby.
pub fn plain_ring(policy: Policy) -> KeyRing {
    let successor = NOW + 364 * DAY;
    let keys = [key(1, NOW - DAY, Some(successor + 40 * DAY)), key(2, successor, None)];
    ring_of(1, policy, &keys)
}

pub fn plain() -> KeyRingHandle {
    KeyRingHandle::fixed(plain_ring(Policy::default()))
}

pub fn with_skew(clock_skew: u64) -> Policy {
    Policy { clock_skew, ..Policy::default() }
}

/// The default tokens of the audience `shop`.
pub fn shop() -> Tokens {
    builder().build().unwrap()
}

pub fn builder() -> TokensBuilder {
    Tokens::builder(plain()).audience("shop")
}

/// Why a token is refused.
pub fn refusal(verified: Result<Verified, saddlebag::Refused>) -> Reason {
    verified.map(drop).unwrap_err().reason()
}

/// Why a renewal was refused by the token's own checks.
pub fn renewal_refusal<T: std::fmt::Debug>(renewed: Result<T, RenewError>) -> Reason {
    match renewed {
        Err(RenewError::Refused(refused)) => refused.reason(),
        other => panic!("{other:?}"),
    }
}

pub fn decode(token: &str) -> Vec<u8> {
    BASE64.decode(token).unwrap()
}

pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Claims as somebody else's code writes them.
#[derive(Clone, Copy)]
pub struct Forged<'a> {
    pub id: [u8; 12],
    pub started: u64,
    pub issued: u64,
    pub expires: u64,
    pub ends: u64,
    pub revision: u64,
    pub subject: Option<&'a str>,
    pub state: &'a [u8],
}

/// Started and issued at [`NOW`], 15 minutes idle, 24 hours in all, no subject, no state.
pub const FORGED: Forged<'static> = Forged {
    id: *b"twelve bytes",
    started: NOW,
    issued: 0,
    expires: 900,
    ends: DAY,
    revision: 0,
    subject: None,
    state: &[0xf6],
};

impl Forged<'_> {
    pub fn cbor(&self) -> Vec<u8> {
        let mut out = vec![0x88, 0x4c];
        out.extend_from_slice(&self.id);
        for number in [self.started, self.issued, self.expires, self.ends, self.revision] {
            head(&mut out, 0x00, number);
        }
        match self.subject {
            Some(subject) => {
                head(&mut out, 0x60, subject.len() as u64);
                out.extend_from_slice(subject.as_bytes());
            }
            None => out.push(0xf6),
        }
        out.extend_from_slice(self.state);
        out
    }

    /// A signed token under the n-th secret.
    pub fn signed(&self, n: u8, audience: &str) -> String {
        sign(n, audience, b"", &self.cbor())
    }
}

/// A CBOR head in its shortest form.
pub fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

/// K_audience of the n-th secret.
pub fn audience_key(n: u8, audience: &str) -> Secret {
    let root = Secret::from_bytes(secret(n));
    derive::audience(&root, &Audience::new(audience).unwrap())
}

/// Signs any bytes as claims, by section 3 of the format.
pub fn sign(n: u8, audience: &str, binding: &[u8], claims: &[u8]) -> String {
    let mut token = [&[0xb1, 0xbd, 0x6c][..], &id(n).to_bytes()].concat();
    let mut mac = derive::hmac(&derive::signed(&audience_key(n, audience)));
    mac.update(&token);
    mac.update(&(binding.len() as u32).to_be_bytes());
    mac.update(binding);
    mac.update(claims);
    token.extend_from_slice(claims);
    token.extend_from_slice(&mac.finalize().into_bytes()[..16]);
    encode(&token)
}

/// Seals any bytes as claims under a nonce, by section 4 of the format.
pub fn seal(n: u8, audience: &str, binding: &[u8], nonce: [u8; 24], claims: &[u8]) -> String {
    use xaes_256_gcm::Xaes256Gcm;
    use xaes_256_gcm::aead::{Aead, KeyInit, Payload};
    let header = [&[0xb1, 0xbd, 0x5e][..], &id(n).to_bytes()].concat();
    let key = derive::sealed(&audience_key(n, audience));
    let aad = [&header, binding].concat();
    let payload = Payload { msg: claims, aad: &aad };
    let sealed = Xaes256Gcm::new(key.expose().into());
    let sealed = sealed.encrypt((&nonce).into(), payload).unwrap();
    encode(&[&header, &nonce[..], &sealed].concat())
}

/// Numbers that look random, and are the same in every run (splitmix64).
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
