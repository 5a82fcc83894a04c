//! A JWS in its compact serialization (RFC 7515, section 7.1), taken apart, and nothing of it believed.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use memchr::memmem;
use saddlebag_keys::Audience;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{ID_LEN, JwtAlgorithm, STATE, SUBJECT};
use crate::token::claims::Claims;
use crate::token::format::decode_into;
use crate::token::state;

/// A compact serialization, taken apart, and nothing of it believed.
pub(crate) struct Jws<'a> {
    signed: &'a str,
    /// What the header, the payload and the signature spell, one behind the other; and then the payload without its state.
    bytes: Vec<u8>,
    payload: Range<usize>,
    signature: Range<usize>,
    /// Where in `bytes` the state is, where it is in its usual place.
    state: Option<Range<usize>>,
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
        let signature = payload.end..bytes.len();
        let state = set_apart(&mut bytes, &payload);
        Some(Self { signed, bytes, payload, signature, state })
    }

    /// Reads the payload and the text of its state by `read`, which judges the latter.
    pub(super) fn read<'s, T>(
        &'s self,
        read: impl Fn(Payload<'s>, &'s str) -> Option<T>,
    ) -> Option<T> {
        self.apart().and_then(|(payload, state)| read(payload, state)).or_else(|| {
            let payload: Payload<'_> = object(self.payload())?;
            let state = payload.state?.get();
            read(payload, state)
        })
    }

    /// The two where they can be read apart, which spares the state a pass to find its end. Whoever takes both for what they
    /// seem to be has a payload that is one as a whole: the rest is a JSON object of texts and numbers, in which the state
    /// was between two members, or behind the last.
    fn apart(&self) -> Option<(Payload<'_>, &str)> {
        let state = str::from_utf8(self.bytes.get(self.state.clone()?)?).ok()?;
        let payload: Payload<'_> = object(self.bytes.get(self.signature.end..)?)?;
        // JSON's white space, and no other.
        payload.state.is_none().then(|| (payload, state.trim_matches([' ', '\t', '\n', '\r'])))
    }

    /// The key that its header names, where that is a header of this algorithm.
    pub(crate) fn kid(&self, algorithm: JwtAlgorithm) -> Option<Cow<'_, str>> {
        let Header { alg, kid, typ } = object(self.bytes.get(..self.payload.start)?)?;
        (alg == algorithm.as_str() && typ == "JWT").then_some(kid)
    }

    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(self.payload.clone()).unwrap_or_default()
    }

    /// What is signed.
    pub(super) fn signed(&self) -> &str {
        self.signed
    }

    pub(super) fn signature(&self) -> &[u8] {
        self.bytes.get(self.signature.clone()).unwrap_or_default()
    }

    /// The audience it names and its claims, neither of which anybody has verified.
    #[cfg(feature = "server")]
    pub(crate) fn unverified(&self) -> Option<(String, Vec<u8>)> {
        self.read(|payload, state| {
            let audience = Audience::new(&payload.aud).ok()?;
            Some((audience.to_string(), payload.claims(&audience, state, 0)?))
        })
    }
}

/// Appends a payload without its state, and tells where that is: between `"state":` and the end, or the subject, as
/// [`JwtKey::sign`] writes it. Others write it elsewhere; and what is found here may be something else.
fn set_apart(bytes: &mut Vec<u8>, payload: &Range<usize>) -> Option<Range<usize>> {
    let whole = bytes.get(payload.clone())?;
    let name = memmem::find(whole, STATE)?;
    let start = name.saturating_add(STATE.len());
    // A payload that ends with its subject ends with a text.
    let tail = whole.len().saturating_sub(LONGEST_SUBJECT).max(start);
    let subject = whole.get(tail..).filter(|tail| tail.ends_with(b"\"}"));
    let subject = subject.and_then(|tail| memmem::rfind(tail, SUBJECT));
    let end = match subject {
        Some(at) => tail.saturating_add(at),
        // Not white space behind an object that was closed before.
        None => whole.strip_suffix(b"}")?.len(),
    };
    let at = |place: usize| payload.start.saturating_add(place);
    let (name, start, end) = (at(name), at(start), at(end));
    bytes.extend_from_within(payload.start..name);
    bytes.extend_from_within(end..payload.end);
    Some(start..end)
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
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    aud: Cow<'a, str>,
    iat: u64,
    exp: u64,
    auth_time: u64,
    ends: u64,
    rev: u32,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    /// `None` in what it was taken out of.
    #[serde(borrow, default, deserialize_with = "not_absent")]
    state: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "not_null")]
    sub: Option<Cow<'a, str>>,
}

