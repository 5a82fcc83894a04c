//! What a service says of the session in its answer: `X-Session-Set`, `-Subject`, `-Rotate`, `-Destroy`.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::SET_COOKIE;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::refusal::Refusal;
use crate::carrier::Cookie;
use crate::gateway::identity::{self, ENCODING, SUBJECT};
use crate::middleware::{RawSession, Session};
use crate::session::{RawState, Verified};

/// What is to become of a session.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Returned {
    state: Option<RawState>,
    /// `Some(None)`: nobody's from now on.
    subject: Option<Option<String>>,
    rotate: bool,
    destroy: bool,
}

impl Returned {
    /// Reads it, and takes it away: no client ever sees it.
    pub(super) fn take(headers: &mut HeaderMap) -> Result<Self, Refusal> {
        // Most answers say nothing: one walk knows.
        if !headers.keys().any(|name| identity::is_ours(name.as_str())) {
            return Ok(Self::default());
        }
        let read = Self::read(headers);
        identity::strip(headers);
        read.map_err(Refusal::InvalidHeader)
    }

    fn read(headers: &HeaderMap) -> Result<Self, String> {
        let encoding = one(headers, &ENCODING)?.map(HeaderValue::to_str).transpose();
        let encoding = encoding.map_err(|_| "X-Session-Encoding: no ASCII")?.unwrap_or_default();
        let encoded: Vec<&str> =
            encoding.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if let Some(unknown) = encoded.iter().find(|name| !["set", "subject"].contains(name)) {
            return Err(format!("X-Session-Encoding: {unknown:?} is neither set nor subject"));
        }
        let text = |name: &HeaderName, key| -> Result<Option<String>, String> {
            let Some(value) = one(headers, name)? else { return Ok(None) };
            let bytes = match encoded.contains(&key) {
                true => BASE64_URL_SAFE_NO_PAD.decode(value).map_err(|error| error.to_string()),
                false => Ok(value.as_bytes().to_vec()),
            };
            let text = bytes.and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())
            });
            text.map(Some).map_err(|error| format!("{name}: {error}"))
        };
        let state = text(&SET, "set")?.map(|text| {
            // Where in a state it is wrong is the state's own, and in no log.
            let state = RawState::from_json_text(&text);
            state.map_err(|error| format!("{SET}: {}", error.kind()))
        });
        let subject =
            text(&SUBJECT, "subject")?.map(|text| Some(text).filter(|text| !text.is_empty()));
        if let Some(Some(subject)) = &subject
            && subject.len() > LONGEST_SUBJECT
        {
            return Err(format!("{SUBJECT}: it has more than {LONGEST_SUBJECT} bytes"));
        }
        Ok(Self {
            state: state.transpose()?,
            subject,
            rotate: is_true(headers, &ROTATE)?,
            destroy: is_true(headers, &DESTROY)?,
        })
    }

    /// Does it to the session of a request, with an answer of this status.
    pub(super) fn apply(
        mut self,
        status: StatusCode,
        came: Came,
        extensions: &Extensions,
    ) -> Result<(), Refusal> {
        // What a service that failed has changed is as far as it got; an end is an end.
        if self == Self::default() || (status.is_server_error() && !self.destroy) {
            return Ok(());
        }
        if !self.destroy
            && let Ok(session) = RawSession::<RawState>::from_extensions(extensions)
        {
            self.look_at(&session, came)?;
        }
        let mut session = Session::undecoded(extensions).map_err(|_| Refusal::NotCarried)?;
        if self.destroy {
            session.destroy();
            return Ok(());
        }
        if let Some(state) = self.state {
            *session = state;
        }
        if let Some(subject) = self.subject {
            session.set_subject(subject.as_deref());
        }
        if self.rotate {
            session.rotate_id();
        }
        Ok(())
    }

    /// That it can be done to the session that came, by a service which knew what it does.
    fn look_at(&mut self, session: &Verified, came: Came) -> Result<(), Refusal> {
        if came.untold {
            let is_login =
                matches!(self.subject, Some(Some(_))) || (self.rotate && self.state.is_some());
            if !is_login {
                return Err(Refusal::Untold);
            }
            // A login: nothing of what the service was not told of goes on.
            self.state.get_or_insert_with(RawState::none);
            self.subject.get_or_insert(None);
            self.rotate = true;
        }
        match came.as_bearer && self.changes(session) {
            true => Err(Refusal::CameAsBearer),
            false => Ok(()),
        }
    }

    fn changes(&self, session: &Verified) -> bool {
        let subject = self.subject.as_ref().map(Option::as_deref);
        self.rotate
            || subject.is_some_and(|subject| subject != session.subject())
            || self.state.as_ref().is_some_and(|state| state.as_cbor() != session.state_cbor())
    }
}

/// What is known of a request's session, where it came with one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    /// It came as a bearer token, which no answer can replace.
    pub(super) as_bearer: bool,
    /// The path is public: the service was told of none.
    pub(super) untold: bool,
}

