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
