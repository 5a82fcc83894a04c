//! What a token is in a request and in an answer: the lines that the library's own cookie makes of it.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use saddlebag_keys::UnixTime;

use super::issue::Made;
use crate::carrier::{Carrier, Cookie};

/// A token as cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ride {
    pub(super) cookies: usize,
    /// Bytes of the one line `Cookie: NAME=TOKEN`, its end included, which a browser sends with every request.
    pub(super) request: usize,
    /// Bytes of all lines `Set-Cookie: …` of an answer that carries it, their ends included.
    pub(super) answer: usize,
}

/// The name of the cookie.
pub(super) fn name() -> String {
    Cookie::default().name().to_owned()
}

/// A token as the usual cookie; as several where one does not hold it; `None` where they do not either.
pub(super) fn ride(made: &Made, now: UnixTime) -> Option<Ride> {
    let Made::Token(issued) = made else { return None };
    let carrier = Carrier::from(Cookie::default().chunked());
    let mut answer = HeaderMap::new();
    let seconds = issued.info.expires_at.since(now);
    carrier.write(&issued.token, seconds, &[], &mut answer).ok()?;
    let lines: Vec<&HeaderValue> = answer.get_all(SET_COOKIE).iter().collect();
    // A browser sends back what is before the attributes, and `; ` between cookies (RFC 6265, section 5.4).
    let pairs = lines
        .iter()
        .map(|line| line.as_bytes().iter().position(|byte| *byte == b';').unwrap_or(line.len()));
    let between = lines.len().saturating_sub(1).saturating_mul(SEPARATOR);
    let sent = lines.iter().map(|line| line_len(SET_COOKIE.as_str(), line.len()));
    Some(Ride {
        cookies: lines.len(),
        request: line_len(COOKIE.as_str(), pairs.fold(between, usize::saturating_add)),
        answer: sent.fold(0, usize::saturating_add),
    })
}

/// A line of HTTP/1.1: its name, `: `, its value, and its end.
fn line_len(name: &str, value: usize) -> usize {
    name.len().saturating_add(": \r\n".len()).saturating_add(value)
}

const SEPARATOR: usize = "; ".len();

#[cfg(test)]
mod tests {
    use super::super::issue::{Issuer, KINDS};
    use super::*;
    use crate::session::RawState;
    use crate::token::jwt::JwtAlgorithm;

    fn rides(text: usize) -> [(usize, Option<Ride>); 3] {
        let issuer = Issuer::new("default", JwtAlgorithm::Hs256, None, UnixTime::now()).unwrap();
        let state = RawState::of(&"x".repeat(text)).unwrap();
        KINDS.map(|kind| {
            let made = issuer.issue(&state, kind).unwrap();
            (made.characters(), ride(&made, issuer.now))
        })
    }

    #[test]
    fn one_cookie_is_its_name_and_its_token() {
        for (characters, ride) in rides(100) {
            let request = "Cookie: __Host-session=\r\n".len() + characters;
            let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900".len();
            let answer = request + "Set-".len() + attributes;
            assert_eq!(ride, Some(Ride { cookies: 1, request, answer }));
        }
    }

    #[test]
    fn several_cookies_are_one_line_of_a_request() {
        for (characters, ride) in rides(3_200) {
            let Ride { cookies, request, answer } = ride.unwrap();
            assert_eq!(cookies, 2);
            let head = "__Host-session.0=".len() + "set001".len();
            assert_eq!(request, "Cookie: ; \r\n".len() + 2 * head + characters);
            assert!(answer > request + 2 * 50);
        }
    }

    #[test]
    fn what_four_cookies_do_not_hold_rides_in_none() {
        assert_eq!(rides(7_000).map(|(_, ride)| ride), [None; 3]);
        let huge = rides(100_000);
        assert_eq!(huge.map(|(_, ride)| ride), [None; 3]);
        assert!(huge.iter().all(|(characters, _)| *characters > 130_000));
    }
}
