//! The jwt suite: an ordinary JWS (RFC 7515) whose header and payload are a closed set.
//!
//! HS256 is the HMAC of every other token, and EdDSA is `ed25519-dalek`'s; both under keys that are kept, where
//! `jsonwebtoken` reads its keys anew for each token (benches/peers). Header, members and times are read here:
//! it takes arrays of audiences, its clock cannot be injected, and it ignores what it does not know.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey};
use saddlebag_keys::{Audience, Secret, derive};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;

use super::claims::Claims;
use super::format::{decode_into, text_len};
use super::provider::Mac;
use super::reason::Reason;
use super::state;

/// The one algorithm of a verifier's jwt tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC-SHA-256 (RFC 7518, section 3.2): who can verify can issue.
    Hs256,
    /// Ed25519 (RFC 8037): verified with a public key.
    EdDsa,
}

impl JwtAlgorithm {
    /// The `alg` of the header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn signature_len(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::EdDsa => 64,
        }
    }
}

/// One ring key's jwt key for one audience.
pub(crate) struct JwtKey {
    algorithm: JwtAlgorithm,
    kid: String,
    /// The first segment and its dot, which every token of this key starts with.
    header: String,
    suite: Suite,
}

enum Suite {
    Hs256(Mac),
    /// In a box: a key that is moved leaves copies behind.
    EdDsa(Box<SigningKey>),
}

impl Suite {
    /// Appends a dot and the signature of what is before it.
    fn sign(&self, token: &mut String) {
        match self {
            Self::Hs256(mac) => append(token, &mac.tag(&[token.as_bytes()])),
            Self::EdDsa(pair) => append(token, &pair.sign(token.as_bytes()).to_bytes()),
        }
    }

    fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hs256(mac) => mac.tag(&[signed]).ct_eq(signature).into(),
            Self::EdDsa(pair) => Signature::from_slice(signature)
                .is_ok_and(|signature| pair.verify(signed, &signature).is_ok()),
        }
    }
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    URL_SAFE_NO_PAD.encode_append(signature, token);
}

impl JwtKey {
    pub(crate) fn new(audience: &Secret, algorithm: JwtAlgorithm) -> Self {
        let kid = URL_SAFE_NO_PAD.encode_to_string(derive::jwt_kid(audience));
        let alg = algorithm.as_str();
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#);
        let header = format!("{}.", URL_SAFE_NO_PAD.encode_to_string(header));
        let suite = match algorithm {
            JwtAlgorithm::Hs256 => Suite::Hs256(Mac::new(&derive::jwt_hs256(audience))),
            JwtAlgorithm::EdDsa => Suite::EdDsa(Box::new(ed25519(audience))),
        };
        Self { algorithm, kid, header, suite }
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The text of a token, whose state `write_state` writes as JSON.
    pub(crate) fn sign<E>(
        &self,
        audience: &Audience,
        claims: &Claims<'_>,
        write_state: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<String, E> {
        let mut payload =
            Vec::with_capacity(claims.state.len().saturating_mul(2).max(USUAL_PAYLOAD));
        // An audience has no character that JSON escapes.
        payload.extend_from_slice(br#"{"aud":""#);
        payload.extend_from_slice(audience.as_str().as_bytes());
        payload.push(b'"');
        for (name, number) in [
            (r#","iat":"#, claims.issued_at()),
            (r#","exp":"#, claims.expires_at()),
            (r#","auth_time":"#, claims.started),
            (r#","ends":"#, claims.ends_at()),
            (r#","rev":"#, claims.revision.into()),
        ] {
            payload.extend_from_slice(name.as_bytes());
            payload.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        payload.extend_from_slice(br#","jti":""#);
        let mut id = [0; ID_LEN];
        payload.extend_from_slice(URL_SAFE_NO_PAD.encode(&claims.id, id.as_mut_slice().as_out()));
        payload.extend_from_slice(br#"","state":"#);
        write_state(&mut payload)?;
        if let Some(subject) = claims.subject {
            payload.extend_from_slice(br#","sub":"#);
            // Text, and into memory: it cannot fail.
            let _ = serde_json::to_writer(&mut payload, subject);
        }
        payload.push(b'}');
        let length = text_len(payload.len()).saturating_add(self.header.len());
        let mut token = String::with_capacity(length.saturating_add(LONGEST_SIGNATURE));
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_append(&payload, &mut token);
        self.suite.sign(&mut token);
        Ok(token)
    }

    /// Checks the signature, then reads the payload. The claims have room for the state's text, and so many bytes more.
    pub(crate) fn open<'a>(
        &self,
        jws: &'a Jws<'_>,
        audience: &Audience,
        more: usize,
    ) -> Result<Opened<'a>, Reason> {
        let signature = jws.signature();
        if signature.len() != self.algorithm.signature_len()
            || !self.suite.verifies(jws.signed.as_bytes(), signature)
        {
            return Err(Reason::BadTag);
        }
        let payload: Payload<'_> = object(jws.payload()).ok_or(Reason::BadClaims)?;
        let state = payload.state.get();
        let claims = payload.claims(audience, more.saturating_add(state.len()));
        Ok(Opened { claims: claims.ok_or(Reason::BadClaims)?, state })
    }
}

/// What anybody may know of one ring key's EdDSA key for one audience (RFC 7517, RFC 8037).
#[cfg(feature = "server")]
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = Jwk)]
pub(crate) struct PublicJwk {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    r#use: &'static str,
    /// As in the token's header.
    kid: String,
    /// The public key: base64url of 32 bytes.
    x: String,
}

#[cfg(feature = "server")]
impl PublicJwk {
    pub(crate) fn new(audience: &Secret) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: JwtAlgorithm::EdDsa.as_str(),
            r#use: "sig",
            kid: URL_SAFE_NO_PAD.encode_to_string(derive::jwt_kid(audience)),
            x: URL_SAFE_NO_PAD.encode_to_string(ed25519(audience).verifying_key()),
        }
    }
}

/// The key pair, which is wiped when it is dropped.
fn ed25519(audience: &Secret) -> SigningKey {
    SigningKey::from_bytes(derive::jwt_eddsa_seed(audience).expose())
}

/// A compact serialization, taken apart, and nothing of it believed.
pub(crate) struct Jws<'a> {
    signed: &'a str,
    /// What the header, the payload and the signature spell, one behind the other.
    bytes: Vec<u8>,
    payload: Range<usize>,
}

impl<'a> Jws<'a> {
    /// Takes a text with two dots apart.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let mut bytes = DECODED.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        decode_into(header.as_bytes(), &mut bytes)?;
        let start = bytes.len();
        decode_into(payload.as_bytes(), &mut bytes)?;
        let payload = start..bytes.len();
        decode_into(signature.as_bytes(), &mut bytes)?;
        Some(Self { signed, bytes, payload })
    }

    /// The key that its header names, where that is a header of this algorithm.
    pub(crate) fn kid(&self, algorithm: JwtAlgorithm) -> Option<Cow<'_, str>> {
        let Header { alg, kid, typ } = object(self.bytes.get(..self.payload.start)?)?;
        (alg == algorithm.as_str() && typ == "JWT").then_some(kid)
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }

    fn signature(&self) -> &[u8] {
        self.bytes.get(self.payload.end..).unwrap_or_default()
    }

    /// The audience it names and its claims, neither of which anybody has verified.
    #[cfg(feature = "server")]
    pub(crate) fn unverified(&self) -> Option<(String, Vec<u8>)> {
        let payload: Payload<'_> = object(self.payload())?;
        let audience = Audience::new(&payload.aud).ok()?;
        Some((audience.to_string(), payload.claims(&audience, 0)?))
    }
}

/// Its memory is the next one's.
impl Drop for Jws<'_> {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        // Not where the thread is about to end.
        let _ = DECODED.try_with(|kept| kept.set(bytes));
    }
}

thread_local! {
    /// Room for what a token spells, so that a thread makes it once.
    static DECODED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What a jwt's payload says, in the terms of every other token.
pub(crate) struct Opened<'a> {
    /// The claims as the other suites carry them, state included.
    pub(crate) claims: Vec<u8>,
    /// The state as it was written, which a renewal repeats to the byte.
    pub(crate) state: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow)]
    typ: Cow<'a, str>,
}

