//! `GET /docs`: Swagger UI over the contract. Everything it loads is part of this program, and its policy
//! lets it load nothing else.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;
use utoipa_swagger_ui::Config;

use super::contract::AnonymousRefusals;
use super::problem::Problem;

/// A page to try the API
///
/// Loads nothing from elsewhere. Takes no credential; what is tried on it does.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "contract",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"))
)]
pub(super) async fn page() -> Result<Response, Problem> {
    let page = served("index.html")?;
    let page = String::from_utf8_lossy(&page.bytes).replacen("<head>", BASE, 1);
    Ok((headers("text/html; charset=utf-8")?, page).into_response())
}

/// To the page, from its address with a slash at its end. Relative: a proxy may have put a prefix before it.
pub(super) fn without_slash() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "../docs")]).into_response()
}

/// What the page is made of
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "contract",
    params(("file" = String, Path, description = "A file's name.", pattern = "^[^/]+$", example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The file.", body = File, content_type = "*/*"),
        (status = 404, description = "There is no such file.", body = Problem, content_type = "application/problem+json"),
        AnonymousRefusals
    )
)]
pub(super) async fn file(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    // What is no text is no file's name.
    let Path(name) = name.map_err(|_| Problem::not_found())?;
    let file = served(&name)?;
    Ok((headers(&file.content_type)?, file.bytes).into_response())
}

/// A file's bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "for the contract")]
pub(super) struct File(Vec<u8>);

fn served(name: &str) -> Result<utoipa_swagger_ui::SwaggerFile<'static>, Problem> {
    let file = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG));
    file.map_err(|error| Problem::internal(&error))?.ok_or_else(Problem::not_found)
}

fn headers(kind: &str) -> Result<[(HeaderName, HeaderValue); 3], Problem> {
    let kind = HeaderValue::try_from(kind).map_err(|error| Problem::internal(&error))?;
    let policy = HeaderValue::from_static(POLICY);
    Ok([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, policy), (REFERRER_POLICY, NO_REFERRER)])
}

/// Who is gone to from here is not told from where. JSON is left for nowhere.
pub(super) const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

/// The validator's badge is the one thing that Swagger UI would fetch from its makers.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::new(["../openapi.json"]).validator_url("none").use_base_layout())
});

/// The page's own links are relative to a folder, which `/docs` is not.
const BASE: &str = "<head><base href=\"docs/\">";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'self'; form-action 'none'; \
                      frame-ancestors 'none'";
