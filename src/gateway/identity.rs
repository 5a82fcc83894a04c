//! The headers in which a service behind a proxy learns of a session.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
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
    let id = session.map(|session| session.info().id.to_string());
    let expires = session.map(|session| session.info().expires_at.to_string());
    let subject = session.and_then(Verified::subject).unwrap_or_default();
    let state = match session.filter(|_| with_state) {
        Some(session) => session.state_json()?,
        None => String::new(),
    };
    let subject = safe(subject, "subject", &mut encoded);
    let state = safe(&state, "state", &mut encoded);
    for (name, value) in [
        (ID, id.unwrap_or_default().into()),
        (SUBJECT, subject),
        (EXPIRES, expires.unwrap_or_default().into()),
        (STATE, state),
        (ENCODING, encoded.join(", ").into()),
    ] {
        // All of them are visible ASCII by now.
        let value = HeaderValue::from_str(&value).unwrap_or(const { HeaderValue::from_static("") });
        headers.insert(name, value);
    }
    Ok(())
}

/// The text as it is where a header can hold it, or in base64url, noted under its name.
fn safe<'a>(text: &'a str, name: &'static str, encoded: &mut Vec<&'static str>) -> Cow<'a, str> {
    let fits = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim() == text;
    if fits {
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
