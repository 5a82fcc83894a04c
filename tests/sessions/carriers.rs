//! Carriers other than the cookie, and several at once.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderName, Request, StatusCode};
use saddlebag::{Carrier, NewSession};

use crate::browser::{Answer, Browser, send};
use crate::common::{NOW, at, shop as tokens};
use crate::shop::{Cart, Shop};

fn token(item: &str) -> String {
    let state = Cart { items: vec![item.to_owned()] };
    tokens().issue_at(NewSession::of(&state), at(NOW)).unwrap().token
}

async fn with(shop: &Shop, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = Request::get(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    send(&shop.app, request.body(Body::empty()).unwrap()).await
}

fn x_session() -> Carrier {
    Carrier::header(HeaderName::from_static("x-session"))
}

/// T27: a cookie's token is no bearer's, where only cookies are taken, and the other way round.
#[tokio::test]
async fn only_the_carriers_that_are_named_are_looked_at() {
    let token = token("apples");
    let bearer = format!("Bearer {token}");
    let cookie = format!("__Host-session={token}");
    let by_cookie = Shop::new();
    let by_bearer = Shop::with(tokens(), |layer| layer.carriers([Carrier::bearer()]));
    let query = format!("/cart?session={token}");
    assert_eq!(with(&by_cookie, "/cart", &[("cookie", &cookie)]).await.status, StatusCode::OK);
    for headers in [&[("authorization", &*bearer)][..], &[("x-session", &token)], &[]] {
        assert_eq!(with(&by_cookie, &query, headers).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = with(&by_bearer, "/cart", &[("authorization", &bearer)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("vary"), Some("authorization"));
    let answer = with(&by_bearer, &query, &[("cookie", &cookie)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
}

#[tokio::test]
async fn a_bearer_is_one_header_in_its_scheme() {
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::bearer()]));
    let token = token("apples");
    for (values, status) in [
        (vec![format!("Bearer {token}")], StatusCode::OK),
        (vec![format!("bEARER   {token}")], StatusCode::OK),
        (vec![format!("Bearer\t{token}")], StatusCode::UNAUTHORIZED),
        (vec![format!("Basic {token}")], StatusCode::UNAUTHORIZED),
        (vec![token.clone()], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {token} x")], StatusCode::UNAUTHORIZED),
        (vec![format!("Bearer {token}"); 2], StatusCode::UNAUTHORIZED),
        (vec!["Basic x".to_owned(), format!("Bearer {token}")], StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get("/cart");
        let request =
            values.iter().fold(request, |request, value| request.header(AUTHORIZATION, value));
        let answer = send(&shop.app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{values:?}");
    }
}

#[tokio::test]
async fn a_header_is_read_and_answered() {
    let shop = Shop::with(tokens(), |layer| layer.carriers([x_session()]));
    let answer = with(&shop, "/add/apples", &[]).await;
    let first = answer.header("x-session").unwrap().to_owned();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.set_cookies().is_empty());
    let answer = with(&shop, "/add/pears", &[("x-session", &first)]).await;
    assert_eq!(answer.body, r#"{"items":["apples","pears"]}"#);
    let second = answer.header("x-session").unwrap().to_owned();
    let answer = with(&shop, "/logout", &[("x-session", &second)]).await;
    assert_eq!(answer.header("x-session"), Some(""));
    // Two that differ are none.
    let answer = with(&shop, "/cart", &[("x-session", &first), ("x-session", &second)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_query_is_read_byte_for_byte_after_decoding() {
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::query("session")]));
    let (token, other) = (token("apples"), token("pears"));
    for (query, status) in [
        (format!("session={token}"), StatusCode::OK),
        (format!("a=b&session={token}&c"), StatusCode::OK),
        (format!("session={}", token.replacen('s', "%73", 1)), StatusCode::OK),
        (format!("%73ession={token}"), StatusCode::OK),
        (format!("session={token}&session={token}"), StatusCode::OK),
        (format!("session=&session={token}"), StatusCode::OK),
        (format!("session={token}&session={other}"), StatusCode::UNAUTHORIZED),
        (format!("Session={token}"), StatusCode::UNAUTHORIZED),
        (format!("session[]={token}"), StatusCode::UNAUTHORIZED),
        (format!("session={token}+"), StatusCode::UNAUTHORIZED),
        (format!("session={token};x"), StatusCode::UNAUTHORIZED),
        (String::new(), StatusCode::UNAUTHORIZED),
    ] {
        let answer = with(&shop, &format!("/cart?{query}"), &[]).await;
        assert_eq!(answer.status, status, "{query}");
        assert_eq!(answer.header("vary"), None);
    }
}

/// T32: a link with somebody's token signs nobody in: what came in an address stays there.
#[tokio::test]
async fn a_token_of_an_address_never_becomes_a_cookie() {
    let shop = Shop::with(tokens(), |layer| {
        layer.carriers([Carrier::cookie(), Carrier::query("session")])
    });
    let token = token("planted");
    for path in ["/cart", "/add/pears", "/login/alice", "/rotate"] {
        let answer = with(&shop, &format!("{path}?session={token}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    assert!(shop.events.take().contains(&"not_carried"));
    // Nor by its renewal.
    shop.clock.pass(600);
    assert!(with(&shop, &format!("/cart?session={token}"), &[]).await.set_cookies().is_empty());
    // What comes next is the application's to hand out.
    let link = with(&shop, &format!("/token?session={token}"), &[]).await;
    assert!(link.set_cookies().is_empty());
    shop.tokens.verify_at(&link.body, shop.clock.read()).unwrap();
}

/// T32: nor one that came as a bearer or in a form, beside a carrier that an answer can use.
#[tokio::test]
async fn a_token_of_a_bearer_or_a_form_never_becomes_a_cookie() {
    let shop = Shop::with(tokens(), |layer| layer.carriers([Carrier::cookie(), Carrier::bearer()]));
    let token = token("planted");
    let bearer = format!("Bearer {token}");
    for path in ["/cart", "/add/pears", "/login/alice", "/rotate"] {
        let answer = with(&shop, path, &[("authorization", &bearer)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.set_cookies().is_empty(), "{path}");
    }
    let add = async |mut session: saddlebag::Session<Cart>| session.items.push("pears".to_owned());
    let layer = saddlebag::SessionLayer::<Cart>::new(tokens()).form("session");
    let layer = layer.clock(shop.clock.reader()).on_event(shop.events.listener());
    let app = axum::Router::new().route("/add", axum::routing::post(add)).layer(layer);
    shop.events.take();
    let answer = Browser::default().post(&app, "/add", &format!("session={token}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(shop.events.take(), ["verified", "not_carried"]);
}

#[tokio::test]
async fn the_first_carrier_that_holds_anything_decides() {
    let shop = Shop::with(tokens(), |layer| {
        layer.carriers([Carrier::bearer(), Carrier::cookie(), x_session()])
    });
    let [a, b, c] = ["a", "b", "c"].map(token);
    let bearer = format!("Bearer {a}");
    let cookie = format!("__Host-session={b}");
    let all = [("authorization", &*bearer), ("cookie", &cookie), ("x-session", &c)];
    assert_eq!(with(&shop, "/cart", &all).await.body, r#"{"items":["a"]}"#);
    assert_eq!(with(&shop, "/cart", &all[1..]).await.body, r#"{"items":["b"]}"#);
    assert_eq!(with(&shop, "/cart", &all[2..]).await.body, r#"{"items":["c"]}"#);
    let answer = with(&shop, "/maybe", &all).await;
    assert_eq!(answer.all("vary"), ["authorization", "cookie", "x-session"]);
    // An invalid one is not passed over.
    let bad = [("authorization", "Bearer x"), all[1], all[2]];
    assert_eq!(with(&shop, "/cart", &bad).await.status, StatusCode::UNAUTHORIZED);
    // Another scheme is no token.
    let basic = [("authorization", "Basic x"), all[1]];
    assert_eq!(with(&shop, "/cart", &basic).await.body, r#"{"items":["b"]}"#);
    // The answer goes where the token came from; a new session, to the first that an answer can use.
    let answer = with(&shop, "/add/x", &all[2..]).await;
    assert!(answer.header("x-session").is_some() && answer.set_cookies().is_empty());
    let answer = with(&shop, "/add/x", &[]).await;
    assert!(answer.header("x-session").is_none() && answer.set_cookies().len() == 1);
    // A logout clears all that an answer can clear.
    let answer = with(&shop, "/logout", &all).await;
    assert_eq!(answer.header("x-session"), Some(""));
    assert_eq!(answer.set_cookies().len(), 2);
}

fn by_form(shop: &Shop) -> axum::Router {
    let layer = saddlebag::SessionLayer::<Cart>::new(tokens()).form("session");
    crate::shop::routes().layer(layer.clock(shop.clock.reader()))
}

#[tokio::test]
async fn a_form_is_read_and_given_to_the_handler_whole() {
    let shop = Shop::new();
    let app = by_form(&shop);
    let (token, other) = (token("apples"), token("pears"));
    for (form, found) in [
        (format!("session={token}"), true),
        (format!("a=1&session={token}&b=%C3%A4"), true),
        (format!("session={token}&session={other}"), false),
        ("a=1".to_owned(), false),
        (String::new(), false),
    ] {
        let answer = Browser::default().post(&app, "/post", &form).await;
        assert_eq!(answer.body, format!("{found} {form}"));
        assert!(answer.set_cookies().is_empty());
    }
    // A cookie comes first.
    let cookie = format!("__Host-session={other}");
    let request = Request::post("/post")
        .header(COOKIE, cookie)
        .header(CONTENT_TYPE, "Application/X-www-form-urlencoded; charset=utf-8");
    let answer = send(&app, request.body(format!("session={token}").into()).unwrap()).await;
    assert!(answer.body.starts_with("true "));
}

#[tokio::test]
async fn a_body_that_is_no_posted_form_is_left_alone() {
    let shop = Shop::new();
    let app = by_form(&shop);
    let form = format!("session={}", token("apples"));
    for kind in [
        "text/plain",
        "multipart/form-data",
        "application/json",
        "application/x-www-form-urlencodedx",
    ] {
        let request = Request::post("/post").header(CONTENT_TYPE, kind);
        let answer = send(&app, request.body(form.clone().into()).unwrap()).await;
        assert_eq!(answer.body, format!("false {form}"), "{kind}");
    }
    // Without the carrier, a form is left alone too.
    let answer = Browser::default().post(&shop.app, "/post", &form).await;
    assert_eq!(answer.body, format!("false {form}"));
}

/// T46: a form is read up to a limit.
#[tokio::test]
async fn a_form_without_end_is_a_413() {
    let shop = Shop::new();
    let app = by_form(&shop);
    let limit = 2 * 1024 * 1024;
    let answer = Browser::default().post(&app, "/", &"a".repeat(limit)).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = Browser::default().post(&app, "/", &"a".repeat(limit + 1)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
