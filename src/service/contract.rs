//! The contract: the OpenAPI document, generated from the handlers and their types, and what they share.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder, response};
use utoipa::{IntoResponses, Modify, OpenApi, PartialSchema, ToSchema};

use super::Service;
use super::caller::Schemes;
use super::limits::{self, Limits};
use super::problem::Problem;
use crate::answer::AnyJson;
use crate::credential::Role;
use crate::tokens::IssueError;

/// What stands before the paths.
#[derive(OpenApi)]
#[openapi(
    info(title = "Saddlebag", description = API, license(name = "MIT OR Apache-2.0")),
    servers((url = "/", description = "This node")),
    tags(
        (name = "sessions", description = "Begin, look at and renew sessions"),
        (name = "keys", description = "What tokens are verified with"),
        (name = "contract", description = "This document, and a page to try it")
    ),
    components(schemas(Problem)),
    modifiers(&Credentials)
)]
pub(super) struct Api;

/// What stands before the paths of the probes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Saddlebag: probes", description = ADMIN, license(name = "MIT OR Apache-2.0")),
    servers((url = "/", description = "This node's admin listener")),
    tags((name = "probes", description = "For orchestrators and Prometheus")),
    components(schemas(Problem))
)]
pub(super) struct Admin;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_with(Default::default);
        for (name, scheme, told) in [
            ("bearer", HttpAuthScheme::Bearer, "A credential of `saddlebag credential issue`."),
            (
                "basic",
                HttpAuthScheme::Basic,
                "A credential of `saddlebag credential issue` as the password, under any name; for introspection.",
            ),
        ] {
            let scheme = HttpBuilder::new().scheme(scheme).description(Some(told)).build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
    }
}

/// The contract as an OpenAPI document
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "contract",
    responses((status = 200, description = "OpenAPI 3.1.", body = AnyJson))
)]
pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.clone()).into_response()
}

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| text(&Service::api_routes().into_openapi()));

/// The document as it is served and committed.
fn text(document: &utoipa::openapi::OpenApi) -> Bytes {
    let mut text = serde_json::to_vec_pretty(document).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// An audience that callers may name.
pub(super) struct AudienceName;

/// A binding.
pub(super) struct Binding;

impl ToSchema for AudienceName {}
impl ToSchema for Binding {}

impl PartialSchema for AudienceName {
    fn schema() -> RefOr<Schema> {
        let told = "Who a token is for. Names that start with `saddlebag:` are the system's own.";
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(told));
        text.pattern(Some(AUDIENCE)).examples(["shop"]).into()
    }
}

impl PartialSchema for Binding {
    fn schema() -> RefOr<Schema> {
        let told =
            "Base64url without padding, and without unused bits set, of at most 1,024 bytes.";
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(told));
        text.pattern(Some(BASE64URL)).max_length(Some(1_366)).into()
    }
}

/// How a request with a body and a credential is refused.
pub(super) struct Refusals;

/// How a request with a credential is refused.
pub(super) struct BodilessRefusals;

/// How a request is refused that wants neither.
pub(super) struct AnonymousRefusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        problems(&["400", "401", "403", "408", "413", "415", "422", "500", "503"])
    }
}

impl IntoResponses for BodilessRefusals {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        problems(&["401", "403", "500", "503"])
    }
}

impl IntoResponses for AnonymousRefusals {
    fn responses() -> BTreeMap<String, RefOr<response::Response>> {
        problems(&["400", "500", "503"])
    }
}

fn problems(statuses: &[&str]) -> BTreeMap<String, RefOr<response::Response>> {
    let problem = |status: &&str| {
        let told = match *status {
            "400" => "The request is not what this endpoint takes.",
            "401" => "No valid credential.",
            "403" => "The credential lacks the role or the audience.",
            "408" => "The body did not come in time.",
            "413" => "The body is too large.",
            "415" => "The body is of another media type.",
            "422" => {
                "It is understood, and the policy, the configuration or a token's size does not allow it."
            }
            "503" => "This node has no ring, does not issue, or has too much to do.",
            _ => "A fault of this node's.",
        };
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .example(example(status))
            .build();
        let mut response =
            ResponseBuilder::new().description(told).content("application/problem+json", content);
        let of_type = |r#type| Some(ObjectBuilder::new().schema_type(r#type));
        match *status {
            "503" => {
                let told = "Seconds after which another try may be worth it.";
                let header = HeaderBuilder::new()
                    .schema(of_type(Type::Integer))
                    .description(Some(told))
                    .build();
                response = response.header("retry-after", header);
            }
            "401" => {
                let told = "How a credential is presented.";
                let header = HeaderBuilder::new()
                    .schema(of_type(Type::String))
                    .description(Some(told))
                    .build();
                response = response.header("www-authenticate", header);
            }
            _ => {}
        }
        ((*status).to_owned(), response.build().into())
    };
    statuses.iter().map(problem).collect()
}

/// What such an answer looks like.
fn example(status: &str) -> Option<serde_json::Value> {
    let problem = match status {
        "400" => {
            Problem::invalid_member("subject", &"the subject has 0 bytes; it may have 1 to 255")
        }
        "401" => Problem::unauthenticated(Schemes::Bearer),
        "403" => Problem::role_required(Role::Issue),
        "408" => Problem::body_too_slow(Limits::DEFAULT.body_within),
        "413" => Problem::body_too_large(limits::BODY),
        "415" => Problem::not_json("text/plain"),
        "422" => {
            Problem::from(IssueError::Lifetime { what: "lifetime", asked: 7_200, most: 3_600 })
        }
        "503" => Problem::overloaded(),
        _ => Problem::unexplained(),
    };
    serde_json::to_value(problem).ok()
}

/// A token's look, for examples; it has ended.
pub(super) const TOKEN: &str = "sb1eLNhMs0FCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0u";

const AUDIENCE: &str = r"^(?!saddlebag:)[a-z0-9._:/-]{1,128}$";

const BASE64URL: &str =
    r"^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]|[A-Za-z0-9_-][AQgw])?$";

const API: &str = "Session state that travels with each request in a compact signed or sealed token: issue, \
verify, renew, introspect. Nothing is stored; any node that has the key ring serves any request.\n\n\
JSON in and out, problems as RFC 9457 with a stable `code`. Times are RFC 3339, lifetimes whole seconds, \
ids and bindings base64url without padding. Callers send a credential of `saddlebag credential issue`; on \
a Unix socket, local users may have been granted roles without one. 503 answers carry `Retry-After`.";

const ADMIN: &str = "Liveness, readiness and metrics of a node, on a listener of their own. No credential: keep it inside.";

#[cfg(test)]
mod tests {
    use super::*;

    /// `SADDLEBAG_WRITE_OPENAPI=1 cargo test --features server contract` writes them.
    #[test]
    fn the_committed_documents_are_what_the_code_gives() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi");
        for (name, document) in [
            ("saddlebag.json", Service::api_routes().into_openapi()),
            ("admin.json", Service::admin_routes().into_openapi()),
        ] {
            let (path, text) = (folder.join(name), text(&document));
            if std::env::var_os("SADDLEBAG_WRITE_OPENAPI").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read(&path).unwrap_or_default();
            assert!(committed == text, "openapi/{name} is not what the code gives: write it anew");
        }
    }

    #[test]
    fn the_examples_token_is_no_real_one() {
        assert!(crate::token::format::looks_like(TOKEN).is_some());
    }
}
