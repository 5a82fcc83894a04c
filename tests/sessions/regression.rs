//! Bugs that were found, each with what it was.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::browser::{Answer, Browser};
use crate::shop::Shop;

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

/// How long a browser keeps a cookie that an answer sets.
fn max_age(answer: &Answer, name: &str) -> u64 {
    let lines = answer.set_cookies();
    let line = lines.iter().find(|line| line.contains(name)).unwrap();
    line.rsplit_once("Max-Age=").unwrap().1.parse().unwrap()
}
