//! One axum server whose only handler reads a session and answers. Told a contender and a payload, it prints its address
//! and the `Cookie` header that carries a session of that payload, and serves until it is ended.

mod contenders;
mod states;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::{Router, ServiceExt};
use saddlebag::SessionLayer;
use tower_layer::Layer;

use states::State;

/// The name of the cookie, the same for everybody.
pub const NAME: &str = "__Host-session";
/// Seconds that a session is good for.
pub const LIFETIME: u64 = 900;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [contender, payload, redis @ ..] = arguments.as_slice() else {
        panic!("what is asked is a contender, a payload, and for redis its address");
    };
    let state = State::of(payload).expect("p256 or p3k");
    let Served { router, around, cookie } = match contender.as_str() {
        "limit" => contenders::saddlebag::limit(&state),
        "layer" => contenders::saddlebag::layer(&state),
        "by_hand" => contenders::saddlebag::by_hand(&state),
        "undecoded" => contenders::saddlebag::undecoded(&state),
        "around" => contenders::saddlebag::around(&state),
        "typed" => contenders::saddlebag::typed(&state),
        "jwt" => contenders::jwt::served(&state),
        "private" => contenders::private::served(&state),
        "redis" => contenders::redis::served(&state, redis.first().expect("its address")).await,
        other => panic!("there is no contender {other}"),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    println!("{NAME}={cookie}");
    match around {
        None => axum::serve(listener, router).await,
        Some(layer) => {
            let served = ServiceExt::<Request>::into_make_service(layer.layer(router));
            axum::serve(listener, served).await
        }
    }
    .expect("a server");
}

/// What a contender serves, and the cookie of a session in it.
pub struct Served {
    router: Router,
    /// What is around the router as a whole.
    around: Option<SessionLayer<State>>,
    cookie: String,
}

impl Served {
    /// Nothing is around the router.
    fn new(router: Router, cookie: String) -> Self {
        Self { router, around: None, cookie }
    }
}

/// What a handler answers with.
pub type Answer = Result<String, StatusCode>;
/// Without a session.
pub const NO_SESSION: StatusCode = StatusCode::UNAUTHORIZED;

/// What every handler answers: some 200 bytes, with a text of 22 characters out of the session.
pub fn answer(text: &str) -> Answer {
    assert_eq!(text.len(), 22);
    Ok(format!(
        r#"{{"title":"Your basket","path":"/basket","language":"en-GB","csrf":"{text}","links":["/","/basket","/checkout","/orders","/account"],"notice":"Orders before noon leave our house today.","version":4}}"#
    ))
}
