//! The headers in which a service behind a proxy learns of a session.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::session::Verified;
use crate::token::state::StateError;

/// What a service is told: 16 characters of base64url.
pub(crate) const ID: HeaderName = HeaderName::from_static("x-session-id");
/// Whose session it is.
pub(crate) const SUBJECT: HeaderName = HeaderName::from_static("x-session-subject");
/// When its token ends, RFC 3339.
pub(crate) const EXPIRES: HeaderName = HeaderName::from_static("x-session-expires");
/// Its state as JSON.
pub(crate) const STATE: HeaderName = HeaderName::from_static("x-session-state");
/// Which of `subject` and `state` are in base64url, because a header cannot hold them as they are.
pub(crate) const ENCODING: HeaderName = HeaderName::from_static("x-session-encoding");

/// All that a service is told.
pub(crate) const NAMES: [HeaderName; 5] = [ID, SUBJECT, EXPIRES, STATE, ENCODING];

/// Every name that is ours, in requests and in answers.
const OURS: [&str; 8] = [
    "x-session-id",
    "x-session-subject",
    "x-session-expires",
    "x-session-state",
    "x-session-encoding",
    "x-session-set",
    "x-session-rotate",
    "x-session-destroy",
];

/// Bytes of all values but the state, mostly.
const REST: usize = 96;

/// Takes away every header that a service might read as one of ours: servers turn names into variables, where
/// `X_Session.Id` and `x-session-id` are the same.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> =
        headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
    for name in ours {
        headers.remove(&name);
    }
}

/// Whether a name is one of ours once it is in lower case and each other byte than a letter or digit is a dash.
pub(crate) fn is_ours(name: &str) -> bool {
    // Most names do not begin so.
    name.len() > 10
        && name.as_bytes().first().is_some_and(|first| first.eq_ignore_ascii_case(&b'x'))
        && OURS.iter().any(|ours| ours.len() == name.len() && begins_as(name, ours))
}

/// Whether a name, read as [`is_ours`] reads it, begins with one that has this form already.
pub(crate) fn begins_as(name: &str, plain: &str) -> bool {
    let read = |byte: u8| match byte.to_ascii_lowercase() {
        letter @ (b'a'..=b'z' | b'0'..=b'9') => letter,
        _ => b'-',
    };
    name.len() >= plain.len() && plain.bytes().eq(name.bytes().take(plain.len()).map(read))
}

/// Writes every header of a session, each exactly once, and each empty where there is nothing to say.
///
/// # Errors
///
/// [`StateError`] where the state cannot be shown: such a session is none.
pub(crate) fn write(
    session: Option<&Verified>,
    with_state: bool,
    headers: &mut HeaderMap,
) -> Result<(), StateError> {
    let mut encoded = Vec::new();
    let state = match session.filter(|_| with_state) {
        Some(session) => session.state_json()?,
        None => String::new(),
    };
    let subject = session.and_then(Verified::subject).unwrap_or_default();
    let subject = safe(subject, "subject", &mut encoded);
    let state = safe(&state, "state", &mut encoded);
    let info = session.map(Verified::info);
    // In one piece of memory: copies of a request, which may be asked twice, cost by the piece.
    let mut all = String::with_capacity(REST.saturating_add(state.len()));
    let mut part = |value: &dyn Display| {
        let start = all.len();
        // Memory takes it.
        let _ = write!(all, "{value}");
        start..all.len()
    };
    let parts = [
        (ID, part(info.map_or(&"", |info| &info.id))),
        (SUBJECT, part(&subject)),
        (EXPIRES, part(info.map_or(&"", |info| &info.expires_at))),
        (STATE, part(&state)),
        (ENCODING, part(&encoded.join(", "))),
    ];
    let all = Bytes::from(all);
    for (name, part) in parts {
        let value = HeaderValue::from_maybe_shared(all.slice(part));
        // All of them are visible ASCII by now.
        headers.insert(name, value.unwrap_or(const { HeaderValue::from_static("") }));
    }
    Ok(())
}

