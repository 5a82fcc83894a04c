//! Bugs that were found, each with what it was.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use axum::http::{HeaderName, Request, Response, StatusCode};
use axum::routing::get;
use saddlebag::{Carrier, Cookie, NewSession, Session, SessionLayer, SessionOrNew};
use tower::{Layer, ServiceExt, service_fn};

use crate::browser::{Answer, Browser, send};
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

/// T35: a slow answer under another id, of a login or of another change of rights, brought a session back that had been
/// ended in the meantime: its mark named the old id alone, and replaced that of the logout.
#[tokio::test]
async fn a_slow_answer_under_another_id_does_not_bring_a_session_back_after_its_logout() {
    let shop = Shop::new();
    for change in ["/rotate", "/login/bob", "/leave"] {
        // Ended under its first id; and under one that it had been given beside the slow request.
        for between in [None, Some("/rotate")] {
            let mut browser = Browser::default();
            browser.get(&shop.app, "/login/alice").await;
            let slow = Request::get(change).body(Body::empty()).unwrap();
            let slow = browser.ask(&shop.app, slow).await;
            if let Some(path) = between {
                browser.get(&shop.app, path).await;
            }
            browser.get(&shop.app, "/logout").await;
            browser.keep(&slow);
            assert!(browser.cookies.contains_key("__Host-session"));
            shop.events.take();
            let answer = browser.get(&shop.app, "/cart").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{change} {between:?}");
            assert_eq!(shop.events.take(), ["ended"], "{change} {between:?}");
            // Who logs in again is in.
            browser.get(&shop.app, "/login/alice").await;
            assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::OK, "{change}");
        }
    }
}

/// T35: the mark of a logout counted for the cookie beside it, and not for a token that the same browser sent otherwise.
#[tokio::test]
async fn a_logout_counts_for_every_carrier_of_its_browser() {
    let header = Carrier::header(HeaderName::from_static("x-session"));
    let carriers = [Carrier::bearer(), Carrier::cookie(), Carrier::query("session"), header];
    let shop = Shop::with(tokens(), |layer| layer.carriers(carriers));
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let token = browser.session().to_owned();
    browser.get(&shop.app, "/logout").await;
    let bearer = format!("Bearer {token}");
    let query = format!("/cart?session={token}");
    for (path, name, value) in [
        (&*query, "accept", "*/*"),
        ("/cart", "authorization", &*bearer),
        ("/cart", "x-session", &*token),
    ] {
        let request = || Request::get(path).header(name, value).body(Body::empty()).unwrap();
        shop.events.take();
        assert_eq!(browser.ask(&shop.app, request()).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(shop.events.take(), ["ended"], "{name}");
        // Another browser has its copy.
        let other = Browser::default().ask(&shop.app, request()).await;
        assert_eq!(other.status, StatusCode::OK, "{name}");
    }
}

/// A session that came by a carrier which no answer can use was never renewed: its text was given as it had come.
#[tokio::test]
async fn the_text_of_a_session_is_renewed_when_that_is_due() {
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::bearer()]));
    let state = Cart { items: vec!["apples".to_owned()] };
    let token = shop.tokens.issue_at(NewSession::of(&state), at(NOW)).unwrap().token;
    let request = |token: &str| {
        let bearer = format!("Bearer {token}");
        Request::get("/token").header(AUTHORIZATION, bearer).body(Body::empty()).unwrap()
    };
    shop.clock.pass(224);
    assert_eq!(send(&shop.app, request(&token)).await.body, token);
    shop.clock.pass(1);
    let renewed = send(&shop.app, request(&token)).await.body;
    let verified = shop.tokens.verify_at(&renewed, at(NOW + 1_000)).unwrap();
    assert_eq!((verified.info().revision, verified.info().issued_at), (1, at(NOW + 225)));
    assert_eq!(verified.state::<Cart>().unwrap(), state);
    // By a cookie, the text and the cookie are one token.
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    shop.clock.pass(600);
    let text = browser.get(&shop.app, "/token").await.body;
    assert_eq!(text, browser.session());
    assert_eq!(shop.tokens.verify_at(&text, shop.clock.read()).unwrap().info().revision, 1);
}

