//! `POST /v1/sessions/verify-batch`: many tokens in one request, each answered as it would be alone.

use std::borrow::Cow;
use std::fmt;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use saddlebag_keys::UnixTime;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::caller::Schemes;
use super::contract::{self, Refusals};
use super::problem::Problem;
use super::{Shared, body, limits};
use crate::answer::{SessionAnswer, VerifyAnswer};
use crate::credential::Role;

/// The tokens to look at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyBatchRequest)]
pub(super) struct Asked<'a> {
    /// The tokens.
    #[serde(borrow, deserialize_with = "at_most_a_batch")]
    #[schema(max_items = 256, value_type = Vec<String>)]
    tokens: Vec<Token<'a>>,
    /// Who they must be for; the service's own where it is absent.
    #[serde(borrow, default)]
    #[schema(value_type = Option<contract::AudienceName>)]
    audience: Option<Cow<'a, str>>,
}

/// A token, which is not copied: serde does so only where it is not asked to (`borrow`).
#[derive(Deserialize)]
struct Token<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads no further than to the first token that is too many: a body has room for 600,000, which took 40 MiB and a
/// tenth of a second.
fn at_most_a_batch<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<Token<'de>>, D::Error> {
    struct Batch;

    impl<'de> Visitor<'de> for Batch {
        type Value = Vec<Token<'de>>;

        fn expecting(&self, told: &mut fmt::Formatter<'_>) -> fmt::Result {
            told.write_str("a sequence")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut input: A) -> Result<Self::Value, A::Error> {
            let mut tokens = Vec::new();
            while let Some(token) = input.next_element()? {
                if tokens.len() == limits::BATCH_TOKENS {
                    let most = limits::BATCH_TOKENS;
                    return Err(A::Error::custom(format_args!("a batch may have {most} tokens")));
                }
                tokens.push(token);
            }
            Ok(tokens)
        }
    }

    input.deserialize_seq(Batch)
}

/// An answer to each token.
#[derive(Serialize, ToSchema)]
#[schema(as = VerifyBatchAnswer)]
pub(super) struct Answer<'a> {
    /// In the order of the tokens.
    results: Vec<VerifyAnswer<'a>>,
}

/// Verifies many tokens
///
/// At most 256 in a body of at most 2 MiB, answered in their order. Takes the role `verify`.
#[utoipa::path(
    post,
    path = "/v1/sessions/verify-batch",
    tag = "sessions",
    request_body(content = Asked, example = json!({"tokens": [contract::TOKEN, "not a token"]})),
    responses((status = 200, description = "An answer to each.", body = Answer), Refusals),
    security(("bearer" = []))
)]
pub(super) async fn verify_batch(
    State(service): State<Shared>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = service.caller(&request, Role::Verify, Schemes::Bearer, UnixTime::now())?;
    let text = body::read(request, limits::BATCH_BODY, service.limits.body_within).await?;
    let asked: Asked<'_> = body::parse(&text)?;
    let tokens = service.tokens(asked.audience.as_deref(), &caller, None)?;
    let now = UnixTime::now();
    let mut opened = Vec::with_capacity(asked.tokens.len());
    for some in asked.tokens.chunks(BETWEEN_YIELDS) {
        for Token(token) in some {
            opened.push(service.opened(&tokens, token, now)?);
        }
        // Others wait for this thread.
        tokio::task::yield_now().await;
    }
    let results = opened.iter().map(|opened| match opened {
        Some((verified, state)) => VerifyAnswer::active(SessionAnswer::of(verified, state)),
        None => VerifyAnswer::inactive(),
    });
    Ok(body::answer(StatusCode::OK, &Answer { results: results.collect() }))
}

/// Tokens that are verified in one go: less than a tenth of a millisecond.
const BETWEEN_YIELDS: usize = 16;