/// A text, borrowed where it has no escapes: by itself serde makes a copy of it.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Payload<'_> {
    /// The claims as the other suites carry them, with room for so many bytes more.
    pub(super) fn claims(&self, audience: &Audience, json: &str, more: usize) -> Option<Vec<u8>> {
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
        let length = claims.most_len().saturating_add(json.len()).saturating_add(more);
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

/// `null` is a state.
fn not_absent<'de, D: Deserializer<'de>>(input: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(input).map(Some)
}

/// Bytes that most subjects take with their name: one is looked for in so many.
const LONGEST_SUBJECT: usize = 300;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MEMBERS: [&str; 8] = [
        r#""aud":"shop""#,
        r#""iat":1900000000"#,
        r#""exp":1900000900"#,
        r#""auth_time":1900000000"#,
        r#""ends":1900086400"#,
        r#""rev":0"#,
        r#""jti":"AAECAwQFBgcICQoL""#,
        r#""sub":"alice""#,
    ];
    const STATES: [&str; 12] = [
        "null",
        "1",
        r#""text,\"sub\":\"x""#,
        r#"{"a":{"b":[1,[2]]}}"#,
        r#"{"x":1,"state":{"sub":1},"sub":"y"}"#,
        r#"[{"a":1,"sub":"y"}]"#,
        r#""ends as a subject does""#,
        r#"{"é":"漢"}"#,
        " [ ] ",
        "\x0c{}",
        r#"{"a":1},"sub":"mallory""#,
        r#"1,"state":2"#,
    ];

    fn jws(payload: &str) -> Option<Jws<'static>> {
        let text = format!("e30.{}.e30", URL_SAFE_NO_PAD.encode_to_string(payload));
        Jws::parse(text.leak())
    }

    type Read = Option<(Vec<u8>, String)>;

    fn read(jws: &Jws<'_>) -> Read {
        let audience = Audience::new("shop").unwrap();
        jws.read(|payload, state| Some((payload.claims(&audience, state, 0)?, state.to_owned())))
    }

    /// What is read, in its two parts where they are in their places, and what is read of it as a whole.
    fn both(payload: &str) -> (Read, Read) {
        let apart = jws(payload).unwrap();
        let mut whole = jws(payload).unwrap();
        whole.state = None;
        (read(&apart), read(&whole))
    }

    #[test]
    fn a_payload_is_read_apart_where_its_state_is_in_its_place() {
        for (state, with_subject) in [("null", true), (r#"{"a":"x"}"#, false), (r#""x""#, false)] {
            let members = MEMBERS[..7].join(",");
            let subject = if with_subject { r#","sub":"alice""# } else { "" };
            let payload = format!(r#"{{{members},"state":{state}{subject}}}"#);
            let jws = jws(&payload).unwrap();
            let (payload, found) = jws.apart().unwrap();
            assert_eq!((found, payload.sub.is_some()), (state, with_subject));
            assert!(read(&jws).is_some_and(|(_, text)| text == state), "{state}");
        }
    }

    proptest! {
        /// Whatever is read in two parts is read as a whole, too, and as the same.
        #[test]
        fn a_payload_is_read_apart_as_it_is_whole(
            members in Just(MEMBERS.to_vec()).prop_shuffle(),
            count in 7..=8_usize,
            state in prop::sample::select(&STATES[..]),
            at in 0..=8_usize,
            last in any::<bool>(),
            white in any::<bool>(),
            cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
            again in prop::option::weighted(0.2, prop::sample::select(&STATES[..])),
            // The object's end before its state, or none.
            end in prop::sample::select(&["}", "}", "}", "", "} ", "}}"][..]),
            closed in prop::bool::weighted(0.2),
            behind in prop::sample::select(&["", "", "\n", " ", "\t", "\r", "\x0c", "}"][..]),
        ) {
            let mut members: Vec<String> = members.into_iter().map(str::to_owned).collect();
            if last {
                // As an issuer has them, where it is not cut.
                members = MEMBERS.map(str::to_owned).to_vec();
            }
            members.truncate(count);
            let at = if last { 7 } else { at.min(members.len()) };
            members.insert(at, format!(r#""state":{state}"#));
            if closed && let Some(before) = at.checked_sub(1) {
                members[before].push('}');
            }
            if let Some(again) = again {
                members.push(format!(r#""state":{again}"#));
            }
            let comma = if white { ", " } else { "," };
            let mut payload = format!("{{{}{end}{behind}", members.join(comma));
            if let Some(cut) = cut {
                let cut = cut.index(payload.len());
                if payload.is_char_boundary(cut) {
                    payload.truncate(cut);
                }
            }
            let (apart, whole) = both(&payload);
            prop_assert_eq!(apart, whole, "{}", payload);
        }
    }

    /// What was in front of the state was an object, and the last byte was taken for the end of a whole one.
    #[test]
    fn an_object_with_a_state_and_white_space_behind_it_is_no_payload() {
        let members = MEMBERS[..7].join(",");
        for behind in ["\n", " ", "\t", "\r", "", "}", "} ", "\x0c"] {
            let (apart, whole) = both(&format!(r#"{{{members}}},"state":null{behind}"#));
            assert_eq!((apart, whole), (None, None), "{behind:?}");
        }
    }

    #[test]
    fn no_member_is_hidden_in_a_state() {
        let members = MEMBERS[..7].join(",");
        for state in ["\x0c{}", r#"1,"state":2"#, r#"{"a":1},"sub":"mallory","sub":"alice""#, ""] {
            let (apart, whole) = both(&format!(r#"{{{members},"state":{state}}}"#));
            assert_eq!((apart, whole), (None, None), "{state}");
        }
        // The subject of whoever signed it, not of a state.
        let state = r#"{"a":1,"sub":"mallory"}"#;
        let (apart, whole) = both(&format!(r#"{{{members},"state":{state},"sub":"alice"}}"#));
        assert_eq!(apart, whole);
        assert_eq!(apart.unwrap().1, state);
    }
}
