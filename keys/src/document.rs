//! The ring as JSON, `saddlebag-ring/1`: versioned, strict, and closed by a digest.
//!
//! Reading takes exactly what writing makes (white space and the order of members apart): unknown,
//! missing and duplicate members, other spellings of base64url, times and numbers are refused with
//! the place, and never with a byte of a secret.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::audience::Audience;
use crate::clock::UnixTime;
use crate::key::{Key, KeyId};
use crate::policy::Policy;
use crate::ring::{InvalidRing, KeyRing, LARGEST_NUMBER};
use crate::secret::{SECRET_LEN, Secret};

/// The value of the member `format`.
pub const FORMAT: &str = "saddlebag-ring/1";

/// The largest document that is read, in bytes. 32 keys take a seventh of it.
pub const MAX_LEN: usize = 64 * 1024;

/// Reads a ring.
///
/// # Errors
///
/// [`InvalidDocument`] says where and why, without a byte of a secret.
pub fn parse(text: &[u8]) -> Result<KeyRing, InvalidDocument> {
    if text.len() > MAX_LEN {
        return Err(InvalidDocument(Problem::TooLong { length: text.len() }));
    }
    let Object(document): Object<Document> =
        serde_json::from_slice(text).map_err(|error| syntax(&error))?;
    let Object(policy) = document.policy;
    if document.format.0 != FORMAT {
        // What is longer than any format may be a secret that was pasted there.
        let format = Some(document.format.0).filter(|format| format.len() <= LONGEST_SLIP);
        return Err(InvalidDocument(Problem::Format { format }));
    }
    let digest = document.digest.0;
    let ring = KeyRing {
        name: document.name.0,
        generation: document.generation.0,
        audience: document.audience,
        policy: Policy {
            rotate_every: policy.rotate_every.0,
            publish_ahead: policy.publish_ahead.0,
            max_token_lifetime: policy.max_token_lifetime.0,
            max_session_lifetime: policy.max_session_lifetime.0,
            clock_skew: policy.clock_skew.0,
        },
        keys: document.keys.into_iter().map(|Object(key)| Key::from(key)).collect(),
    };
    // Before the digest: a slip of an editor is better named than "the digest does not match".
    let ring = ring.validated().map_err(|invalid| InvalidDocument(Problem::Ring(invalid)))?;
    for key in &ring.keys {
        if let Some(weakness) = key.secret.weakness() {
            let reason = weakness.to_string();
            return Err(InvalidDocument(Problem::Weak { id: key.id, reason }));
        }
    }
    if self::digest(&ring) != **digest {
        return Err(InvalidDocument(Problem::Digest));
    }
    Ok(ring)
}

/// Writes a ring, indented, with a line feed at the end.
pub fn to_json(ring: &KeyRing) -> Zeroizing<Vec<u8>> {
    let digest = BASE64_URL_SAFE_NO_PAD.encode(digest(ring));
    written(&Whole { ring, digest: Some(&digest) }, true)
}

/// SHA-256 of the RFC 8785 form of the document without its member `digest`. It finds truncation and
/// slips of an editor; it is no authentication.
pub fn digest(ring: &KeyRing) -> [u8; 32] {
    Sha256::digest(&written(&Whole { ring, digest: None }, false)[..]).into()
}

/// A document that is no ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDocument(Problem);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    TooLong { length: usize },
    Json { line: usize, column: usize, reason: String },
    Format { format: Option<String> },
    Ring(InvalidRing),
    Weak { id: KeyId, reason: String },
    Digest,
}

impl fmt::Display for InvalidDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::TooLong { length } => {
                write!(f, "{length} bytes, more than the {MAX_LEN} of a ring")
            }
            Problem::Json { line, column, reason } => {
                write!(f, "line {line}, column {column}: {reason}")
            }
            Problem::Format { format: Some(format) } => {
                write!(f, "format is {format:?}, not {FORMAT:?}")
            }
            Problem::Format { format: None } => write!(f, "format is not {FORMAT:?}"),
            Problem::Ring(invalid) => invalid.fmt(f),
            Problem::Weak { id, reason } => write!(f, "the secret of key {id} is weak: {reason}"),
            Problem::Digest => f.write_str(
                "the digest does not match: the document was cut or edited after it was written",
            ),
        }
    }
}

impl std::error::Error for InvalidDocument {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Problem::Ring(invalid) => Some(invalid),
            _ => None,
        }
    }
}

/// serde_json's own words may quote the input, and the input holds secrets: a quoted value is left
/// out, and the name of an unknown member where it is too long to be a slip.
fn syntax(error: &serde_json::Error) -> InvalidDocument {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    // The name may hold whatever serde_json puts around it.
    let named = text.strip_prefix("unknown field `");
    let member = named.map(|rest| rest.rsplit_once("`, expected").map_or(rest, |(name, _)| name));
    let reason = match (member, text.split_once(':')) {
        (Some(member), _) if member.len() > LONGEST_SLIP => "unknown field",
        (_, Some((kind, _))) if text.contains('"') => kind,
        _ => text,
    };
    let reason = reason.to_owned();
    InvalidDocument(Problem::Json { line: error.line(), column: error.column(), reason })
}

const LONGEST_SLIP: usize = 24;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: Text,
    name: Text,
    generation: Number,
    #[serde(deserialize_with = "audience_or_null")]
    audience: Option<Audience>,
    policy: Object<PolicyDocument>,
    keys: Vec<Object<KeyDocument>>,
    digest: Bytes<32>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyDocument {
    rotate_every: Number,
    publish_ahead: Number,
    max_token_lifetime: Number,
    max_session_lifetime: Number,
    clock_skew: Number,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    id: Bytes<4>,
    secret: Bytes<SECRET_LEN>,
    created_at: Time,
    activates_at: Time,
    // `deserialize_with`: a missing member is an error, not a null.
    #[serde(deserialize_with = "time_or_null")]
    drains_until: Option<Time>,
    #[serde(deserialize_with = "time_or_null")]
    revoked_at: Option<Time>,
}

