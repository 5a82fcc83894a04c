//! Bodies: JSON read strictly, within a size and a time, with the path of what is wrong.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::session::RawState;

/// Reads a whole body of at most `most` bytes that says it is JSON.
pub(super) fn read(
    request: Request,
    most: usize,
    within: Duration,
) -> impl Future<Output = Result<Bytes, Problem>> {
    let right = must_be(request.headers(), "application/json", Problem::not_json);
    collect(right, request.into_body(), most, within)
}

/// Reads a whole body that says it is a form.
pub(super) fn read_form(
    request: Request,
    most: usize,
    within: Duration,
) -> impl Future<Output = Result<Bytes, Problem>> {
    let kind = "application/x-www-form-urlencoded";
    let right = must_be(request.headers(), kind, Problem::not_a_form);
    collect(right, request.into_body(), most, within)
}

async fn collect(
    right: Result<(), Problem>,
    body: Body,
    most: usize,
    within: Duration,
) -> Result<Bytes, Problem> {
    right?;
    let mut all = pin!(whole_body(body, most));
    if let Some(all) = at_once(all.as_mut()).await {
        return all;
    }
    tokio::time::timeout(within, all).await.unwrap_or_else(|_| Err(Problem::body_too_slow(within)))
}

/// What a future gives at the first or second look: most bodies come with their heads, and are handed on once
/// somebody asked for them. To set a timer and take it back would take longer than to read them.
async fn at_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut looked = false;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if looked => Poll::Ready(None),
        Poll::Pending => {
            looked = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

/// The one piece that most bodies come in, or one buffer of all that came, however small the pieces: a list of them
/// would cost many times their bytes.
async fn whole_body(mut body: Body, most: usize) -> Result<Bytes, Problem> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::invalid_body("$", &error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most.saturating_sub(all.len()) {
            return Err(Problem::body_too_large(most));
        }
        if all.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        all.extend_from_slice(&data);
    }
    Ok(all.into())
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
    RawState::from_json_text(state.get()).map_err(|error| {
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
        Ok(()) => {
            let mut response = Response::new(Body::from(text));
            *response.status_mut() = status;
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a clock: it would panic where a timer were set.
    #[test]
    fn what_is_there_at_the_second_look_needs_no_timer() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            assert_eq!(at_once(pin!(async { 1 })).await, Some(1));
            assert_eq!(at_once(pin!(tokio::task::yield_now())).await, Some(()));
            let later = async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            };
            let mut later = pin!(later);
            assert_eq!(at_once(later.as_mut()).await, None);
            later.await;
        });
    }
}
