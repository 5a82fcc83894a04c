//! Bugs that were found, each with what it was.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use saddlebag::{NewSession, Session, SessionLayer, SessionOrNew};
use tower::{Layer, ServiceExt, service_fn};

use crate::browser::{Answer, Browser};
use crate::common::{NOW, at, shop as tokens};
use crate::shop::{Cart, Shop};

/// T34, T35: the mark of a logout was gone after five minutes, and the token of an answer that had been under way was a
/// session again for the ten that it still had.
#[tokio::test]
async fn the_mark_of_a_logout_outlives_every_token_that_comes_after_it() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let before = browser.clone();
    let logout = browser.get(&shop.app, "/logout").await;
    // The slowest answer that there may be.
    shop.clock.pass(300);
    let request = Request::get("/add/pears").body(Body::empty()).unwrap();
    let slow = before.ask(&shop.app, request).await;
    assert_eq!(slow.status, StatusCode::OK);
    let (mark, token) = (max_age(&logout, ".ended="), max_age(&slow, "__Host-session="));
    assert_eq!((mark, token), (1_200, 900));
    assert!(mark >= 300 + token);
}

/// T32, T34: after a change of person or of privileges, a slow answer of the earlier session put it in place of the new one.
#[tokio::test]
async fn a_slow_answer_does_not_bring_back_whom_a_session_belonged_to_before() {
    let shop = Shop::new();
    for (change, subject) in [("/login/bob", "bob"), ("/rotate", "alice"), ("/leave", "")] {
        let mut browser = Browser::default();
        browser.get(&shop.app, "/login/alice").await;
        let request = Request::get("/add/pears").body(Body::empty()).unwrap();
        let slow = browser.ask(&shop.app, request).await;
        let answer = browser.get(&shop.app, change).await;
        assert_eq!(answer.set_cookies().len(), 2, "{change}");
        let body = browser.get(&shop.app, "/raw").await.body;
        let who = if subject.is_empty() { "None".to_owned() } else { format!("Some({subject:?})") };
        assert!(body.contains(&who), "{change}: {body}");
        browser.keep(&slow);
        let status = browser.get(&shop.app, "/cart").await.status;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{change}");
    }
    // What was nobody's leaves no mark: a cart that comes back is no harm.
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, "/login/alice").await;
    assert_eq!(answer.set_cookies().len(), 1);
}

/// T52: a session that was over before its changed answer, by its time or by its key, made a 500 of the answer.
#[tokio::test]
async fn a_session_that_ends_while_it_is_changed_costs_its_change_and_no_answer() {
    let shop = Shop::new();
    let clock = shop.clock.clone();
    let add = async move |mut session: Session<Cart>| {
        clock.pass(3_600);
        session.items.push("pears".to_owned());
        session.items.len().to_string()
    };
    let layer = SessionLayer::<Cart>::new(shop.tokens.clone());
    let layer = layer.clock(shop.clock.reader()).on_event(shop.events.listener());
    let app = Router::new().route("/slow", get(add)).layer(layer);
    let token = shop.tokens.issue_at(NewSession::of(&Cart::default()), shop.clock.read());
    let cookie = format!("__Host-session={}", token.unwrap().token);
    let request = Request::get("/slow").header(COOKIE, cookie).body(Body::empty()).unwrap();
    let answer = app.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key(SET_COOKIE));
    assert_eq!(shop.events.take(), ["verified", "not_renewed"]);
}

/// A session that the service's own future held was dropped after the answer was finished, and its change was lost.
#[tokio::test]
async fn what_a_future_has_changed_that_still_holds_its_session_is_sent() {
    let layer = SessionLayer::<Cart>::new(tokens()).clock(|| at(NOW));
    let service = layer.layer(service_fn(|request: Request<()>| {
        let session = SessionOrNew::<Cart>::from_extensions(request.extensions());
        let SessionOrNew(mut session) = session.unwrap();
        poll_fn(move |_| {
            session.items.push("apples".to_owned());
            Poll::Ready(Ok::<_, Infallible>(Response::new(())))
        })
    }));
    let answer = service.oneshot(Request::new(())).await.unwrap();
    assert!(answer.headers().contains_key(SET_COOKIE));
}

/// How long a browser keeps a cookie that an answer sets.
fn max_age(answer: &Answer, name: &str) -> u64 {
    let lines = answer.set_cookies();
    let line = lines.iter().find(|line| line.contains(name)).unwrap();
    line.rsplit_once("Max-Age=").unwrap().1.parse().unwrap()
}
