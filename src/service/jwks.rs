//! `GET /.well-known/jwks.json`: the public keys of an audience's EdDSA tokens (RFC 7517).

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use saddlebag_keys::UnixTime;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Shared;
use super::contract::{self, AnonymousRefusals};
use super::problem::Problem;
use crate::token::jwt::PublicJwk;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Whose keys; the service's own where it is absent.
    #[param(value_type = Option<contract::AudienceName>, nullable = false)]
    audience: Option<String>,
}

/// A JWK Set.
#[derive(Serialize, ToSchema)]
#[schema(as = JwkSet)]
pub(super) struct Answer {
    /// Of every key that verifies: staged ones too, so that they are known before they sign.
    keys: Vec<PublicJwk>,
}

/// The public keys of an audience's EdDSA tokens
///
/// For software that verifies jwt by itself. May be kept for `max-age`, which is at most half of the time
/// that a key is published ahead of its use. Takes no credential.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "keys",
    params(Asked),
    responses(
        (status = 200, description = "The JWK Set.", body = Answer, content_type = "application/jwk-set+json"),
        AnonymousRefusals
    )
)]
pub(super) async fn jwks(
    State(service): State<Shared>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::invalid_query(&error))?;
    let tokens = service.audiences.of_anybody(asked.audience.as_deref());
    let tokens = tokens.map_err(Problem::of_query)?;
    let keys = tokens.public_keys(UnixTime::now()).ok_or_else(Problem::not_ready)?;
    let ring = tokens.ring().load();
    let publish_ahead = ring.as_ref().map_or(0, |ring| ring.policy().publish_ahead);
    let max_age = (publish_ahead / 2).min(LONGEST_KEPT);
    let cache = HeaderValue::try_from(format!("public, max-age={max_age}"))
        .map_err(|error| Problem::internal(&error))?;
    let text = serde_json::to_vec(&Answer { keys }).map_err(|error| Problem::internal(&error))?;
    let kind = HeaderValue::from_static("application/jwk-set+json");
    Ok((StatusCode::OK, [(CACHE_CONTROL, cache), (CONTENT_TYPE, kind)], text).into_response())
}

/// Seconds that a set may be kept, however far ahead keys are published: a revoked key is gone from every
/// verifier so much later.
const LONGEST_KEPT: u64 = 300;