impl From<KeyDocument> for Key {
    fn from(key: KeyDocument) -> Self {
        Self {
            id: KeyId::from_bytes(**key.id.0),
            secret: Secret::from_bytes(**key.secret.0),
            created_at: key.created_at.0,
            activates_at: key.activates_at.0,
            drains_until: key.drains_until.map(|time| time.0),
            revoked_at: key.revoked_at.map(|time| time.0),
        }
    }
}

struct Text(String);
struct Number(u64);
struct Time(UnixTime);
/// Boxed for the same reason as a [`Secret`].
struct Bytes<const N: usize>(Box<Zeroizing<[u8; N]>>);

/// A JSON object: serde would take an array of the members' values for a struct, too.
struct Object<T>(T);

/// Reads one member from a JSON string or number, with errors that never quote it.
struct Member<F> {
    expected: &'static str,
    from_str: F,
}

impl<'de, T, F: FnOnce(&str) -> Option<T>> Visitor<'de> for Member<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.from_str)(text).ok_or_else(|| E::custom(format_args!("not {}", self.expected)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }
        input.deserialize_map(Members(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let from_str = |text: &str| Some(Self(text.to_owned()));
        input.deserialize_str(Member { expected: "a text", from_str })
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let from_str = |text: &str| text.parse().ok().map(Self);
        input.deserialize_str(Member { expected: "a time like 2026-01-31T00:00:00Z", from_str })
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let from_str = |text: &str| {
            // base64 wants room for a whole last group before it knows how long the answer is.
            let mut room = Zeroizing::new([0; 36]);
            let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut room[..]).ok()?;
            let bytes = room.get(..length)?.try_into().ok()?;
            Some(Self(Box::new(Zeroizing::new(bytes))))
        };
        let expected = match N {
            4 => "4 bytes as base64url without padding",
            _ => "32 bytes as base64url without padding",
        };
        input.deserialize_str(Member { expected, from_str })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Integer;
        impl Visitor<'_> for Integer {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer from 0 to 2^53 - 1")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                if number > LARGEST_NUMBER {
                    return Err(E::custom("not an integer from 0 to 2^53 - 1"));
                }
                Ok(Number(number))
            }
        }
        input.deserialize_u64(Integer)
    }
}

fn audience_or_null<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Audience>, D::Error> {
    let text: Option<Text> = Option::deserialize(input)?;
    text.map(|text| Audience::new(&text.0).map_err(|_| de::Error::custom("not an audience")))
        .transpose()
}

fn time_or_null<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Time>, D::Error> {
    Option::deserialize(input)
}

/// The document, its members in the order of their names, so that written without white space it is
/// the RFC 8785 form: every member name and every number has one spelling already.
struct Whole<'a> {
    ring: &'a KeyRing,
    digest: Option<&'a str>,
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let Self { ring, digest } = self;
        let keys: Vec<KeyMembers<'_>> = ring.keys.iter().map(KeyMembers).collect();
        let mut members = output.serialize_struct("ring", 7)?;
        members.serialize_field("audience", &ring.audience.as_ref().map(Audience::as_str))?;
        if let Some(digest) = digest {
            members.serialize_field("digest", digest)?;
        }
        members.serialize_field("format", FORMAT)?;
        members.serialize_field("generation", &ring.generation)?;
        members.serialize_field("keys", &keys)?;
        members.serialize_field("name", &ring.name)?;
        members.serialize_field("policy", &PolicyMembers(&ring.policy))?;
        members.end()
    }
}

struct KeyMembers<'a>(&'a Key);

impl Serialize for KeyMembers<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let Self(key) = self;
        let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(key.secret.expose()));
        let text = |time: Option<UnixTime>| time.map(|time| time.to_string());
        let mut members = output.serialize_struct("key", 6)?;
        members.serialize_field("activates_at", &text(Some(key.activates_at)))?;
        members.serialize_field("created_at", &text(Some(key.created_at)))?;
        members.serialize_field("drains_until", &text(key.drains_until))?;
        members.serialize_field("id", &key.id.to_string())?;
        members.serialize_field("revoked_at", &text(key.revoked_at))?;
        members.serialize_field("secret", &*secret)?;
        members.end()
    }
}

struct PolicyMembers<'a>(&'a Policy);

impl Serialize for PolicyMembers<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        let Self(policy) = self;
        let mut members = output.serialize_struct("policy", 5)?;
        members.serialize_field("clock_skew", &policy.clock_skew)?;
        members.serialize_field("max_session_lifetime", &policy.max_session_lifetime)?;
        members.serialize_field("max_token_lifetime", &policy.max_token_lifetime)?;
        members.serialize_field("publish_ahead", &policy.publish_ahead)?;
        members.serialize_field("rotate_every", &policy.rotate_every)?;
        members.end()
    }
}

fn written(document: &Whole<'_>, pretty: bool) -> Zeroizing<Vec<u8>> {
    // Room for all of it at once: a buffer that grows leaves copies of secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN));
    let result = if pretty {
        serde_json::to_writer_pretty(&mut *text, document)
    } else {
        serde_json::to_writer(&mut *text, document)
    };
    debug_assert!(result.is_ok(), "texts and integers always serialize");
    if pretty {
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::string_slice)]
mod tests;
