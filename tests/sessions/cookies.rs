//! The cookie itself: what is set, to the letter, and which of the cookies that come is believed.

use axum::body::Body;
use axum::http::header::COOKIE;
use axum::http::{HeaderValue, Request, StatusCode};
use saddlebag::{Cookie, NewSession};

use crate::browser::{Answer, Browser, send};
use crate::common::{NOW, at, shop as tokens};
use crate::shop::{Cart, Shop};

fn token_of(who: &str) -> String {
    let state = Cart { items: vec![format!("{who}'s")] };
    tokens().issue_at(NewSession::of(&state).subject(who), at(NOW)).unwrap().token
}

async fn cart(shop: &Shop, cookies: &[&[u8]]) -> Answer {
    let mut request = Request::get("/cart").body(Body::empty()).unwrap();
    for line in cookies {
        request.headers_mut().append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    send(&shop.app, request).await
}

#[tokio::test]
async fn a_cookie_is_set_as_strictly_as_a_browser_can_hold_it() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    let answer = browser.get(&shop.app, "/add/apples").await;
    let token = browser.session();
    assert_eq!(
        answer.set_cookies(),
        [format!("__Host-session={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900")]
    );
}

/// Each cookie that can be asked for, and what is set; the prefix follows from the rest.
#[tokio::test]
async fn what_is_asked_of_a_cookie_is_what_is_set() {
    let weak = || Cookie::default().dangerous();
    let cases: Vec<(Cookie, &str, &str)> = vec![
        (
            Cookie::new("cart").unwrap(),
            "__Host-cart",
            "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900",
        ),
        (
            Cookie::default().strict(),
            "__Host-session",
            "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=900",
        ),
        (
            Cookie::default().partitioned(),
            "__Host-session",
            "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900; Partitioned",
        ),
        (
            Cookie::default().until_the_browser_closes(),
            "__Host-session",
            "; Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        (weak().insecure().into(), "session", "; Path=/; HttpOnly; SameSite=Lax; Max-Age=900"),
        (
            weak().same_site_none().into(),
            "__Host-session",
            "; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=900",
        ),
        (
            weak().readable_by_scripts().into(),
            "__Host-session",
            "; Path=/; Secure; SameSite=Lax; Max-Age=900",
        ),
        (
            weak().domain("shop.test").unwrap().into(),
            "__Secure-session",
            "; Path=/; Domain=shop.test; Secure; HttpOnly; SameSite=Lax; Max-Age=900",
        ),
        (
            weak().path("/shop").unwrap().into(),
            "__Secure-session",
            "; Path=/shop; Secure; HttpOnly; SameSite=Lax; Max-Age=900",
        ),
        (
            weak().bare_name("SID").unwrap().into(),
            "SID",
            "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900",
        ),
    ];
    for (cookie, name, attributes) in cases {
        assert_eq!(cookie.name(), name);
        let shop = Shop::with(tokens(), |layer| layer.cookie(cookie));
        let mut browser = Browser::default();
        let answer = browser.get(&shop.app, "/add/apples").await;
        let token = &browser.cookies[name];
        assert_eq!(answer.set_cookies(), [format!("{name}={token}{attributes}")]);
        assert_eq!(browser.get(&shop.app, "/cart").await.status, StatusCode::OK);
        // Cleared with the same attributes, or a browser keeps it.
        let answer = browser.get(&shop.app, "/logout").await;
        let cleared = attributes.split("; Max-Age").next().unwrap();
        assert!(answer.set_cookies()[0].starts_with(&format!("{name}={cleared}; Max-Age=0")));
        assert!(!browser.cookies.contains_key(name));
    }
}

#[test]
fn a_name_a_path_and_a_domain_are_checked_and_named() {
    for name in [
        "",
        "a b",
        "a.b",
        "a=b",
        "a;b",
        "ä",
        "__Host-x",
        "__host-x",
        "__Secure-x",
        "a\n",
        &"n".repeat(65),
    ] {
        let error = Cookie::new(name).unwrap_err().to_string();
        assert!(error.contains(&format!("{name:?}")), "{error}");
        assert!(Cookie::default().dangerous().bare_name(name).is_err());
    }
    for path in ["", "shop", "/a;b", "/a b", "/a\r\nSet-Cookie: x"] {
        assert!(Cookie::default().dangerous().path(path).is_err(), "{path}");
    }
    for domain in ["", "a b", "a;b", "shop.test\r\n", "a/b"] {
        assert!(Cookie::default().dangerous().domain(domain).is_err(), "{domain}");
    }
}

#[tokio::test]
async fn a_cookies_life_is_never_longer_than_its_tokens() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    // Close to the absolute end, the token is shorter, and the cookie with it.
    for _ in 0..143 {
        shop.clock.pass(600);
        browser.get(&shop.app, "/cart").await;
    }
    shop.clock.pass(300);
    let answer = browser.get(&shop.app, "/add/pears").await;
    let verified = shop.tokens.verify_at(browser.session(), shop.clock.read()).unwrap();
    let left = verified.info().expires_at.since(shop.clock.read());
    assert_eq!(left, 300);
    assert!(answer.set_cookies()[0].contains("; Max-Age=300"), "{:?}", answer.set_cookies());
}