/// A payload; its members come in any order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<'a> {
    #[serde(borrow)]
    aud: Cow<'a, str>,
    iat: u64,
    exp: u64,
    auth_time: u64,
    ends: u64,
    rev: u32,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    state: &'a RawValue,
    #[serde(borrow, default, deserialize_with = "not_null")]
    sub: Option<Cow<'a, str>>,
}

/// A text, borrowed where it has no escapes: by itself serde makes a copy of it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Payload<'_> {
    /// The claims as the other suites carry them, with room for so many bytes more.
    fn claims(&self, audience: &Audience, more: usize) -> Option<Vec<u8>> {
        if self.aud != audience.as_str() {
            return None;
        }
        let mut id = [0; 12];
        if self.jti.len() != ID_LEN
            || URL_SAFE_NO_PAD.decode(self.jti.as_bytes(), id.as_mut_slice().as_out()).is_err()
        {
            return None;
        }
        let claims = Claims {
            id,
            started: self.auth_time,
            issued: self.iat.checked_sub(self.auth_time)?,
            expires: self.exp.checked_sub(self.iat)?,
            ends: self.ends.checked_sub(self.auth_time)?,
            revision: self.rev,
            subject: self.sub.as_deref(),
            // Read to where it belongs, at the end.
            state: &[],
        };
        let json = self.state.get();
        let length = claims.encoded_len().saturating_add(json.len()).saturating_add(more);
        let mut bytes = Vec::with_capacity(length);
        claims.encode_into(&mut bytes);
        let start = bytes.len();
        state::from_json(json, &mut bytes).ok()?;
        Claims { state: bytes.get(start..)?, ..claims }.validate().ok()?;
        Some(bytes)
    }
}

/// Reads a JSON object. Serde would also take an array of its members' values for one.
fn object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    let starts = json.trim_ascii_start().first() == Some(&b'{');
    // As a text at once: `serde_json` would look at each string for itself.
    let json = std::str::from_utf8(json).ok().filter(|_| starts)?;
    serde_json::from_str(json).ok()
}

/// Absent is one thing; `null` where a subject belongs is another, and refused.
fn not_null<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Text::deserialize(input).map(|Text(text)| Some(text))
}

/// Characters of a session's id.
const ID_LEN: usize = 16;
/// Bytes that a payload without much of a state takes.
const USUAL_PAYLOAD: usize = 500;
/// Characters of a dot and an Ed25519 signature.
const LONGEST_SIGNATURE: usize = 87;
