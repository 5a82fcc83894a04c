//! Where a body ends: one way to say it, or none. hyper takes any list of codings whose last is `chunked`; what
//! another server on the way makes of the rest of such a list nobody knows.

use axum::http::HeaderMap;
use axum::http::header::TRANSFER_ENCODING;

/// Whether a body comes as it is, or in chunks and nothing else (RFC 9112, section 6.1).
pub(crate) fn is_clear(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T41: twice in chunks, or packed and in chunks, was taken for in chunks.
    #[test]
    fn a_body_in_chunks_is_in_chunks_and_nothing_else() {
        for (codings, clear) in [
            (&[][..], true),
            (&["chunked"], true),
            (&["Chunked\t"], true),
            (&["chunked, chunked"], false),
            (&["chunked", "chunked"], false),
            (&["gzip, chunked"], false),
            (&["gzip", "chunked"], false),
            (&[", chunked"], false),
            (&["identity"], false),
        ] {
            let mut headers = HeaderMap::new();
            for coding in codings {
                headers.append(TRANSFER_ENCODING, coding.parse().unwrap());
            }
            assert_eq!(is_clear(&headers), clear, "{codings:?}");
        }
    }
}
