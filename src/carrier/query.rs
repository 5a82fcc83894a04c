//! A parameter of the query string.

use http::Uri;

use super::Found;
use super::form::field;

/// The one value of a parameter, its name compared byte for byte after decoding.
pub(super) fn read(uri: &Uri, name: &str) -> Found<'static> {
    uri.query().map_or(Found::Nothing, |query| field(query.as_bytes(), name))
}
