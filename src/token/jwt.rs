//! The jwt suite: an ordinary JWS (RFC 7515) whose header and payload are a closed set.
//!
//! HS256 is the HMAC of every other token, and EdDSA is `ed25519-dalek`'s; both under keys that are kept, where
//! `jsonwebtoken` reads its keys anew for each token (benches/peers). Header, members and times are read here:
//! it takes arrays of audiences, its clock cannot be injected, and it ignores what it does not know.

mod jws;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey};
use saddlebag_keys::{Audience, Secret, derive};
use subtle::ConstantTimeEq;

use super::apart::Apart;
use super::claims::Claims;
use super::format::text_len;
use super::provider::Mac;
use super::reason::Reason;

pub(crate) use jws::Jws;

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

/// What a token's header calls its key: base64url of 8 bytes.
pub(crate) type Kid = [u8; 11];

/// One ring key's jwt key for one audience.
pub(crate) struct JwtKey {
    algorithm: JwtAlgorithm,
    kid: Kid,
    /// The first segment and its dot, which every token of this key starts with.
    header: String,
    suite: Suite,
}

enum Suite {
    Hs256(Mac),
    /// In a box: a key that is moved leaves copies behind.
    EdDsa(Box<Apart<SigningKey>>),
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
        let name = derive::jwt_kid(audience);
        let mut kid = Kid::default();
        let _ = URL_SAFE_NO_PAD.encode(&name, kid.as_mut_slice().as_out());
        let name = URL_SAFE_NO_PAD.encode_to_string(name);
        let alg = algorithm.as_str();
        let header = format!(r#"{{"alg":"{alg}","kid":"{name}","typ":"JWT"}}"#);
        let header = format!("{}.", URL_SAFE_NO_PAD.encode_to_string(header));
        let suite = match algorithm {
            JwtAlgorithm::Hs256 => Suite::Hs256(Mac::new(&derive::jwt_hs256(audience))),
            JwtAlgorithm::EdDsa => Suite::EdDsa(Box::new(Apart::new(ed25519(audience)))),
        };
        Self { algorithm, kid, header, suite }
    }

    pub(crate) fn kid(&self) -> Kid {
        self.kid
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
        payload.push(b'"');
        payload.extend_from_slice(STATE);
        write_state(&mut payload)?;
        if let Some(subject) = claims.subject {
            payload.extend_from_slice(SUBJECT);
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
            || !self.suite.verifies(jws.signed().as_bytes(), signature)
        {
            return Err(Reason::BadTag);
        }
        let opened = jws.read(|payload, state| {
            let claims = payload.claims(audience, state, more.saturating_add(state.len()))?;
            Some(Opened { claims, state })
        });
        opened.ok_or(Reason::BadClaims)
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

/// What a jwt's payload says, in the terms of every other token.
pub(crate) struct Opened<'a> {
    /// The claims as the other suites carry them, state included.
    pub(crate) claims: Vec<u8>,
    /// The state as it was written, which a renewal repeats to the byte.
    pub(crate) state: &'a str,
}

// The two members behind the session's id: where a payload is taken apart.
const STATE: &[u8] = br#","state":"#;
const SUBJECT: &[u8] = br#","sub":"#;
/// Characters of a session's id.
const ID_LEN: usize = 16;
/// Bytes that a payload without much of a state takes.
const USUAL_PAYLOAD: usize = 500;
/// Characters of a dot and an Ed25519 signature.
const LONGEST_SIGNATURE: usize = 87;
