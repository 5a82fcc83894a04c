//! A header of the application's own, in requests and in answers.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Found, Text, TooLarge, one};

pub(super) fn read<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Found<'a> {
    let found = one(headers.get_all(name).iter().filter(|value| !value.is_empty()));
    found.map(|value| value.map(|value| Text(Cow::Borrowed(value.as_bytes())))).into()
}

pub(super) fn write(
    token: &str,
    name: &HeaderName,
    answer: &mut HeaderMap,
) -> Result<(), TooLarge> {
    // A token is base64url and dots.
    if let Ok(mut value) = HeaderValue::from_str(token) {
        value.set_sensitive(true);
        answer.insert(name, value);
    }
    Ok(())
}

/// An empty value: there is no session any more.
pub(super) fn clear(name: &HeaderName, answer: &mut HeaderMap) {
    answer.insert(name, HeaderValue::from_static(""));
}
