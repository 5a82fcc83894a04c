//! The jwt suite: an ordinary JWS (RFC 7515) whose header and payload are a closed set.
//!
//! `jsonwebtoken` makes and checks the signatures of EdDSA; those of HS256 are the HMAC of every other token,
//! whose key is kept. Header, members and times are read here: `jsonwebtoken` takes arrays of audiences, its
//! clock cannot be injected, and it ignores what it does not know.

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use saddlebag_keys::{Audience, Secret, derive};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::claims::Claims;
use super::format::text_len;
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
    EdDsa { signs: Box<EncodingKey>, verifies: Box<DecodingKey> },
}

impl Suite {
    fn sign(&self, signed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Hs256(mac) => Some(mac.tag(&[signed]).into()),
            Self::EdDsa { signs, .. } => {
                let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::EdDSA, signs);
                signer.ok()?.try_sign(signed).ok()
            }
        }
    }

    fn verifies(&self, signed: &[u8], signature: &Vec<u8>) -> bool {
        match self {
            Self::Hs256(mac) => mac.tag(&[signed]).ct_eq(signature.as_slice()).into(),
            Self::EdDsa { verifies, .. } => {
                let verifier = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::EdDSA, verifies);
                verifier.is_ok_and(|verifier| verifier.verify(signed, signature).is_ok())
            }
        }
    }
}

