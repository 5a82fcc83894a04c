//! The floor under the service: the same HTTP stack with a handler that does nothing.
//!
//! `saddlebag-echo ANSWERS.json`: an object of paths and what is answered there. A request to such a path has its body
//! read whole and parsed (`axum::Json<serde_json::Value>`), and is answered with the path's JSON, which is serialized
//! anew each time: with the answers of a `saddlebag serve` this parses and writes the same number of bytes in the same
//! shape, and leaves out what a session service is for (who calls, tokens, states, metrics, limits, deadlines).

use std::sync::Arc;

use axum::http::StatusCode;
use axum::routing::{Router, post};
use axum::serve::ListenerExt;
use axum::{Json, extract::State};
use serde_json::Value;

#[tokio::main]
async fn main() {
    let file = std::env::args().nth(1).expect("a file of answers");
    let answers: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut router = Router::new();
    for (path, answer) in answers.as_object().expect("an object") {
        let routed = post(echo).with_state(Arc::new(answer.clone()));
        router = router.route(path, routed);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("api listening on {}\nready", listener.local_addr().unwrap());
    // As saddlebag does: answers are small and whole.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn echo(State(answer): State<Arc<Value>>, Json(_): Json<Value>) -> (StatusCode, Json<Arc<Value>>) {
    (StatusCode::OK, Json(answer))
}
