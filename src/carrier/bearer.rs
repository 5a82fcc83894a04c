//! `Authorization: Bearer TOKEN`.

use std::borrow::Cow;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::{Found, Text, Unread};

/// The token of the one `Authorization` header; another scheme is nobody's session.
pub(super) fn read(headers: &HeaderMap) -> Found<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Found::Nothing;
    };
    // Two headers, even equal ones, are a request that two parsers may read in two ways (RFC 9110, section 5.3).
    if values.next().is_some() {
        return Found::Unread(Unread::Ambiguous);
    }
    bearer(value).map_or(Found::Nothing, |token| Found::Text(Text(Cow::Borrowed(token.as_bytes()))))
}

/// What follows `Bearer` and its spaces: one or more (RFC 9110, section 11.4). The scheme has no case.
fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim_start_matches(' '))
}