impl JwtKey {
    /// `None` where the provider refuses the key, which it has no reason to.
    pub(crate) fn new(audience: &Secret, algorithm: JwtAlgorithm) -> Option<Self> {
        let kid = URL_SAFE_NO_PAD.encode_to_string(derive::jwt_kid(audience));
        let alg = algorithm.as_str();
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#);
        let header = format!("{}.", URL_SAFE_NO_PAD.encode_to_string(header));
        let suite = match algorithm {
            JwtAlgorithm::Hs256 => Suite::Hs256(Mac::new(&derive::jwt_hs256(audience))),
            JwtAlgorithm::EdDsa => {
                let pkcs8 = ed25519_pkcs8(audience);
                let public = ed25519_public(&pkcs8)?;
                Suite::EdDsa {
                    signs: Box::new(EncodingKey::from_ed_der(&pkcs8)),
                    verifies: Box::new(DecodingKey::from_ed_der(&public)),
                }
            }
        };
        Some(Self { algorithm, kid, header, suite })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The text of a token, whose state `write_state` writes as JSON. `None` where it cannot be made.
    pub(crate) fn sign<E>(
        &self,
        audience: &Audience,
        claims: &Claims<'_>,
        write_state: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Option<String>, E> {
        let mut payload =
            Vec::with_capacity(claims.state.len().saturating_mul(2).max(USUAL_PAYLOAD));
        let started = Members {
            aud: audience.as_str(),
            iat: claims.issued_at(),
            exp: claims.expires_at(),
            auth_time: claims.started,
            ends: claims.ends_at(),
            rev: claims.revision,
            jti: &URL_SAFE_NO_PAD.encode_to_string(claims.id),
        };
        if serde_json::to_writer(&mut payload, &started).is_err() {
            return Ok(None);
        }
        // Two members follow the others; what closed the object gives way to them.
        payload.pop();
        payload.extend_from_slice(br#","state":"#);
        write_state(&mut payload)?;
        if let Some(subject) = claims.subject {
            payload.extend_from_slice(br#","sub":"#);
            if serde_json::to_writer(&mut payload, subject).is_err() {
                return Ok(None);
            }
        }
        payload.push(b'}');
        let length = text_len(payload.len()).saturating_add(self.header.len());
        let mut token = String::with_capacity(length.saturating_add(LONGEST_SIGNATURE));
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_append(&payload, &mut token);
        let Some(signature) = self.suite.sign(token.as_bytes()) else {
            return Ok(None);
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut token);
        Ok(Some(token))
    }

    /// Checks the signature, then reads the payload.
    pub(crate) fn open(&self, jws: &Jws<'_>, audience: &Audience) -> Result<Opened, Reason> {
        if jws.signature.len() != self.algorithm.signature_len()
            || !self.suite.verifies(jws.signed.as_bytes(), &jws.signature)
        {
            return Err(Reason::BadTag);
        }
        let payload: Payload<'_> = object(&jws.payload).ok_or(Reason::BadClaims)?;
        payload.opened(audience).ok_or(Reason::BadClaims)
    }
}

/// What anybody may know of one ring key's EdDSA key for one audience (RFC 7517, RFC 8037).
#[cfg(feature = "server")]
#[derive(Serialize, utoipa::ToSchema)]
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
    /// `None` where the provider refuses the key, which it has no reason to.
    pub(crate) fn new(audience: &Secret) -> Option<Self> {
        Some(Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: JwtAlgorithm::EdDsa.as_str(),
            r#use: "sig",
            kid: URL_SAFE_NO_PAD.encode_to_string(derive::jwt_kid(audience)),
            x: URL_SAFE_NO_PAD.encode_to_string(ed25519_public(&ed25519_pkcs8(audience))?),
        })
    }
}

fn ed25519_pkcs8(audience: &Secret) -> Zeroizing<Vec<u8>> {
    let seed = derive::jwt_eddsa_seed(audience);
    Zeroizing::new([&PKCS8_ED25519[..], seed.expose()].concat())
}

fn ed25519_public(pkcs8: &[u8]) -> Option<Vec<u8>> {
    let public = DEFAULT_PROVIDER.key_utils.ed_pub_components_from_private_key;
    public(pkcs8, &EllipticCurve::Ed25519).ok()
}

/// A compact serialization, taken apart, and nothing of it believed.
pub(crate) struct Jws<'a> {
    signed: &'a str,
    pub(crate) kid: String,
    pub(crate) payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a text with two dots apart; its header must be the one that `algorithm` gives.
    pub(crate) fn parse(text: &'a str, algorithm: JwtAlgorithm) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let decode = |segment: &str| URL_SAFE_NO_PAD.decode_to_vec(segment).ok();
        let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
        let header: Header<'_> = object(&header)?;
        if header.alg != algorithm.as_str() || header.typ != "JWT" {
            return None;
        }
        let kid = header.kid.into_owned();
        Some(Self { signed, kid, payload, signature })
    }

    /// The audience it names and its claims, neither of which anybody has verified.
    #[cfg(feature = "server")]
    pub(crate) fn unverified(&self) -> Option<(String, Opened)> {
        let payload: Payload<'_> = object(&self.payload)?;
        let audience = Audience::new(&payload.aud).ok()?;
        Some((audience.to_string(), payload.opened(&audience)?))
    }
}

/// What a jwt's payload says, in the terms of every other token.
pub(crate) struct Opened {
    /// The claims as the other suites carry them, state included.
    pub(crate) claims: Vec<u8>,
    /// The state as it was written, which a renewal repeats to the byte.
    pub(crate) state: Box<str>,
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

/// The members of a payload before `state` and `sub`, in the order in which they are written.
#[derive(Serialize)]
struct Members<'a> {
    aud: &'a str,
    iat: u64,
    exp: u64,
    auth_time: u64,
    ends: u64,
    rev: u32,
    jti: &'a str,
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
    #[serde(default, deserialize_with = "not_null")]
    sub: Option<Cow<'a, str>>,
}

impl Payload<'_> {
    fn opened(&self, audience: &Audience) -> Option<Opened> {
        if self.aud != audience.as_str() {
            return None;
        }
        let id = URL_SAFE_NO_PAD.decode_to_vec(self.jti.as_bytes()).ok()?;
        let mut state = Vec::with_capacity(self.state.get().len());
        state::from_json(self.state.get().as_bytes(), &mut state).ok()?;
        let claims = Claims {
            id: id.try_into().ok()?,
            started: self.auth_time,
            issued: self.iat.checked_sub(self.auth_time)?,
            expires: self.exp.checked_sub(self.iat)?,
            ends: self.ends.checked_sub(self.auth_time)?,
            revision: self.rev,
            subject: self.sub.as_deref(),
            state: &state,
        };
        claims.validate().ok()?;
        let mut bytes = Vec::with_capacity(claims.encoded_len());
        claims.encode_into(&mut bytes);
        Some(Opened { claims: bytes, state: self.state.get().into() })
    }
}

/// Reads a JSON object. Serde would also take an array of its members' values for one.
fn object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    let starts = json.trim_ascii_start().first() == Some(&b'{');
    serde_json::from_slice(json).ok().filter(|_| starts)
}

/// Absent is one thing; `null` where a subject belongs is another, and refused.
fn not_null<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    Cow::deserialize(input).map(Some)
}

/// Bytes that a payload without much of a state takes.
const USUAL_PAYLOAD: usize = 500;
/// Characters of a dot and an Ed25519 signature.
const LONGEST_SIGNATURE: usize = 87;
/// RFC 8410: an Ed25519 private key in PKCS#8 is this and the 32 bytes of its seed.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
