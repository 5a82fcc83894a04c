//! Bodies: JSON read strictly, within a size and a time, with the path of what is wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::session::RawState;

/// Reads a whole body of at most `most` bytes that says it is JSON.
pub(super) async fn read(
    request: Request,
    most: usize,
    within: Duration,
) -> Result<Vec<u8>, Problem> {
    must_be(request.headers(), "application/json", Problem::not_json)?;
    collect(request, most, within).await
}

/// Reads a whole body that says it is a form.
pub(super) async fn read_form(
    request: Request,
    most: usize,
    within: Duration,
) -> Result<Vec<u8>, Problem> {
    must_be(request.headers(), "application/x-www-form-urlencoded", Problem::not_a_form)?;
    collect(request, most, within).await
}

async fn collect(request: Request, most: usize, within: Duration) -> Result<Vec<u8>, Problem> {
    let all = whole_body(request.into_body(), most);
    tokio::time::timeout(within, all).await.unwrap_or_else(|_| Err(Problem::body_too_slow(within)))
}

/// One buffer of what has come, however small the pieces: a list of them would cost many times their bytes.
async fn whole_body(mut body: Body, most: usize) -> Result<Vec<u8>, Problem> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::invalid_body("$", &error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most.saturating_sub(all.len()) {
            return Err(Problem::body_too_large(most));
        }
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// Reads a value from JSON text: unknown, repeated and mistyped members are refused by their path.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Problem> {
    // Serde would take an array of the members' values for an object, too.
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid_body("$", &"an array, where an object is expected"));
    }
    // Most bodies are right: where one is not, it is read again, to tell where.
    if let Ok(value) = serde_json::from_slice(text) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // `?` is a place that nobody can name: the text is no JSON from there on.
        let path = error.path().to_string();
        let mut path = path.trim_end_matches('?').trim_end_matches('.').to_owned();
        if !path.is_empty() {
            path.insert(0, '.');
        }
        // A member that is missing, or there twice, is told by the object around it.
        let inner = plain(&error.inner().to_string());
        let told = ["missing field `", "duplicate field `"];
        let member = told.into_iter().find_map(|told| inner.strip_prefix(told)?.split('`').next());
        if let Some(member) = member {
            path = format!("{path}.{member}");
        }
        Problem::invalid_body(&format!("${path}"), &inner)
    })?;
    json.end().map_err(|error| Problem::invalid_body("$", &error))?;
    Ok(value)
}

/// Serde's words without those of Rust.
fn plain(told: &str) -> String {
    told.replace("expected struct Asked", "expected an object")
}

/// Turns the member `state` into what a token carries.
pub(super) fn state(state: &RawValue) -> Result<RawState, Problem> {
    RawState::from_json(state.get().as_bytes()).map_err(|error| {
        let path = error.path().replacen('$', "$.state", 1);
        Problem::invalid_state(&path, error.kind())
    })
}

/// A member that may be absent, and where `null` is a value of its own.
pub(super) fn present<'de, T, D>(input: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(input).map(Some)
}

/// A whole number, or null. JSON has one kind of number, and some write `900.0` for 900.
pub(super) fn whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(input)?;
    let whole = |number: &serde_json::Number| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && *float >= 0.0)?;
        // Exact up to 2^53; a policy allows no more than 2^32 seconds.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (float < 9_007_199_254_740_992.0).then_some(float as u64)
    };
    let seconds = |number: serde_json::Number| {
        number.as_u64().or_else(|| whole(&number)).ok_or_else(|| {
            D::Error::custom(format_args!("{number}, where a whole number is expected"))
        })
    };
    number.map(seconds).transpose()
}

/// A JSON answer.
pub(super) fn answer(status: axum::http::StatusCode, value: &impl Serialize) -> Response {
    let mut text = Vec::with_capacity(USUAL_ANSWER);
    match serde_json::to_writer(&mut text, value) {
        Ok(()) => (status, [(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}

fn must_be(
    headers: &HeaderMap,
    wanted: &str,
    otherwise: fn(&str) -> Problem,
) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    Err(otherwise(kind))
}

/// Bytes that most answers fit in: growing takes longer than room that is not used.
const USUAL_ANSWER: usize = 1_024;
