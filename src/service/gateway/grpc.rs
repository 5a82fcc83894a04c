//! Envoy's `ext_authz` over gRPC: the same question in another envelope, answered by the same routes.

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE, WWW_AUTHENTICATE,
};
use axum::http::{Extensions, Request, Response, StatusCode};
use envoy_types::ext_authz::v3::pb::{
    Authorization, AuthorizationServer, CheckRequest, CheckResponse, HttpStatusCode,
};
use envoy_types::ext_authz::v3::{
    CheckResponseExt, DeniedHttpResponseBuilder, OkHttpResponseBuilder,
};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use tonic::{Code, Status};
use tower::ServiceExt;

use super::PATH;
use crate::gateway::identity::NAMES;
use crate::service::peer::Peer;

/// Where Envoy asks.
pub(super) const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The service of gRPC in front of the routes that decide.
pub(super) fn server(routes: Router) -> AuthorizationServer<Check> {
    AuthorizationServer::new(Check(routes)).max_decoding_message_size(LONGEST)
}

pub(super) struct Check(Router);

#[tonic::async_trait]
impl Authorization for Check {
    async fn check(
        &self,
        request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, Status> {
        let (_, extensions, asked) = request.into_parts();
        let answer = match as_http(asked, &extensions) {
            Some(asked) => {
                let Ok(answer) = self.0.clone().oneshot(asked).await;
                answer
            }
            // What is no request is none that may pass.
            None => {
                let mut refused = Response::new(Body::empty());
                *refused.status_mut() = StatusCode::FORBIDDEN;
                refused
            }
        };
        Ok(tonic::Response::new(as_grpc(&answer)))
    }
}

/// The request that Envoy asks about, as it would ask over HTTP.
fn as_http(asked: CheckRequest, extensions: &Extensions) -> Option<Request<Body>> {
    let http = asked.attributes?.request?.http?;
    let mut request = Request::builder()
        .method(http.method.as_str())
        .uri(format!("{PATH}{}", http.path))
        .body(Body::empty())
        .ok()?;
    for (name, value) in http.headers {
        // Envoy's own begin with a colon.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            request.headers_mut().insert(name, value);
        }
    }
    if let Some(peer) = extensions.get::<Peer>() {
        request.extensions_mut().insert(peer.clone());
    }
    Some(request)
}

fn as_grpc(answer: &Response<Body>) -> CheckResponse {
    let headers = answer.headers();
    let mut checked = CheckResponse::new();
    if answer.status() == StatusCode::OK {
        let mut told = OkHttpResponseBuilder::new();
        for name in NAMES {
            // What a client sends under this name is replaced, by nothing if need be.
            let overwrite = Some(HeaderAppendAction::OverwriteIfExistsOrAdd);
            told.add_header(name.as_str(), text(headers, &name), overwrite, true);
        }
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap_or_default();
            let add = Some(HeaderAppendAction::AppendIfExistsOrAdd);
            told.add_response_header(SET_COOKIE.as_str(), cookie, add, false);
        }
        checked.set_status(Status::ok("")).set_http_response(told.build());
        return checked;
    }
    let mut told = DeniedHttpResponseBuilder::new();
    for name in [LOCATION, SET_COOKIE, WWW_AUTHENTICATE] {
        for value in headers.get_all(&name) {
            let value = value.to_str().unwrap_or_default();
            told.add_header(
                name.as_str(),
                value,
                Some(HeaderAppendAction::AppendIfExistsOrAdd),
                false,
            );
        }
    }
    let status = HttpStatusCode::try_from(i32::from(answer.status().as_u16()));
    told.set_http_status(status.unwrap_or(HttpStatusCode::Forbidden));
    checked.set_status(Status::new(Code::PermissionDenied, "")).set_http_response(told.build());
    checked
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Bytes of a question: the head of a request, in another encoding, and what Envoy adds.
const LONGEST: usize = 256 * 1024;
