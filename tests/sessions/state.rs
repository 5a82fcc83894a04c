//! States of another time: what old and new code read of each other's tokens.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use saddlebag::{Session, SessionLayer};
use serde::{Deserialize, Serialize};

use crate::browser::{Browser, Clock};
use crate::common::shop as tokens;
use crate::shop::{Cart, Events, Shop};

/// The cart with a count for each item: no old cart reads as this.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted {
    items: Vec<(String, u32)>,
}

/// The cart with a field more, which old ones lack.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct WithCoupon {
    items: Vec<String>,
    #[serde(default)]
    coupon: Option<String>,
}

async fn counted(session: Session<Counted>) -> String {
    format!("{:?}", session.items)
}

async fn coupon(mut session: Session<WithCoupon>) -> String {
    session.coupon = Some("ten".to_owned());
    format!("{:?}", session.items)
}

fn migrating(events: &Events) -> Router {
    let layer = SessionLayer::<Counted>::new(tokens())
        .clock(Clock::new().reader())
        .on_event(events.listener());
    let layer = layer.migrate(|old| {
        let cart: Cart = old.state().ok()?;
        Some(Counted { items: cart.items.into_iter().map(|item| (item, 1)).collect() })
    });
    Router::new().route("/", get(counted)).layer(layer)
}

#[tokio::test]
async fn a_field_that_is_new_or_gone_follows_serde() {
    let shop = Shop::new();
    let layer = SessionLayer::<WithCoupon>::new(tokens()).clock(shop.clock.reader());
    let new = Router::new().route("/coupon", get(coupon)).layer(layer);
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    assert_eq!(browser.get(&new, "/coupon").await.body, r#"["apples"]"#);
    // The old code reads the new token, and drops what it does not know once it changes something.
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
    browser.get(&shop.app, "/add/pears").await;
    assert_eq!(browser.get(&new, "/coupon").await.body, r#"["apples", "pears"]"#);
}

#[tokio::test]
async fn a_state_that_does_not_decode_is_no_session() {
    let shop = Shop::new();
    let events = Events::default();
    let layer = SessionLayer::<Counted>::new(tokens())
        .clock(shop.clock.reader())
        .on_event(events.listener());
    let new = Router::new()
        .route("/", get(counted))
        .route(
            "/maybe",
            get(async |session: Option<Session<Counted>>| session.is_some().to_string()),
        )
        .layer(layer);
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    assert_eq!(browser.get(&new, "/").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(events.take(), ["verified", "state"]);
    assert_eq!(browser.get(&new, "/maybe").await.body, "false");
    // It is left in place: code that can read it may still be running beside this.
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
}

#[tokio::test]
async fn a_state_that_does_not_decode_can_be_migrated_and_is_sent_anew() {
    let shop = Shop::new();
    let events = Events::default();
    let new = migrating(&events);
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let old = browser.session().to_owned();
    let answer = browser.get(&new, "/").await;
    assert_eq!(answer.body, r#"[("apples", 1)]"#);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(events.take(), ["verified", "renewed"]);
    // It is the same session; and read without more from now on.
    let now = shop.clock.read();
    let (before, after) = (
        shop.tokens.verify_at(&old, now).unwrap(),
        shop.tokens.verify_at(browser.session(), now).unwrap(),
    );
    assert_eq!(after.info().id, before.info().id);
    let answer = browser.get(&new, "/").await;
    assert_eq!(answer.body, r#"[("apples", 1)]"#);
    assert!(answer.set_cookies().is_empty());
    // What a migration does not know either is no session.
    assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_that_begins_in_place_of_one_that_does_not_decode_is_new() {
    use saddlebag::{Carrier, SessionOrNew};

    async fn begins(SessionOrNew(mut session): SessionOrNew<Vec<u8>>) -> String {
        session.push(1);
        session.token().unwrap();
        session.is_new().to_string()
    }
    let shop = Shop::new();
    let events = Events::default();
    let layer = SessionLayer::<Vec<u8>>::new(tokens()).clock(shop.clock.reader());
    let layer = layer.carriers([Carrier::cookie(), Carrier::query("session")]);
    let app = Router::new().route("/", get(begins)).layer(layer.on_event(events.listener()));
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let old = browser.session().to_owned();
    for (mut browser, path) in
        [(browser.clone(), "/".to_owned()), (Browser::default(), format!("/?session={old}"))]
    {
        assert_eq!(browser.get(&app, &path).await.body, "true");
        let ids = [browser.session(), &old]
            .map(|token| shop.tokens.verify_at(token, shop.clock.read()).unwrap().info().id);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(events.take(), ["verified", "state", "issued"]);
    }
}
