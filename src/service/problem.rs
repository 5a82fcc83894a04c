//! What callers are told when something is wrong: RFC 9457, with a stable `code`.

use std::fmt::Display;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use saddlebag_keys::Audience;
use serde::Serialize;

use crate::credential::Role;
use crate::token::state::StateErrorKind;
use crate::tokens::IssueError;

/// A problem; its members are what the caller reads.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    r#type: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Where in the body, as a JSON path.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        let r#type = format!("urn:saddlebag:problem:{code}");
        Self { r#type, title, status, code, detail: None, path: None }
    }

    fn detail(self, detail: impl Display) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }

    fn path(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    pub(super) fn invalid_body(path: &str, error: &impl Display) -> Self {
        let title = "The body is not what this endpoint takes";
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", title).detail(error).path(path)
    }

    pub(super) fn invalid_member(member: &str, error: &impl Display) -> Self {
        Self::invalid_body(&format!("$.{member}"), error)
    }

    pub(super) fn invalid_state(path: &str, kind: StateErrorKind) -> Self {
        let title = "The state cannot be carried by a token";
        Self::new(StatusCode::BAD_REQUEST, "invalid_state", title).detail(kind).path(path)
    }

    pub(super) fn audience_reserved(error: &impl Display) -> Self {
        let title = "The audience belongs to the system itself";
        let problem = Self::new(StatusCode::BAD_REQUEST, "audience_reserved", title);
        problem.detail(error).path("$.audience")
    }

    pub(super) fn audience_out_of_scope(error: &impl Display) -> Self {
        let title = "This node's ring is for another audience";
        let problem = Self::new(StatusCode::BAD_REQUEST, "audience_out_of_scope", title);
        problem.detail(error).path("$.audience")
    }

    pub(super) fn unauthenticated() -> Self {
        let title = "A valid credential is required";
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", title)
            .detail("send one of `saddlebag credential issue` as Authorization: Bearer")
    }

    pub(super) fn role_required(role: Role) -> Self {
        let title = "The credential lacks a role";
        Self::new(StatusCode::FORBIDDEN, "role_required", title)
            .detail(format_args!("this endpoint takes the role {role}"))
    }

    pub(super) fn audience_not_allowed(audience: &Audience) -> Self {
        let title = "The credential is not for this audience";
        Self::new(StatusCode::FORBIDDEN, "audience_not_allowed", title)
            .detail(format_args!("it does not list {audience}"))
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path")
    }

    pub(super) fn method_not_allowed(method: &Method) -> Self {
        let title = "The path takes another method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", title)
            .detail(format_args!("not {method}"))
    }

    pub(super) fn body_too_slow(longest: Duration) -> Self {
        let title = "The body did not come in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", title)
            .detail(format_args!("it may take {} s", longest.as_secs()))
    }

    pub(super) fn body_too_large(most: usize) -> Self {
        let title = "The body is too large";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title)
            .detail(format_args!("it may have {most} bytes"))
    }

    pub(super) fn not_json(kind: &str) -> Self {
        let title = "The body must be JSON";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", title)
            .detail(format_args!("content-type is {kind:?}, not \"application/json\""))
    }

    pub(super) fn not_ready() -> Self {
        let title = "This node has no key ring yet";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", title)
    }

    pub(super) fn internal(error: &impl Display) -> Self {
        tracing::error!(%error, "a request failed for a reason of our own");
        let title = "Something went wrong here";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title)
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        let (status, code, title) = match &error {
            IssueError::NoRing => return Self::not_ready(),
            IssueError::State(error) => {
                let path = error.path().replacen('$', "$.state", 1);
                return Self::invalid_state(&path, error.kind());
            }
            IssueError::Stale { .. } | IssueError::Clock { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not_issuing",
                "This node issues nothing at the moment",
            ),
            IssueError::Subject { .. } => {
                return Self::invalid_member("subject", &error);
            }
            IssueError::Lifetime { what, .. } => {
                let title = "The ring's policy does not allow this lifetime";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let problem = Self::new(status, "lifetime_not_allowed", title);
                return problem.detail(&error).path(format!("$.{what}"));
            }
            IssueError::TooLong { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "token_too_long", "The token would be too long")
            }
            IssueError::JwtNotConfigured | IssueError::JwtBinding | IssueError::JwtBytes => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "jwt_not_possible",
                "This session cannot be a jwt",
            ),
            IssueError::Randomness(_) => return Self::internal(&error),
        };
        Self::new(status, code, title).detail(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = [(CONTENT_TYPE, "application/problem+json")];
        match self.status {
            // RFC 9110, section 11.6.1; without a word on what was wrong with the credential.
            StatusCode::UNAUTHORIZED => {
                (self.status, kind, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
            }
            status => (status, kind, body).into_response(),
        }
    }
}

fn as_number<S: serde::Serializer>(status: &StatusCode, output: S) -> Result<S::Ok, S::Error> {
    output.serialize_u16(status.as_u16())
}
