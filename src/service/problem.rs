//! What callers are told when something is wrong: RFC 9457, with a stable `code`.

use std::fmt::Display;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use saddlebag_keys::Audience;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Schemes;
use super::connections::Full;
use crate::credential::Role;
use crate::mask::without_tokens;
use crate::sidecar::Refusal;
use crate::token::state::StateErrorKind;
use crate::tokens::IssueError;

/// A problem (RFC 9457). Programs go by `code`, people by `title` and `detail`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:saddlebag:problem:` and the code.
    #[serde(serialize_with = "as_urn")]
    #[schema(value_type = String, pattern = "^urn:saddlebag:problem:[a-z_]+$")]
    r#type: &'static str,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    #[schema(value_type = u16, minimum = 400, maximum = 599)]
    status: StatusCode,
    /// What is wrong; never changes.
    #[schema(pattern = "^[a-z_]+$")]
    code: &'static str,
    /// What is wrong here, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Where in the body: a JSON path, or a parameter of a form or a query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
    /// Seconds after which another try may be worth it.
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    challenges: Option<Schemes>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        let (detail, path, retry_after, challenges) = (None, None, None, None);
        Self { r#type: code, title, status, code, detail, path, retry_after, challenges }
    }

    /// Callers log what they are told: a token in the wrong member is not repeated, nor as the name of one.
    fn detail(self, detail: impl Display) -> Self {
        Self { detail: Some(without_tokens(&detail.to_string())), ..self }
    }

    fn path(self, path: impl Into<String>) -> Self {
        Self { path: Some(without_tokens(&path.into())), ..self }
    }

    fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same of a form, whose members have names and no paths.
    pub(super) fn of_form(mut self) -> Self {
        self.path = self.path.map(|path| path.trim_start_matches("$.").to_owned());
        self
    }

    /// The same of a query.
    pub(super) fn of_query(self) -> Self {
        let problem = self.of_form();
        if problem.code != "invalid_body" {
            return problem;
        }
        let Self { detail, path, .. } = problem;
        Self { path, ..Self::invalid_query(&detail.unwrap_or_default()) }
    }

    /// The text that is sent.
    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn invalid_body(path: &str, error: &impl Display) -> Self {
        let title = "The body is not what this endpoint takes";
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", title).detail(error).path(path)
    }

    pub(super) fn invalid_member(member: &str, error: &impl Display) -> Self {
        Self::invalid_body(&format!("$.{member}"), error)
    }

    pub(super) fn invalid_query(error: &impl Display) -> Self {
        let title = "The query is not what this endpoint takes";
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", title).detail(error)
    }

    /// 400 where it is not the JSON that it should be, 422 where it is, and a token cannot hold it.
    pub(super) fn invalid_state(path: &str, kind: StateErrorKind) -> Self {
        let status = match kind {
            StateErrorKind::Json | StateErrorKind::DuplicateKey => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let title = "The state cannot be carried by a token";
        Self::new(status, "invalid_state", title).detail(kind).path(path)
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

    /// What a sidecar answers in its service's place.
    pub(super) fn of_sidecar(refusal: &Refusal) -> Self {
        let problem = Self::new(refusal.status(), refusal.code(), refusal.title());
        match refusal.detail() {
            Some(detail) => problem.detail(detail),
            None => problem,
        }
    }

    /// Without a word on what was wrong with the credential.
    pub(super) fn unauthenticated(schemes: Schemes) -> Self {
        let title = "A valid credential is required";
        let problem = Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", title)
            .detail("send one of `saddlebag credential issue` as Authorization: Bearer");
        Self { challenges: Some(schemes), ..problem }
    }

    pub(super) fn role_required(role: Role) -> Self {
        let title = "The credential lacks a role";
        Self::new(StatusCode::FORBIDDEN, "role_required", title).detail(format_args!(
            "this endpoint takes the role {role}: make another with `saddlebag credential issue --role {role}`"
        ))
    }

    pub(super) fn audience_not_allowed(audience: &Audience) -> Self {
        let title = "The credential is not for this audience";
        Self::new(StatusCode::FORBIDDEN, "audience_not_allowed", title).detail(format_args!(
            "it does not list {audience}: name one of its own in the request, or make another with \
             `saddlebag credential issue --audience {audience}`"
        ))
    }

    pub(super) fn overloaded() -> Self {
        let title = "This node has all the requests it can serve";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", title)
            .detail("nothing was done: try again, here or at another node")
            .retry_after(1)
    }

    pub(super) fn too_many_connections(full: Full) -> Self {
        let title = match full {
            Full::All => "This node has all the connections it can serve",
            Full::Peer => "This address has all the connections that one may have",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", title)
            .detail("close connections or keep them for more requests, and try again")
            .retry_after(1)
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
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title).detail(format_args!(
            "it may have {most} bytes: send less, ids in a state instead of what they name, fewer tokens in a batch"
        ))
    }

    pub(super) fn not_a_form(kind: &str) -> Self {
        let title = "The body must be a form";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_form", title).detail(format_args!(
            "content-type is {kind:?}, not \"application/x-www-form-urlencoded\""
        ))
    }

    pub(super) fn not_json(kind: &str) -> Self {
        let title = "The body must be JSON";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", title)
            .detail(format_args!("content-type is {kind:?}, not \"application/json\""))
    }

    pub(super) fn not_ready() -> Self {
        let title = "This node has no key ring yet";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", title)
            .detail("its admin listener's /readyz tells why")
            .retry_after(5)
    }

    fn not_issuing(error: &IssueError, remedy: &str) -> Self {
        let title = "This node issues nothing at the moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_issuing", title)
            .detail(format_args!("{error}: {remedy}"))
            .retry_after(10)
    }

    pub(super) fn internal(error: &impl Display) -> Self {
        tracing::error!(%error, "a request failed for a reason of our own");
        Self::unexplained()
    }

    /// What went wrong is for the log alone.
    pub(super) fn unexplained() -> Self {
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
            IssueError::Stale { .. } => {
                let remedy = "this node must reach its ring again, /readyz tells what keeps it";
                return Self::not_issuing(&error, remedy);
            }
            IssueError::Clock { .. } => {
                return Self::not_issuing(&error, "set this node's clock, from a time server");
            }
            IssueError::Subject { length: 0 } => return Self::invalid_member("subject", &error),
            // Characters are what a caller counts, and the contract; bytes are what a token holds.
            IssueError::Subject { .. } => {
                let title = "The subject is too long";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let problem = Self::new(status, "subject_too_long", title);
                return problem.detail(&error).path("$.subject");
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
            IssueError::JwtNotConfigured => {
                let title = "This session cannot be a jwt";
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "jwt_not_possible", title)
                    .detail(format_args!("{error}: start the service with --jwt hs256 or eddsa"));
            }
            IssueError::JwtBinding | IssueError::JwtBytes => (
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
        let kind = [(CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, self.to_json()).into_response();
        let headers = response.headers_mut();
        for challenge in self.challenges.map_or(&[][..], Schemes::challenges) {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn as_urn<S: serde::Serializer>(code: &str, output: S) -> Result<S::Ok, S::Error> {
    output.collect_str(&format_args!("urn:saddlebag:problem:{code}"))
}

fn as_number<S: serde::Serializer>(status: &StatusCode, output: S) -> Result<S::Ok, S::Error> {
    output.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::body;
    use crate::session::RawState;

    /// Serde's words quote what they did not expect, and the path names members: a token that was sent in
    /// the wrong place came back in `detail` or `path`, and so into logs of problems.
    #[test]
    fn a_token_in_the_wrong_place_is_not_repeated() {
        let token = format!("sb1e{}", "A-_9".repeat(30));
        let state = format!(r#"{{"{token}":{{"a":1,"a":2}}}}"#);
        let state = RawState::from_json_text(&state).unwrap_err();
        for problem in [
            body::parse::<bool>(format!("\"{token}\"").as_bytes()).unwrap_err(),
            Problem::invalid_member("audience", &token),
            Problem::invalid_state(&state.path().to_string(), state.kind()),
        ] {
            let told = String::from_utf8(problem.to_json()).unwrap();
            assert!(told.contains("[a token]") && !told.contains("A-_9"), "{told}");
        }
    }
}
