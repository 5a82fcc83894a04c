//! The jwt suite: an ordinary JWS (RFC 7515) whose header and payload are a closed set.
//!
//! `jsonwebtoken` makes and checks the signature. Header, members and times are read here: it takes
//! arrays of audiences, its clock cannot be injected, and it ignores what it does not know.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use saddlebag_keys::{Audience, Secret, derive};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::claims::Claims;
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

    const fn theirs(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// One ring key's jwt key for one audience.
pub(crate) struct JwtKey {
    algorithm: JwtAlgorithm,
    kid: String,
    /// The first segment and its dot, which every token of this key starts with.
    header: String,
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl JwtKey {
    /// `None` where the provider refuses the key, which it has no reason to.
    pub(crate) fn new(audience: &Secret, algorithm: JwtAlgorithm) -> Option<Self> {
        let kid = BASE64_URL_SAFE_NO_PAD.encode(derive::jwt_kid(audience));
        let alg = algorithm.as_str();
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#);
        let header = format!("{}.", BASE64_URL_SAFE_NO_PAD.encode(header));
        let (signs, verifies) = match algorithm {
            JwtAlgorithm::Hs256 => {
                let secret = derive::jwt_hs256(audience);
                let verifies = DecodingKey::from_secret(secret.expose());
                (EncodingKey::from_secret(secret.expose()), verifies)
            }
            JwtAlgorithm::EdDsa => {
                let pkcs8 = ed25519_pkcs8(audience);
                let public = ed25519_public(&pkcs8)?;
                (EncodingKey::from_ed_der(&pkcs8), DecodingKey::from_ed_der(&public))
            }
        };
        Some(Self { algorithm, kid, header, signs, verifies })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The text of a token, its state given as JSON. `None` where it cannot be made.
    pub(crate) fn sign(
        &self,
        audience: &Audience,
        claims: &Claims<'_>,
        state: &str,
    ) -> Option<String> {
        let payload = Payload {
            aud: audience.as_str().into(),
            iat: claims.issued_at(),
            exp: claims.expires_at(),
            auth_time: claims.started,
            ends: claims.ends_at(),
            rev: claims.revision,
            jti: BASE64_URL_SAFE_NO_PAD.encode(claims.id).into(),
            state: serde_json::from_str(state).ok()?,
            sub: claims.subject.map(Cow::Borrowed),
        };
        let payload = serde_json::to_vec(&payload).ok()?;
        let mut token = self.header.clone();
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.algorithm.theirs(), &self.signs);
        let signature = signer.ok()?.try_sign(token.as_bytes()).ok()?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// Checks the signature, then reads the payload.
    pub(crate) fn open(&self, jws: &Jws<'_>, audience: &Audience) -> Result<Opened, Reason> {
        let verifier =
            (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.theirs(), &self.verifies);
        let verifier = verifier.map_err(|_| Reason::BadTag)?;
        if jws.signature.len() != self.algorithm.signature_len()
            || verifier.verify(jws.signed.as_bytes(), &jws.signature).is_err()
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
            kid: BASE64_URL_SAFE_NO_PAD.encode(derive::jwt_kid(audience)),
            x: BASE64_URL_SAFE_NO_PAD.encode(ed25519_public(&ed25519_pkcs8(audience))?),
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
        let decode = |segment: &str| BASE64_URL_SAFE_NO_PAD.decode(segment).ok();
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

/// The payload; its members are written in this order.
#[derive(Serialize, Deserialize)]
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
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    sub: Option<Cow<'a, str>>,
}

impl Payload<'_> {
    fn opened(&self, audience: &Audience) -> Option<Opened> {
        if self.aud != audience.as_str() {
            return None;
        }
        let id = BASE64_URL_SAFE_NO_PAD.decode(&*self.jti).ok()?;
        let mut state = Vec::new();
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

/// RFC 8410: an Ed25519 private key in PKCS#8 is this and the 32 bytes of its seed.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
