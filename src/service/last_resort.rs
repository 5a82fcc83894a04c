//! The last resort: a handler that panics is a bug, and costs one request, not the connection that it came by.

use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::problem::Problem;

/// The answer; or 500 without a word on why, where making it panicked. The panic's place is in the log.
pub(super) async fn answered(answer: impl Future<Output = Response>) -> Response {
    // What it shares with others is behind locks that bear a panic.
    let answered = AssertUnwindSafe(answer).catch_unwind().await;
    answered.unwrap_or_else(|_| Problem::unexplained().into_response())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// T29, T64: who provokes a bug learns nothing from it, and ends nothing.
    #[test]
    fn a_handler_that_panics_is_a_500_that_tells_nothing() {
        run(async {
            let panicking = async {
                tokio::task::yield_now().await;
                panic!("{}", "canary".to_owned())
            };
            let answer = answered(panicking).await;
            assert_eq!(answer.status(), 500);
            let kind = answer.headers()["content-type"].clone();
            assert_eq!(kind, "application/problem+json");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8(body.to_vec()).unwrap();
            assert!(text.contains(r#""code":"internal""#) && !text.contains("canary"), "{text}");
        });
    }

    #[test]
    fn any_other_answer_is_left_as_it_is() {
        let answer =
            run(answered(async { (axum::http::StatusCode::IM_A_TEAPOT, "x").into_response() }));
        assert_eq!(answer.status(), 418);
    }
}