/// Takes away what a service sets of the session's own cookies: the sidecar alone does.
pub(super) fn stop_cookies(headers: &mut HeaderMap, cookie: &Cookie) {
    let is_ours = |line: &HeaderValue| {
        let pair = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        // A cookie without a name is sent as its value alone, and read as whatever that says.
        let is_ignored = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
        let start = pair.iter().position(|byte| !is_ignored(byte)).unwrap_or(pair.len());
        cookie.is_part(pair.get(start..).unwrap_or_default())
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_ours) {
        return;
    }
    tracing::warn!(name = cookie.name(), "the service sets the session's cookie itself: dropped");
    let kept: Vec<HeaderValue> =
        headers.get_all(SET_COOKIE).iter().filter(|line| !is_ours(line)).cloned().collect();
    headers.remove(SET_COOKIE);
    kept.into_iter().for_each(|line| {
        headers.append(SET_COOKIE, line);
    });
}

/// A header that is there at most once, which each spelling of its name counts for.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(format!("{name}: it is there twice")),
    }
}

fn is_true(headers: &HeaderMap, name: &HeaderName) -> Result<bool, String> {
    match one(headers, name)?.map(|value| value.as_bytes().to_ascii_lowercase()).as_deref() {
        None | Some(b"" | b"false" | b"0") => Ok(false),
        Some(b"true" | b"1") => Ok(true),
        Some(_) => Err(format!("{name}: it is neither true nor false")),
    }
}

const SET: HeaderName = HeaderName::from_static("x-session-set");
const ROTATE: HeaderName = HeaderName::from_static("x-session-rotate");
const DESTROY: HeaderName = HeaderName::from_static("x-session-destroy");
const LONGEST_SUBJECT: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn state(json: &str) -> Option<RawState> {
        Some(RawState::from_json(json.as_bytes()).unwrap())
    }

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_a_service_says_is_read_and_taken_away() {
        let set = BASE64_URL_SAFE_NO_PAD.encode(r#"{"name":"Ä"}"#);
        for (rows, returned) in [
            (&[][..], Returned::default()),
            (
                &[("x-session-set", r#"{"a":1}"#)],
                Returned { state: state(r#"{"a":1}"#), ..Returned::default() },
            ),
            (
                &[("x-session-set", "null")],
                Returned { state: state("null"), ..Returned::default() },
            ),
            (
                &[("x-session-set", &set), ("x-session-encoding", "set")],
                Returned { state: state(r#"{"name":"Ä"}"#), ..Returned::default() },
            ),
            (&[("x-session-subject", "")], Returned { subject: Some(None), ..Returned::default() }),
            (
                &[("x-session-subject", "alice"), ("x-session-rotate", "TRUE")],
                Returned {
                    subject: Some(Some("alice".to_owned())),
                    rotate: true,
                    ..Returned::default()
                },
            ),
            (&[("x-session-destroy", "1")], Returned { destroy: true, ..Returned::default() }),
            (&[("x-session-destroy", "false"), ("x-session-rotate", "")], Returned::default()),
        ] {
            let mut headers = headers(rows);
            headers.append("x_session.set", HeaderValue::from_static("another spelling"));
            assert_eq!(Returned::take(&mut headers), Ok(returned), "{rows:?}");
            assert!(headers.is_empty(), "{headers:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let long = "a".repeat(256);
        for (rows, told) in [
            (&[("x-session-set", "{")][..], "x-session-set"),
            (&[("x-session-set", "1"), ("x-session-set", "1")], "twice"),
            (&[("x-session-set", r#"{"a":1,"a":2}"#)], "x-session-set"),
            (&[("x-session-set", "!"), ("x-session-encoding", "set")], "x-session-set"),
            (&[("x-session-set", "_w"), ("x-session-encoding", "set")], "UTF-8"),
            (&[("x-session-encoding", "state")], "\"state\""),
            (&[("x-session-rotate", "yes")], "neither true nor false"),
            (&[("x-session-subject", &long)], "255 bytes"),
        ] {
            let refused = Returned::take(&mut headers(rows)).unwrap_err();
            assert!(
                matches!(&refused, Refusal::InvalidHeader(why) if why.contains(told)),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn no_service_sets_the_sessions_cookie() {
        let lines = [
            ("a=b; Path=/", true),
            ("__Host-session=x; Secure", false),
            (" __Host-session =x", false),
            ("=__Host-session=x", false),
            ("= \t=__Host-session=x", false),
            ("__Host-session.0=x", false),
            ("__Host-session.ended=x", false),
            ("__Host-session", false),
            ("__Host-session2=x", true),
            ("session=__Host-session=x", true),
        ];
        let mut headers = headers(&lines.map(|(line, _)| ("set-cookie", line)));
        stop_cookies(&mut headers, &Cookie::default());
        let left: Vec<_> =
            headers.get_all(SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        let kept: Vec<_> = lines.iter().filter(|(_, kept)| *kept).map(|(line, _)| *line).collect();
        assert_eq!(left, kept);
    }
}
