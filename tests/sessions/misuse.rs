//! What an application may get wrong: an error that says so, and no panic.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use saddlebag::{Session, SessionLayer};

use crate::browser::Browser;
use crate::common::shop as tokens;
use crate::shop::{Cart, Shop, routes};

#[tokio::test]
async fn two_extractors_of_one_session_are_a_500() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, "/twice").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body, "internal error\n");
    assert!(answer.set_cookies().is_empty());
    // Nothing is lost by it.
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
}

#[tokio::test]
async fn an_extractor_without_its_layer_is_a_500() {
    for path in ["/cart", "/maybe", "/raw", "/add/apples"] {
        let answer = Browser::default().get(&routes(), path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
    }
    // A layer of another state is none of its own.
    let app = routes().layer(SessionLayer::<String>::new(tokens()));
    assert_eq!(
        Browser::default().get(&app, "/maybe").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn two_layers_of_one_state_are_a_500() {
    let layer = || SessionLayer::<Cart>::new(tokens());
    let app = routes().layer(layer()).layer(layer());
    assert_eq!(Browser::default().get(&app, "/").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_middleware_may_look_and_leave_the_session_to_the_handler() {
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use axum::response::Response;

    async fn look(session: Session<Cart>, request: Request, next: Next) -> Response {
        assert_eq!(session.items, ["apples"]);
        drop(session);
        next.run(request).await
    }
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let layer = SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let app = routes().layer(from_fn(look)).layer(layer);
    assert_eq!(browser.get(&app, "/add/pears").await.body, r#"{"items":["apples","pears"]}"#);
}

#[tokio::test]
async fn a_second_extractor_after_a_change_is_a_500_and_the_change_does_not_go_out() {
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use axum::response::Response;

    async fn change(mut session: Session<Cart>, request: Request, next: Next) -> Response {
        session.items.push("planted".to_owned());
        drop(session);
        next.run(request).await
    }
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let layer = SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let app = routes().layer(from_fn(change)).layer(layer);
    let answer = browser.get(&app, "/cart").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.set_cookies().is_empty());
}

/// T29: a handler that falls over takes the request down, and leaves the session as it was.
#[tokio::test]
async fn a_panic_in_a_handler_changes_nothing() {
    async fn falls(mut session: Session<Cart>) {
        session.items.push("half done".to_owned());
        panic!("on purpose");
    }
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let layer = SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let app = Router::new().route("/falls", get(falls)).layer(layer);
    let task = tokio::spawn({
        let mut browser = browser.clone();
        async move { browser.get(&app, "/falls").await }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
}

/// T64: nothing that a developer prints shows whose session it is, what it holds or its token.
#[tokio::test]
async fn nothing_of_a_session_is_shown() {
    async fn shown(mut session: Session<Cart>) -> String {
        let token = session.token().unwrap();
        let text = format!("{session:?} {session:#?}");
        assert!(!text.contains(&token));
        text
    }
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/canary-state").await;
    browser.get(&shop.app, "/login/canary-subject").await;
    let layer = SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let layer_text = format!("{layer:?} {layer:#?}");
    let app = Router::new().route("/shown", get(shown)).layer(layer);
    let text = browser.get(&app, "/shown").await.body + &layer_text;
    assert!(text.contains("revision: 0"));
    for canary in ["canary", browser.session(), &browser.session()[40..]] {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[tokio::test]
async fn a_change_after_the_answer_has_begun_is_told() {
    use std::sync::Mutex;

    static LATE: Mutex<Option<Session<Cart>>> = Mutex::new(None);
    async fn keeps(mut session: Session<Cart>) {
        session.items.push("late".to_owned());
        *LATE.lock().unwrap() = Some(session);
    }
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    shop.events.take();
    let layer = SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let layer = layer.on_event(shop.events.listener());
    let app = Router::new().route("/keeps", get(keeps)).layer(layer);
    assert!(browser.get(&app, "/keeps").await.set_cookies().is_empty());
    assert_eq!(shop.events.take(), ["verified"]);
    LATE.lock().unwrap().take();
    assert_eq!(shop.events.take(), ["not_carried"]);
}
