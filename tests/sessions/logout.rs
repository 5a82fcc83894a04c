//! The end of a session in a browser.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::browser::Browser;
use crate::shop::Shop;

/// T35: the cookie goes, with the attributes that it came with.
#[tokio::test]
async fn a_logout_clears_the_cookie() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let id = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap().info().id;
    let answer = browser.get(&shop.app, "/logout").await;
    assert_eq!(
        answer.set_cookies(),
        [
            "__Host-session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0".to_owned(),
            format!(
                "__Host-session.ended={id}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=1200"
            ),
        ]
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
}

/// T34, T35: an answer that was under way when the session ended does not bring it back in that browser.
#[tokio::test]
async fn a_slow_answer_does_not_bring_a_session_back_after_its_logout() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let request = Request::get("/add/pears").body(Body::empty()).unwrap();
    let slow = browser.ask(&shop.app, request).await;
    browser.get(&shop.app, "/logout").await;
    browser.keep(&slow);
    assert!(browser.cookies.contains_key("__Host-session"));
    shop.events.take();
    assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.events.take(), ["ended"]);
    // A renewal of the revived token would be another way back.
    shop.clock.pass(290);
    assert!(browser.get(&shop.app, "/").await.set_cookies().is_empty());
}

/// T35: what comes after is another session, and lives.
#[tokio::test]
async fn a_new_login_right_after_a_logout_works() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/login/alice").await;
    browser.get(&shop.app, "/logout").await;
    browser.get(&shop.app, "/login/alice").await;
    assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::OK);
}

/// T34: the ends of the last four sessions are kept in mind.
#[tokio::test]
async fn several_logouts_in_a_row_are_all_kept_in_mind() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    let mut tokens = Vec::new();
    for _ in 0..5 {
        browser.get(&shop.app, "/login/alice").await;
        tokens.push(browser.session().to_owned());
        browser.get(&shop.app, "/logout").await;
    }
    for (n, token) in tokens.iter().enumerate() {
        browser.cookies.insert("__Host-session".to_owned(), token.clone());
        let status = browser.get(&shop.app, "/cart").await.status;
        assert_eq!(status == StatusCode::UNAUTHORIZED, n > 0, "logout {n}");
    }
}

/// T35: both the session that came and the one that a login made of it in the same request are ended.
#[tokio::test]
async fn a_session_that_changed_before_it_ended_is_ended_under_both_its_ids() {
    use axum::routing::get;
    use saddlebag::Session;

    use crate::common::shop as tokens;
    use crate::shop::{Cart, routes};

    async fn out(mut session: Session<Cart>) -> String {
        session.rotate_id();
        let token = session.token().unwrap();
        session.destroy();
        token
    }
    let clock = crate::browser::Clock::new();
    let layer = saddlebag::SessionLayer::<Cart>::new(tokens()).clock(clock.reader());
    let app = routes().route("/out", get(out)).layer(layer);
    let mut browser = Browser::default();
    browser.get(&app, "/add/apples").await;
    let before = browser.session().to_owned();
    let after = browser.get(&app, "/out").await.body;
    assert_ne!(before, after);
    for token in [before, after] {
        browser.cookies.insert("__Host-session".to_owned(), token);
        assert_eq!(browser.get(&app, "/cart").await.status, StatusCode::UNAUTHORIZED);
    }
}

/// T35: what the documents say: a copy of the token is good until it ends.
#[tokio::test]
async fn a_copied_token_outlives_the_logout_until_it_ends() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let mut thief = browser.clone();
    browser.get(&shop.app, "/logout").await;
    assert_eq!(thief.get(&shop.app, "/cart").await.status, StatusCode::OK);
    shop.clock.pass(960);
    assert_eq!(thief.get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
}
