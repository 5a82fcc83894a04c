//! A session's life: begun when something changes, left alone when nothing does, renewed when that is due.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use saddlebag::{SessionLayer, SessionOrNew};

use crate::browser::Browser;
use crate::shop::{Cart, Shop};

#[tokio::test]
async fn a_visitor_who_changes_nothing_gets_no_cookie() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    for path in ["/", "/maybe"] {
        let answer = browser.get(&shop.app, path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    assert_eq!(shop.events.take(), ["absent", "absent"]);
}

#[tokio::test]
async fn a_required_session_that_is_absent_is_a_401_before_the_handler() {
    let shop = Shop::new();
    let answer = Browser::default().get(&shop.app, "/cart").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body, "no session\n");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("vary"), Some("cookie"));
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn a_change_is_in_the_answer_and_in_the_next_request() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    let answer = browser.get(&shop.app, "/add/apples").await;
    assert_eq!(answer.body, r#"{"items":["apples"]}"#);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = browser.get(&shop.app, "/add/pears").await;
    assert_eq!(answer.body, r#"{"items":["apples","pears"]}"#);
    let answer = browser.get(&shop.app, "/cart").await;
    assert_eq!(answer.body, r#"{"items":["apples","pears"]}"#);
    assert!(answer.set_cookies().is_empty());
    let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    assert_eq!(verified.info().revision, 1);
    assert_eq!(shop.events.take(), ["absent", "issued", "verified", "renewed", "verified"]);
}

#[tokio::test]
async fn a_state_that_was_touched_and_is_the_same_is_not_sent() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, "/touch").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.header("cache-control"), None);
    assert_eq!(answer.header("vary"), Some("cookie"));
}

#[tokio::test]
async fn an_answer_that_no_extractor_had_a_part_in_does_not_vary() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, "/").await;
    assert_eq!(answer.header("vary"), None);
    assert_eq!(answer.header("cache-control"), None);
}

#[tokio::test]
async fn a_session_in_use_is_renewed_when_that_is_due_even_where_no_extractor_runs() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let first = browser.session().to_owned();
    shop.clock.pass(224);
    assert!(browser.get(&shop.app, "/").await.set_cookies().is_empty());
    shop.clock.pass(1);
    let answer = browser.get(&shop.app, "/").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(answer.header("vary"), Some("cookie"));
    let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    let before = shop.tokens.verify_at(&first, shop.clock.read()).unwrap();
    assert_eq!(verified.info().id, before.info().id);
    assert_eq!(verified.info().revision, 1);
    assert_eq!(verified.state_cbor(), before.state_cbor());
}

#[tokio::test]
async fn a_session_under_a_draining_key_moves_to_the_active_one_at_its_next_request() {
    use saddlebag::keys::{KeyRingHandle, Policy};
    use saddlebag::{NewSession, Tokens};

    use crate::common::{DAY, NOW, all_states, at, key, ring_of};

    let tokens =
        |ring| Tokens::builder(KeyRingHandle::fixed(ring)).audience("shop").build().unwrap();
    // An issuer that does not know of the newer key yet.
    let keys = [key(1, NOW - 30 * DAY, Some(NOW + DAY)), key(9, NOW + DAY, None)];
    let old = tokens(ring_of(1, Policy::default(), &keys));
    let state = crate::shop::Cart { items: vec!["apples".to_owned()] };
    let issued = old.issue_at(NewSession::of(&state), at(NOW - 10)).unwrap();
    let shop = Shop::with(tokens(all_states()), |layer| layer);
    let mut browser = Browser::default();
    browser.cookies.insert("__Host-session".to_owned(), issued.token);
    let answer = browser.get(&shop.app, "/cart").await;
    assert_eq!(answer.body, r#"{"items":["apples"]}"#);
    let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    assert_eq!(verified.key_id(), crate::common::id(2));
}

#[tokio::test]
async fn a_session_ends_when_it_lies_idle_and_at_its_absolute_end() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let idle = browser.clone();
    // Used every 10 minutes, it lives for a day.
    for _ in 0..(24 * 6) {
        shop.clock.pass(600);
        assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::OK);
    }
    shop.clock.pass(61);
    assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(idle.clone().get(&shop.app, "/cart").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_answer_of_5xx_takes_no_change_along() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let answer = browser.get(&shop.app, "/fails/pears").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["apples"]}"#);
}

