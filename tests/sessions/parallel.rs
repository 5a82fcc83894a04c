//! Requests at once.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use saddlebag::{Cookie, Session, SessionLayer, SessionOrNew};
use serde::{Deserialize, Serialize};

use crate::browser::Browser;
use crate::common::shop as tokens;
use crate::shop::{Cart, Shop};

/// T34: of a hundred answers, whichever comes last is whole, of the highest revision, and loses nothing that was there
/// before they began.
#[tokio::test]
async fn a_hundred_parallel_changes_leave_one_of_them() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/first").await;
    shop.clock.pass(100);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (browser, app) = (browser.clone(), shop.app.clone());
        tasks.spawn(async move {
            let request = Request::get(format!("/add/item{n}")).body(Body::empty()).unwrap();
            browser.ask(&app, request).await
        });
    }
    let answers = tasks.join_all().await;
    let mut seen = BTreeSet::new();
    for answer in &answers {
        browser.keep(answer);
        let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
        let info = verified.info();
        seen.insert((info.revision, info.expires_at, info.ends_at, info.id));
        let cart: Cart = verified.state().unwrap();
        assert_eq!(cart.items[0], "first");
        assert_eq!(cart.items.len(), 2);
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen.first().unwrap().0, 1);
    // The next is one more, on what came last.
    browser.get(&shop.app, "/add/next").await;
    let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    assert_eq!(verified.info().revision, 2);
    assert_eq!(verified.state::<Cart>().unwrap().items.len(), 3);
}

/// T34: a hundred renewals at once, each at a second of its own, whichever comes last: one session, whole, that goes on.
#[tokio::test]
async fn a_hundred_parallel_renewals_leave_one_whole_session() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/login/alice").await;
    browser.get(&shop.app, "/add/first").await;
    let before = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    shop.clock.pass(225);
    let mut answers = Vec::new();
    for _ in 0..100 {
        let request = Request::get("/").body(Body::empty()).unwrap();
        answers.push(browser.ask(&shop.app, request).await);
        shop.clock.pass(1);
    }
    let mut expire = BTreeSet::new();
    // In an order of their own.
    for n in 0..100 {
        let mut browser = browser.clone();
        browser.keep(&answers[n * 37 % 100]);
        let now = shop.clock.read();
        let verified = shop.tokens.verify_at(browser.session(), now).unwrap();
        let (info, was) = (verified.info(), before.info());
        assert_eq!((info.id, info.started_at, info.ends_at), (was.id, was.started_at, was.ends_at));
        assert_eq!(info.revision, was.revision + 1);
        assert_eq!(
            (verified.subject(), verified.state_cbor()),
            (Some("alice"), before.state_cbor())
        );
        expire.insert(info.expires_at);
        // From any of them it goes on.
        browser.get(&shop.app, "/add/next").await;
        assert_eq!(browser.get(&shop.app, "/maybe").await.body, "2 items");
    }
    assert_eq!(expire.len(), 100);
}

/// T34: what the documents say of a reader whose renewal is due beside a writer: where it comes last, the change is
/// gone; and the revision, which two tokens have, tells it to an application that keeps the last.
#[tokio::test]
async fn a_readers_renewal_that_comes_last_brings_the_state_that_it_was_sent_with() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/first").await;
    shop.clock.pass(300);
    let ask = async |path| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        browser.ask(&shop.app, request).await
    };
    let (reader, writer) = (ask("/cart").await, ask("/add/second").await);
    let revision = |browser: &Browser| {
        let now = shop.clock.read();
        shop.tokens.verify_at(browser.session(), now).unwrap().info().revision
    };
    for (order, items) in [([&reader, &writer], "2 items"), ([&writer, &reader], "1 items")] {
        let mut browser = browser.clone();
        let revisions = order.map(|answer| {
            browser.keep(answer);
            revision(&browser)
        });
        assert_eq!(revisions, [1, 1]);
        assert_eq!(browser.get(&shop.app, "/maybe").await.body, items);
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Login {
    visits: u32,
}

/// T34: two sessions, each with its cookie: parallel requests that change different ones lose nothing.
#[tokio::test]
async fn parallel_changes_of_two_sessions_lose_nothing() {
    async fn visit(
        SessionOrNew(mut login): SessionOrNew<Login>,
        cart: Option<Session<Cart>>,
    ) -> String {
        login.visits += 1;
        format!("{} {}", login.visits, cart.map_or(0, |cart| cart.items.len()))
    }
    let cart = tokens().for_audience("cart").unwrap();
    let login = tokens().for_audience("login").unwrap();
    let app: Router = crate::shop::routes()
        .route("/visit", get(visit))
        .layer(
            SessionLayer::<Cart>::new(cart)
                .cookie(Cookie::new("cart").unwrap())
                .clock(|| crate::common::at(crate::common::NOW)),
        )
        .layer(
            SessionLayer::<Login>::new(login)
                .cookie(Cookie::new("login").unwrap().strict())
                .clock(|| crate::common::at(crate::common::NOW)),
        );
    let mut browser = Browser::default();
    browser.get(&app, "/add/apples").await;
    assert_eq!(browser.get(&app, "/visit").await.body, "1 1");
    for round in 1..10 {
        let ask = |path: &'static str| {
            let (browser, app) = (browser.clone(), app.clone());
            async move { browser.ask(&app, Request::get(path).body(Body::empty()).unwrap()).await }
        };
        let (one, other) = tokio::join!(ask("/add/pears"), ask("/visit"));
        assert_eq!(one.set_cookies().len(), 1);
        assert_eq!(other.set_cookies().len(), 1);
        browser.keep(&one);
        browser.keep(&other);
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-cart", "__Host-login"]);
        assert_eq!(browser.get(&app, "/maybe").await.body, format!("{} items", 1 + round));
    }
    assert_eq!(browser.get(&app, "/visit").await.body, "11 10");
    // T27, T43: a token of one in the other's cookie is nobody's.
    let exchanged = Browser {
        cookies: [("__Host-cart", "__Host-login"), ("__Host-login", "__Host-cart")]
            .map(|(name, other)| (name.to_owned(), browser.cookies[other].clone()))
            .into(),
    };
    assert_eq!(exchanged.clone().get(&app, "/cart").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(exchanged.clone().get(&app, "/visit").await.body, "1 0");
}