/// The text as it is where a header can hold it, or in base64url, noted under its name.
fn safe<'a>(text: &'a str, name: &'static str, encoded: &mut Vec<&'static str>) -> Cow<'a, str> {
    // To the end, whatever is in it: many bytes at once.
    let is_visible = |fits: bool, byte: u8| fits & (b' '..=b'~').contains(&byte);
    if text.bytes().fold(true, is_visible) && text.trim() == text {
        return text.into();
    }
    encoded.push(name);
    BASE64_URL_SAFE_NO_PAD.encode(text).into()
}

#[cfg(test)]
mod tests {
    use saddlebag_keys::{KeyRingHandle, Policy, UnixTime, rotation};

    use super::*;
    use crate::tokens::{NewSession, Tokens};

    fn tokens() -> Tokens {
        let now = UnixTime::now();
        let plan = rotation::init("test", Policy::default(), now, &mut rand::rngs::SysRng).unwrap();
        Tokens::builder(KeyRingHandle::fixed(plan.ring)).build().unwrap()
    }

    fn written(session: NewSession<'_>, with_state: bool) -> HeaderMap {
        let tokens = tokens();
        let verified = tokens.verify(&tokens.issue(session).unwrap().token).unwrap();
        let mut headers = HeaderMap::new();
        write(Some(&verified), with_state, &mut headers).unwrap();
        assert_eq!(headers[ID], verified.info().id.to_string());
        headers
    }

    /// T38: every separator that a header's name may have, in every case.
    #[test]
    fn whatever_a_service_may_read_as_ours_is_taken_away() {
        let mut seen = 0;
        for ours in OURS {
            for separator in 0..=255_u8 {
                let bytes = ours.bytes().map(|byte| if byte == b'-' { separator } else { byte });
                let name: Vec<u8> = bytes.collect();
                let Ok(name) = HeaderName::from_bytes(&name) else { continue };
                if separator.is_ascii_alphanumeric() {
                    continue;
                }
                seen += 1;
                let mut headers = HeaderMap::new();
                headers.append(&name, HeaderValue::from_static("forged"));
                headers.append(name, HeaderValue::from_static("twice"));
                headers.append("x-sessions-id", HeaderValue::from_static("another's"));
                headers.append("x-session", HeaderValue::from_static("another's"));
                strip(&mut headers);
                assert_eq!(headers.len(), 2, "{headers:?}");
            }
        }
        assert!(seen > 100, "{seen}");
        for name in ["X_Session-Id", "X.SESSION_SUBJECT", "x~session~state"] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["x-session-idx", "xx-session-id", "x-session", "session-id", "x-session0id"] {
            assert!(!is_ours(name), "{name}");
        }
    }

    #[test]
    fn every_header_is_written_and_what_does_not_fit_is_encoded() {
        let mut headers = HeaderMap::new();
        write(None, true, &mut headers).unwrap();
        for name in [ID, SUBJECT, EXPIRES, STATE, ENCODING] {
            assert_eq!(headers[name], "");
        }
        let headers = written(NewSession::of(&["a b"]).subject("alice"), true);
        assert_eq!(headers[SUBJECT], "alice");
        assert_eq!(headers[STATE], r#"["a b"]"#);
        assert_eq!(headers[ENCODING], "");
        assert!(headers[EXPIRES].to_str().unwrap().ends_with('Z'));
        let headers = written(NewSession::of("ä").subject(" alice\r\nX-Admin: yes"), true);
        assert_eq!(headers[SUBJECT], BASE64_URL_SAFE_NO_PAD.encode(" alice\r\nX-Admin: yes"));
        assert_eq!(headers[STATE], BASE64_URL_SAFE_NO_PAD.encode("\"ä\""));
        assert_eq!(headers[ENCODING], "subject, state");
        // Not shown unless asked for.
        assert_eq!(written(NewSession::of("secret"), false)[STATE], "");
    }
}
