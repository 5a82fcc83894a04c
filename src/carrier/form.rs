//! A field of a posted form, `application/x-www-form-urlencoded`; a query string is written the same way.

use std::borrow::Cow;

use super::{Found, Text, one};

/// The one value of a field, its name compared byte for byte after decoding.
pub(crate) fn field(form: &[u8], name: &str) -> Found<'static> {
    let fields =
        form_urlencoded::parse(form).filter(|(key, value)| key == name && !value.is_empty());
    let found = one(fields.map(|(_, value)| value));
    found.map(|value| value.map(|value| Text(Cow::Owned(value.into_owned().into_bytes())))).into()
}

/// Bytes of a form that are read: as much as axum takes of a body.
pub(crate) const FORM_LIMIT: usize = 2 * 1024 * 1024;