/// T32: who logs in has another session than who came.
#[tokio::test]
async fn a_login_begins_another_session_and_keeps_its_state() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    let planted = browser.session().to_owned();
    shop.clock.pass(5);
    browser.get(&shop.app, "/login/alice").await;
    let now = shop.clock.read();
    let before = shop.tokens.verify_at(&planted, now).unwrap();
    let after = shop.tokens.verify_at(browser.session(), now).unwrap();
    assert_ne!(after.info().id, before.info().id);
    assert_eq!(after.info().started_at, now);
    assert_eq!(after.info().revision, 0);
    assert_eq!(after.subject(), Some("alice"));
    assert_eq!(after.state_cbor(), before.state_cbor());
    // Who planted the first has an anonymous session still.
    assert_eq!(before.subject(), None);
    // A login again as the same, and a request that changes nothing, keep the session.
    browser.get(&shop.app, "/login/alice").await;
    let again = shop.tokens.verify_at(browser.session(), now).unwrap();
    assert_eq!(again.info().id, after.info().id);
}

/// T32.
#[tokio::test]
async fn an_id_is_rotated_where_privileges_change() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/login/alice").await;
    let now = shop.clock.read();
    let before = shop.tokens.verify_at(browser.session(), now).unwrap();
    browser.get(&shop.app, "/rotate").await;
    let after = shop.tokens.verify_at(browser.session(), now).unwrap();
    assert_ne!(after.info().id, before.info().id);
    assert_eq!(after.subject(), Some("alice"));
    assert_eq!(after.state_cbor(), before.state_cbor());
}

#[tokio::test]
async fn the_token_of_a_link_is_the_token_of_the_answer() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    let answer = browser.get(&shop.app, "/token").await;
    assert_eq!(answer.body, browser.session());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    // One that came and did not change is the one that came.
    let answer = browser.get(&shop.app, "/token").await;
    assert_eq!(answer.body, browser.session());
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// RFC 9111, section 5.2.2; RFC 9110, section 12.5.5: what the application says of caches is added to, and never weakened.
#[tokio::test]
async fn what_an_answer_says_of_caches_is_kept_where_it_is_enough() {
    use axum::http::header::{CACHE_CONTROL, HeaderMap, VARY};

    let shop = Shop::new();
    for (caches, varies, then_caches, then_varies) in [
        (vec![], vec![], vec!["no-store"], vec!["cookie"]),
        (vec!["private"], vec![], vec!["private"], vec!["cookie"]),
        (vec!["max-age=60, Private"], vec![], vec!["max-age=60, Private"], vec!["cookie"]),
        (vec!["no-cache", "no-store"], vec![], vec!["no-cache", "no-store"], vec!["cookie"]),
        (vec!["public, max-age=60"], vec![], vec!["no-store"], vec!["cookie"]),
        (vec!["public", "max-age=60"], vec![], vec!["no-store"], vec!["cookie"]),
        (vec![], vec!["*"], vec!["no-store"], vec!["*"]),
        (vec![], vec!["accept, Cookie"], vec!["no-store"], vec!["accept, Cookie"]),
        (vec![], vec!["accept-encoding"], vec!["no-store"], vec!["accept-encoding", "cookie"]),
        (vec![], vec!["cookie-jar"], vec!["no-store"], vec!["cookie-jar", "cookie"]),
    ] {
        let headers: HeaderMap = caches
            .iter()
            .map(|value| (CACHE_CONTROL, value.parse().unwrap()))
            .chain(varies.iter().map(|value| (VARY, value.parse().unwrap())))
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        let add = async |SessionOrNew(mut session): SessionOrNew<Cart>| {
            session.items.push("apples".to_owned());
            headers
        };
        let layer = SessionLayer::<Cart>::new(shop.tokens.clone()).clock(shop.clock.reader());
        let app = Router::new().route("/", get(add)).layer(layer);
        let answer = Browser::default().get(&app, "/").await;
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(answer.all("cache-control"), then_caches, "{caches:?}");
        assert_eq!(answer.all("vary"), then_varies, "{varies:?}");
    }
}

/// Where something inside the layer gives a handler up, what it had changed so far goes out.
#[tokio::test]
async fn a_handler_that_is_cancelled_leaves_what_it_had_changed() {
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use axum::response::{IntoResponse, Response};

    async fn gives_up(request: Request, next: Next) -> Response {
        tokio::select! {
            biased;
            answer = next.run(request) => answer,
            () = tokio::task::yield_now() => "too slow".into_response(),
        }
    }
    async fn hangs(SessionOrNew(mut session): SessionOrNew<Cart>) {
        session.items.push("half".to_owned());
        std::future::pending().await
    }
    let shop = Shop::new();
    let layer = SessionLayer::<Cart>::new(shop.tokens.clone()).clock(shop.clock.reader());
    let app = Router::new().route("/", get(hangs)).layer(from_fn(gives_up)).layer(layer);
    let mut browser = Browser::default();
    assert_eq!(browser.get(&app, "/").await.body, "too slow");
    assert_eq!(browser.get(&shop.app, "/cart").await.body, r#"{"items":["half"]}"#);
}
