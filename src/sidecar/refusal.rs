//! What a request is refused for, by the sidecar and not by its service.

use std::fmt;

use axum::body::Body;
use http::{Response, StatusCode};

/// Why there is no answer of the service. In the extensions of the answer, for those who word it and count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The head of the request is none that has one meaning.
    BadRequest(&'static str),
    /// Its path can be read in two ways, and there are rules for paths.
    Ambiguous,
    /// It needs a session.
    Unauthenticated,
    /// It needs a session, and is a browser's, which is sent to the login.
    SentToLogin,
    /// Its session lacks a role.
    Forbidden,
    /// Its body is longer than allowed.
    TooLarge(u64),
    /// Its body comes too slowly.
    TooSlow,
    /// The service cannot be reached.
    Unreachable,
    /// It broke off, or speaks no HTTP.
    Broken,
    /// It took too long to be reached or to answer.
    TimedOut,
    /// What it says of the session makes no sense.
    InvalidHeader(String),
    /// The session that it wants fits no token or no cookie.
    NotCarried,
    /// It changes a session that came as a bearer token, which no answer can replace.
    CameAsBearer,
    /// It changes a session on a public path, where it is told of none.
    Untold,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::Ambiguous => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::SentToLogin => StatusCode::FOUND,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unreachable
            | Self::Broken
            | Self::InvalidHeader(_)
            | Self::NotCarried
            | Self::CameAsBearer
            | Self::Untold => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What is refused, for programs; never changes.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::Ambiguous => "ambiguous_path",
            Self::Unauthenticated | Self::SentToLogin => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::TooLarge(_) => "body_too_large",
            Self::TooSlow => "body_too_slow",
            Self::Unreachable => "upstream_unreachable",
            Self::Broken => "upstream_broken",
            Self::TimedOut => "upstream_timeout",
            Self::InvalidHeader(_) | Self::NotCarried | Self::CameAsBearer | Self::Untold => {
                "invalid_session_header"
            }
        }
    }

    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "The request's head has no one meaning",
            Self::Ambiguous => "The path can be read in two ways",
            Self::Unauthenticated | Self::SentToLogin => "A session is required",
            Self::Forbidden => "The session lacks a role",
            Self::TooLarge(_) => "The body is too large",
            Self::TooSlow => "The body did not come in time",
            Self::Unreachable => "The service cannot be reached",
            Self::Broken => "The service broke off",
            Self::TimedOut => "The service did not answer in time",
            Self::InvalidHeader(_) => "What the service says of the session makes no sense",
            Self::NotCarried => "The session that the service wants fits no token",
            Self::CameAsBearer => "The service changes a session that came as a bearer token",
            Self::Untold => "The service changes a session on a public path",
        }
    }

    /// All that there is, for the metrics.
    pub(crate) const CODES: [&str; 10] = [
        "bad_request",
        "ambiguous_path",
        "unauthenticated",
        "forbidden",
        "body_too_large",
        "body_too_slow",
        "upstream_unreachable",
        "upstream_broken",
        "upstream_timeout",
        "invalid_session_header",
    ];

    /// What more there is to tell the client.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::BadRequest(what) => Some((*what).to_owned()),
            Self::TooLarge(most) => Some(format!("it may have {most} bytes")),
            _ => None,
        }
    }

    /// An answer of this status that says nothing yet.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_code_that_is_known_to_be_one() {
        for refusal in [
            Refusal::BadRequest(""),
            Refusal::Ambiguous,
            Refusal::Unauthenticated,
            Refusal::SentToLogin,
            Refusal::Forbidden,
            Refusal::TooLarge(1),
            Refusal::TooSlow,
            Refusal::Unreachable,
            Refusal::Broken,
            Refusal::TimedOut,
            Refusal::InvalidHeader(String::new()),
            Refusal::NotCarried,
            Refusal::CameAsBearer,
            Refusal::Untold,
        ] {
            assert!(Refusal::CODES.contains(&refusal.code()), "{refusal:?}");
        }
    }
}
