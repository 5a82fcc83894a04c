//! What an application's log says, to those who run it.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{Request, StatusCode};
use saddlebag::{Carrier, Cookie, Session};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::fmt::MakeWriter;

use crate::browser::{Browser, send};
use crate::common::{builder, shop as tokens};
use crate::shop::{Cart, Shop, routes};

/// What is logged on this thread, from now on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let lines = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        (log, set_default(lines.finish()))
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn what_an_application_gets_wrong_is_told() {
    let (log, _listening) = Log::listen();
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    assert_eq!(log.take(), "");
    browser.get(&shop.app, "/twice").await;
    assert!(log.take().contains(
        "ERROR saddlebag::middleware::slot: two extractors of one session in one request"
    ));
    Browser::default().get(&routes(), "/cart").await;
    let told = log.take();
    assert!(told.contains("no SessionLayer of this state is around the handler"), "{told}");
    assert!(told.contains("Cart"), "{told}");
    let layer = || saddlebag::SessionLayer::<Cart>::new(tokens());
    Browser::default().get(&routes().layer(layer()).layer(layer()), "/").await;
    assert!(log.take().contains("two SessionLayers of one state are around the handler"));
}

#[tokio::test]
async fn a_change_that_is_lost_is_told() {
    static LATE: Mutex<Option<Session<Cart>>> = Mutex::new(None);
    async fn keeps(mut session: Session<Cart>) {
        session.items.push("late".to_owned());
        *LATE.lock().unwrap() = Some(session);
    }
    let (log, _listening) = Log::listen();
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::cookie(), Carrier::bearer()]));
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let layer = saddlebag::SessionLayer::<Cart>::new(tokens()).clock(shop.clock.reader());
    let app = axum::Router::new().route("/keeps", axum::routing::get(keeps)).layer(layer);
    browser.get(&app, "/keeps").await;
    assert_eq!(log.take(), "");
    LATE.lock().unwrap().take();
    assert!(log.take().contains("WARN saddlebag::middleware::slot: a session was changed after"));
    let request = Request::get("/add/pears");
    let request = request.header(AUTHORIZATION, format!("Bearer {}", browser.session()));
    send(&shop.app, request.body(Body::empty()).unwrap()).await;
    assert!(log.take().contains("by a carrier which no answer can use: the change is lost"));
}

#[tokio::test]
async fn a_long_token_is_warned_of_once_whoever_carries_it() {
    let (log, _listening) = Log::listen();
    let item = |characters| "x".repeat(characters);
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, &format!("/add/{}", item(1_400))).await;
    assert!((1_900..=2_048).contains(&browser.session().len()), "{}", browser.session().len());
    assert_eq!(log.take(), "");
    for _ in 0..2 {
        browser.get(&shop.app, &format!("/add/{}", item(100))).await;
    }
    assert!(browser.session().len() > 2_048);
    let told = log.take();
    assert_eq!(
        told.matches("a session's token has more than 2048 characters").count(),
        1,
        "{told}"
    );
    // Handed out to somebody who carries it.
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::bearer()]));
    let text = async |saddlebag::SessionOrNew(mut session): saddlebag::SessionOrNew<Cart>| {
        session.items.push("x".repeat(1_600));
        session.token().unwrap()
    };
    let layer = saddlebag::SessionLayer::<Cart>::new(tokens()).carriers([Carrier::bearer()]);
    let layer = layer.clock(shop.clock.reader());
    let app = axum::Router::new().route("/text", axum::routing::get(text)).layer(layer);
    Browser::default().get(&app, "/text").await;
    assert!(log.take().contains("a session's token has more than 2048 characters"));
}

#[tokio::test]
async fn what_is_too_large_is_told_with_its_heaviest_fields() {
    let (log, _listening) = Log::listen();
    // Longer than the tokens' limit, than a cookie, and than four.
    let tokens =
        |longest| builder().longest_issued(longest).longest_verified(7_168).build().unwrap();
    for (tokens, cookie, characters) in [
        (tokens(4_000), Cookie::default(), 3_000),
        (tokens(4_090), Cookie::default(), 2_980),
        (tokens(7_168), Cookie::default().chunked().longest(512), 3_000),
    ] {
        let shop = Shop::with(tokens, |layer| layer.cookie(cookie));
        let path = format!("/add/{}", "x".repeat(characters));
        let answer = Browser::default().get(&shop.app, &path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        let told = log.take();
        let line = told.lines().find(|line| line.contains("ERROR")).unwrap();
        assert!(line.contains(&format!("items ({} bytes)", characters + 10)), "{line}");
        assert!(!line.contains("xxx"), "{line}");
    }
}
