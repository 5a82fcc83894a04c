//! Sessions that do not fit their carrier.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use saddlebag::{Cookie, Session, SessionLayer, SessionOrNew};
use std::sync::{Arc, Mutex};

use crate::browser::{Browser, Clock};
use crate::common::{builder, shop as tokens};
use crate::shop::{Cart, Events, Shop};

#[tokio::test]
async fn a_session_above_its_tokens_limit_is_a_500_and_an_event_with_its_size() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let shop = Shop::with(tokens(), |layer| {
        let seen = Arc::clone(&seen);
        layer.on_event(move |event| seen.lock().unwrap().push(event))
    });
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, &format!("/add/{}", "x".repeat(3_000))).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body, "");
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let event = *seen.lock().unwrap().last().unwrap();
    let saddlebag::SessionEvent::TooLarge { length, most: 4_000 } = event else {
        panic!("{event:?}")
    };
    assert!(length > 4_000);
    // What was there before is still there.
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
}

/// RFC 6265bis: 4,096 bytes of name and value, and not one more.
#[tokio::test]
async fn a_token_that_fits_its_limit_and_not_its_cookie_is_a_500() {
    let tokens = builder().longest_issued(4_096).build().unwrap();
    let shop = Shop::with(tokens, |layer| layer);
    let (mut fitted, mut refused) = (0, 0);
    for characters in 2_900..3_000 {
        let mut browser = Browser::default();
        let answer = browser.get(&shop.app, &format!("/add/{}", "x".repeat(characters))).await;
        match answer.status {
            StatusCode::OK => {
                assert_eq!(refused, 0);
                fitted = browser.session().len() + "__Host-session".len();
            }
            status => {
                assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
                refused += 1;
            }
        }
    }
    assert!((4_094..=4_096).contains(&fitted), "{fitted}");
    assert!(refused > 0);
}

/// A renewal that nobody asked for fails in silence, and the session is good until it ends.
#[tokio::test]
async fn a_renewal_that_does_not_fit_is_left_out() {
    let clock = Clock::new();
    let wide = SessionLayer::<Cart>::new(tokens()).clock(clock.reader());
    let events = Events::default();
    let narrow = SessionLayer::<Cart>::new(tokens())
        .cookie(Cookie::default().longest(256))
        .clock(clock.reader())
        .on_event(events.listener());
    let (wide, narrow) = (crate::shop::routes().layer(wide), crate::shop::routes().layer(narrow));
    let mut browser = Browser::default();
    browser.get(&wide, &format!("/add/{}", "x".repeat(300))).await;
    clock.pass(600);
    let answer = browser.get(&narrow, "/maybe").await;
    assert_eq!(answer.body, "1 items");
    assert!(answer.set_cookies().is_empty());
    // It was told as too large, which says that an answer became a 500.
    assert_eq!(events.take(), ["verified", "not_renewed"]);
    assert_eq!(browser.get(&narrow, "/add/y").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(events.take(), ["verified", "too_large"]);
}

/// A state that no token can hold, found when the handler lets go of it.
#[tokio::test]
async fn a_state_that_cannot_be_encoded_is_a_500() {
    async fn nan(SessionOrNew(mut session): SessionOrNew<f64>) {
        *session = f64::NAN;
    }
    async fn shown(mut session: Session<f64>) -> String {
        *session = f64::NAN;
        session.token().unwrap_err().to_string()
    }
    let events = Events::default();
    let layer = SessionLayer::<f64>::new(tokens()).clock(Clock::new().reader());
    let layer = layer.on_event(events.listener());
    let app = Router::new()
        .route("/nan", get(nan))
        .route("/one", get(async |SessionOrNew(mut session): SessionOrNew<f64>| *session = 1.5))
        .route("/shown", get(shown))
        .layer(layer);
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/nan").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(events.take(), ["absent", "not_issued"]);
    assert_eq!(browser.get(&app, "/one").await.set_cookies().len(), 1);
    assert_eq!(browser.get(&app, "/nan").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get(&app, "/shown").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}