/// T30: of two that differ, one may be an attacker's; neither is taken, and neither is cleared, since that could
/// leave the attacker's alone.
#[tokio::test]
async fn two_values_that_differ_are_no_session() {
    let shop = Shop::new();
    let (alice, mallory) = (token_of("alice"), token_of("mallory"));
    let one = format!("__Host-session={alice}; __Host-session={mallory}");
    let other = format!("__Host-session={mallory}; x=y; __Host-session={alice}");
    let garbage = format!("__Host-session=x; __Host-session={alice}");
    for line in [one, other, garbage] {
        let answer = cart(&shop, &[line.as_bytes()]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{line}");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(shop.events.take(), ["ambiguous"]);
    }
    // In two headers, as HTTP/2 may send them.
    let (first, second) = (format!("__Host-session={alice}"), format!("__Host-session={mallory}"));
    let answer = cart(&shop, &[first.as_bytes(), second.as_bytes()]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // The same twice is the same.
    let answer = cart(&shop, &[first.as_bytes(), first.as_bytes()]).await;
    assert_eq!(answer.status, StatusCode::OK);
}

/// T30: the disguises in which a name passes a browser's check of prefixes, or another parser's eyes.
#[tokio::test]
async fn a_disguised_name_is_another_name() {
    let shop = Shop::new();
    let mallory = token_of("mallory");
    let disguises: Vec<Vec<u8>> = [
        "\u{2000}__Host-session=",
        "\u{a0}__Host-session=",
        "\u{2003}__Host-session=",
        "\u{feff}__Host-session=",
        "\u{85}__Host-session=",
        "\u{3000}__Host-session=",
        "__Host-session\u{2000}=",
        "__host-session=",
        "__HOST-SESSION=",
        "__Host-Session=",
        "__Host-session2=",
        "x__Host-session=",
        "__Host-session.=",
        "__Host-session.ended.=",
        "__Host-sessio%6e=",
        "__Host%2Dsession=",
        "\"__Host-session\"=",
        "$Version=1,__Host-session=",
        "__Host-session:",
        "__Host-session",
        "session=",
        "__Secure-session=",
        "a=b,__Host-session=",
        "a=\"__Host-session=",
        "__Host-session ; x=",
        "__Host-session =",
        "=__Host-session=",
    ]
    .iter()
    .map(|disguise| [disguise.as_bytes(), mallory.as_bytes()].concat())
    .collect();
    let alice = format!("__Host-session={}", token_of("alice"));
    for disguise in &disguises {
        let shown = String::from_utf8_lossy(disguise);
        // Alone, it is nobody's session.
        let answer = cart(&shop, &[disguise]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{shown}");
        // Beside the real one, on either side, in one header or two, the real one is it.
        for line in
            [[disguise, b"; ".as_slice(), alice.as_bytes()], [alice.as_bytes(), b"; ", disguise]]
        {
            let answer = cart(&shop, &[&line.concat()]).await;
            assert_eq!(answer.body, r#"{"items":["alice's"]}"#, "{shown}");
        }
        let answer = cart(&shop, &[disguise, alice.as_bytes()]).await;
        assert_eq!(answer.body, r#"{"items":["alice's"]}"#, "{shown}");
    }
}

/// T30: `$Version` and its like are cookies of these names, and change nothing.
#[tokio::test]
async fn old_attributes_of_requests_mean_nothing() {
    let shop = Shop::new();
    let alice = token_of("alice");
    for line in [
        format!("$Version=1; __Host-session={alice}; $Path=/; $Domain=x"),
        format!("$Version=\"1\"; __Host-session={alice}"),
        format!(";; ;__Host-session={alice};"),
        format!("  __Host-session  =  x;\t__Host-session={alice}\t"),
        format!("=; =x; x; __Host-session={alice}"),
        format!("bad\u{2000}=\u{7f}x; __Host-session={alice}").replace('\u{7f}', "!"),
    ] {
        let answer = cart(&shop, &[line.as_bytes()]).await;
        assert_eq!(answer.body, r#"{"items":["alice's"]}"#, "{line}");
    }
}

/// T30: the cases that public parsers are tested with (jshttp/cookie, Werkzeug, Go's net/http), as neighbours of the
/// session's cookie and as its own spelling: what they read or do not read beside it changes nothing.
#[tokio::test]
async fn the_public_cases_of_cookie_parsers_change_nothing() {
    let shop = Shop::new();
    let alice = token_of("alice");
    let own = format!("__Host-session={alice}");
    for neighbour in [
        "foo=bar",
        "FOO    = bar;   baz  =   raz",
        "",
        " \t ",
        "foo=; bar=",
        "f=;b=",
        "foo=\"bar=123456789&name=Magic+Mouse\"",
        "email=%20%22%2c%3b%2f",
        "  foo  =  \"bar\"  ",
        " foo = \" a b c \" ",
        " = bar ",
        "   =   ",
        "\tfoo\t=\tbar\t",
        "foo=%1;bar=bar",
        "foo=bar;fizz  ;  buzz",
        "  fizz; foo=  bar",
        "foo=false;bar=bar;foo=true",
        "toString=foo;valueOf=bar",
        "__proto__=x",
        "a=b=c==",
        "a=\"b",
        "a=b\"",
        "a=\"b;c\"",
        "keebler=\"E=mc2; L=\\\"Love\\\"; fudge=\\012;\"",
        "a=b,c=d",
        "a=\\054b",
        "Cookie-1=v$1",
        "special-1= z",
        "a[]=1;a[]=2",
        "$Path=/; $Domain=x",
        "\u{e4}=\u{fc}",
        "expires=Thu, 01 Jan 1970 00:00:00 GMT; secure; HttpOnly",
    ] {
        for line in [
            format!("{neighbour}; {own}"),
            format!("{own}; {neighbour}"),
            format!("{neighbour};{own};{neighbour}"),
        ] {
            let answer = cart(&shop, &[line.as_bytes()]).await;
            assert_eq!(answer.body, r#"{"items":["alice's"]}"#, "{line}");
        }
    }
    for (line, read) in [
        (format!("  __Host-session=  {alice}  "), true),
        (format!("\t__Host-session=\t{alice}\t;"), true),
        (format!("fizz  ;  __Host-session={alice};buzz"), true),
        (format!("__Host-session=;bar=bar;__Host-session={alice}"), true),
        (format!("__Host-session  =  {alice}"), false),
        (format!("__Host-session=\"{alice}\""), false),
        (format!("__Host-session={alice}, a=b"), false),
        (format!("a=b, __Host-session={alice}"), false),
        (format!("__Host-session=%1;__Host-session={alice}"), false),
    ] {
        let status = cart(&shop, &[line.as_bytes()]).await.status;
        assert_eq!(status == StatusCode::OK, read, "{line}");
    }
}

/// T30: a quoted or changed value is no token.
#[tokio::test]
async fn a_value_is_taken_as_it_stands() {
    let shop = Shop::new();
    let alice = token_of("alice");
    for value in [
        format!("\"{alice}\""),
        format!("{alice}="),
        format!("={alice}"),
        format!("{alice}\""),
        alice.replace('s', "%73"),
        format!("{alice}\u{2000}"),
        format!("{alice},"),
        String::new(),
    ] {
        let line = format!("__Host-session={value}");
        let answer = cart(&shop, &[line.as_bytes()]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{line}");
        assert!(answer.set_cookies().is_empty());
    }
}

/// An answer never clears what it cannot read: this node's ring may be the older one.
#[tokio::test]
async fn a_token_that_is_refused_is_left_where_it_is() {
    let shop = Shop::new();
    let mut browser = Browser::default();
    for (token, code) in [
        ("nonsense".to_owned(), "not_a_token"),
        (format!("{}=", token_of("alice")), "malformed"),
        (token_of("alice").replace("sb1e", "sb1s"), "bad_tag"),
    ] {
        browser.cookies.insert("__Host-session".to_owned(), token);
        let answer = browser.get(&shop.app, "/maybe").await;
        assert_eq!(answer.body, "nobody");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(shop.events.take(), [code]);
    }
}

/// Where the `cookie` crate and this parser agree on what a pair is, they agree on the value.
#[test]
fn an_ordinary_header_reads_as_it_does_for_others() {
    use proptest::prelude::*;

    let name = "[a-zA-Z_-]{1,8}|__Host-session";
    let value = "[a-zA-Z0-9._-]{1,20}";
    let pairs = proptest::collection::vec((name, value), 0..6);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let shop = Shop::new();
    proptest!(|(pairs in pairs, at in 0_usize..6)| {
        let alice = token_of("alice");
        let mut pairs: Vec<(String, String)> =
            pairs.into_iter().filter(|(name, _)| name != "__Host-session").collect();
        pairs.insert(at.min(pairs.len()), ("__Host-session".to_owned(), alice.clone()));
        let line = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let others = cookie::Cookie::split_parse(line.clone()).filter_map(Result::ok);
        let theirs: Vec<String> =
            others.filter(|cookie| cookie.name() == "__Host-session").map(|cookie| cookie.value().to_owned()).collect();
        prop_assert_eq!(&theirs, &[alice]);
        let answer = runtime.block_on(cart(&shop, &[line.as_bytes()]));
        prop_assert_eq!(answer.body, r#"{"items":["alice's"]}"#);
    });
}