/// T31: an answer that cleared the pieces of no session went into shared caches, and cleared everybody's.
#[tokio::test]
async fn an_answer_that_clears_a_broken_session_is_kept_out_of_caches() {
    let layer = SessionLayer::<Cart>::new(tokens()).cookie(Cookie::default().chunked());
    let page = async || ([("cache-control", "public, max-age=3600")], "page");
    let app = Router::new().route("/", get(page)).layer(layer);
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/").await.header("cache-control"), Some("public, max-age=3600"));
    browser.cookies.insert("__Host-session.0".to_owned(), "x".to_owned());
    let answer = browser.get(&app, "/").await;
    assert_eq!(answer.set_cookies().len(), 5);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("vary"), Some("cookie"));
}

/// T30, T31: beside a piece, of two values that differ both were cleared, and so was the host's own.
#[tokio::test]
async fn two_values_that_differ_are_left_alone_beside_pieces_too() {
    let shop = Shop::with(tokens(), |layer| layer.cookie(Cookie::default().chunked()));
    let line = "__Host-session=a; __Host-session=b; __Host-session.0=x";
    let request = Request::get("/maybe").header(COOKIE, line).body(Body::empty()).unwrap();
    let answer = send(&shop.app, request).await;
    assert_eq!(answer.body, "nobody");
    assert!(answer.set_cookies().is_empty());
    assert_eq!(shop.events.take(), ["ambiguous"]);
}

/// Pieces of nobody's beside a cookie that is never in pieces were cleared with each renewal: a proxy that hands on one
/// line of an answer's could hand on that one.
#[tokio::test]
async fn a_renewal_is_one_line_whatever_comes_beside_its_cookie() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    for index in 0..4 {
        browser.cookies.insert(format!("__Host-session.{index}"), "x".to_owned());
    }
    shop.clock.pass(600);
    assert_eq!(browser.get(&shop.app, "/").await.set_cookies().len(), 1);
}

/// T35: an inner layer's logout was lost where an outer layer's session did not fit, and made a 500 of the answer.
#[tokio::test]
async fn a_logout_survives_the_500_of_a_layer_further_out() {
    async fn both(login: Session<u8>, mut cart: Session<Cart>) {
        login.destroy();
        cart.items.push("x".repeat(5_000));
    }
    async fn begin(login: SessionOrNew<u8>, cart: SessionOrNew<Cart>) {
        let (SessionOrNew(mut login), SessionOrNew(mut cart)) = (login, cart);
        login.save();
        cart.save();
    }
    let layer =
        |name: &'static str| (tokens().for_audience(name).unwrap(), Cookie::new(name).unwrap());
    let ((login, login_cookie), (cart, cart_cookie)) = (layer("login"), layer("cart"));
    let login = SessionLayer::<u8>::new(login).cookie(login_cookie);
    let cart = SessionLayer::<Cart>::new(cart).cookie(cart_cookie);
    let routes = Router::new().route("/begin", get(begin)).route("/both", get(both));
    let app = routes.layer(login.clock(|| at(NOW))).layer(cart.clock(|| at(NOW)));
    let mut browser = Browser::default();
    browser.get(&app, "/begin").await;
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-cart", "__Host-login"]);
    let answer = browser.get(&app, "/both").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-cart", "__Host-login.ended"]);
}

/// T35: whatever a browser had in a mark was sent back with the next, and a cookie of more than 4,096 bytes is dropped.
#[tokio::test]
async fn a_mark_that_is_none_does_not_spoil_the_next() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    browser.cookies.insert("__Host-session.ended".to_owned(), "a".repeat(4_200));
    browser.get(&shop.app, "/logout").await;
    assert_eq!(browser.cookies["__Host-session.ended"].len(), 16);
}

/// How long a browser keeps a cookie that an answer sets.
fn max_age(answer: &Answer, name: &str) -> u64 {
    let lines = answer.set_cookies();
    let line = lines.iter().find(|line| line.contains(name)).unwrap();
    line.rsplit_once("Max-Age=").unwrap().1.parse().unwrap()
}
