//! What a handler's client is told where there is no session to give it.

use std::fmt;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// Why an extractor gave no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The request has no session: 401.
    NoSession {
        /// Whether a bearer token would be taken, which the answer then asks for.
        bearer: bool,
    },
    /// No [`SessionLayer`](super::SessionLayer) of this state is around the handler: 500, and a line in the log.
    NoLayer,
    /// Another extractor has this session already: 500, and a line in the log.
    Twice,
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSession { .. } => "no session",
            Self::NoLayer => "no layer for sessions with this state is around the handler",
            Self::Twice => "the session was taken twice in one request",
        })
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NoSession { .. } => (StatusCode::UNAUTHORIZED, "no session\n"),
            // What is wrong is the application's to know.
            Self::NoLayer | Self::Twice => (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n"),
        };
        let mut response = (status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self == (Self::NoSession { bearer: true }) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
