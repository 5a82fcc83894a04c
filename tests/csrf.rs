//! T36: what another site makes a browser send, to an application that has sessions inside a check of `Origin` and
//! `Sec-Fetch-Site` (examples/login.rs).
//!
//! The check is tower-http's, and so is its rule: a request without both headers comes from no browser of the last
//! years, which send at least one of them with every unsafe method, and passes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[allow(dead_code)]
#[path = "../examples/login.rs"]
mod login;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{Request, Response, StatusCode};
use saddlebag::Tokens;
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use tower::ServiceExt;

const OWN: &str = "https://shop.example";
const UNSAFE: [&str; 6] = ["POST", "PUT", "PATCH", "DELETE", "TRACE", "post"];
const TYPES: [Option<&str>; 6] = [
    None,
    Some("text/plain"),
    Some("TEXT/PLAIN"),
    Some("application/x-www-form-urlencoded"),
    Some("application/x-www-form-urlencoded; charset=utf-8; a=\"b\""),
    Some("multipart/form-data; boundary=x"),
];

/// T36: whatever the media type, and where there is none (Hono GHSA-2234-fmw7-43wr, SvelteKit CVE-2023-29003).
#[tokio::test]
async fn what_another_site_posts_is_refused_whatever_its_type_and_the_session_stays_as_it_was() {
    let shop = Shop::with_alice_in_it().await;
    let origins = [
        "https://evil.example",
        // A sandboxed frame, a redirect across sites, a `data:` page.
        "null",
        // Names and schemes that look alike, and a sibling host, for which a cookie has the same site.
        "https://shop.example.evil.example",
        "https://evil.shop.example",
        "https://shop.example:8443",
        "https://SHOP.example.",
        "https://shop.example@evil.example",
        "https://shop.example https://evil.example",
        "shop.example",
    ];
    for method in UNSAFE {
        for origin in origins {
            for media_type in TYPES {
                for path in ["/note", "/become-admin", "/logout", "/login", "/nowhere"] {
                    let answer = shop.send(method, path, &[Some(origin)], None, media_type).await;
                    shop.is_untouched(
                        &answer,
                        &format!("{method} {path} {origin:?} {media_type:?}"),
                    );
                }
            }
        }
    }
    assert_eq!(shop.account().await, BEFORE);
}

/// T36: what the browser itself says of where a request comes from is believed before its `Origin`.
#[tokio::test]
async fn what_a_browser_says_is_of_another_site_is_refused_with_any_origin_and_with_none() {
    let shop = Shop::with_alice_in_it().await;
    for site in ["cross-site", "same-site", "CROSS-SITE", "none-of-these"] {
        for origin in [None, Some("null"), Some("https://evil.example"), Some(OWN)] {
            for media_type in TYPES {
                let answer =
                    shop.send("POST", "/become-admin", &[origin], Some(site), media_type).await;
                shop.is_untouched(&answer, &format!("{site:?} {origin:?} {media_type:?}"));
            }
        }
    }
    assert_eq!(shop.account().await, BEFORE);
}

/// T36: the application's own forms and scripts, and a bookmark or a link in a mail (`none`).
#[tokio::test]
async fn what_the_application_itself_sends_passes_and_changes_the_session() {
    let form = Some("application/x-www-form-urlencoded");
    for (origin, site) in [
        (Some(OWN), Some("same-origin")),
        (Some(OWN), None),
        (None, Some("same-origin")),
        (None, Some("none")),
    ] {
        let mut shop = Shop::with_alice_in_it().await;
        let answer = shop.send("POST", "/become-admin", &[origin], site, form).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{origin:?} {site:?}");
        shop.keep(&answer);
        assert_eq!(shop.account().await, "alice, admin: true, notes: [\"milk\"]\n");
    }
}

/// T36, and its limit: the rule of tower-http's layer, for which an empty header is none. A program that is no browser
/// sends neither header; it has no cookies of somebody else's either.
#[tokio::test]
async fn a_request_that_says_nothing_of_its_origin_passes_by_the_rule_of_the_check() {
    let mut shop = Shop::with_alice_in_it().await;
    for (origins, site) in [(&[][..], None), (&[Some("")], None), (&[], Some(""))] {
        for media_type in TYPES {
            let answer = shop.send("POST", "/become-admin", origins, site, media_type).await;
            assert_eq!(
                answer.status(),
                StatusCode::SEE_OTHER,
                "{origins:?} {site:?} {media_type:?}"
            );
            shop.keep(&answer);
        }
    }
    assert_eq!(shop.account().await, "alice, admin: true, notes: [\"milk\"]\n");
}

/// T36: so no GET may change anything, and none of the example's does (ASVS 3.5.3).
#[tokio::test]
async fn safe_methods_pass_from_anywhere_and_change_nothing() {
    let shop = Shop::with_alice_in_it().await;
    for method in ["GET", "HEAD", "OPTIONS"] {
        for path in ["/", "/account", "/note", "/become-admin", "/logout", "/login"] {
            let evil = Some("https://evil.example");
            let answer = shop.send(method, path, &[evil], Some("cross-site"), None).await;
            let fine = [StatusCode::OK, StatusCode::METHOD_NOT_ALLOWED].contains(&answer.status());
            assert!(fine, "{method} {path}: {}", answer.status());
            assert!(answer.headers().get(SET_COOKIE).is_none(), "{method} {path}");
        }
    }
    assert_eq!(shop.account().await, BEFORE);
}

/// T32: a login is another session, with the guest's notes; and a page that wants a user takes no guest.
#[tokio::test]
async fn a_guest_who_logs_in_has_another_id_and_keeps_the_notes() {
    let mut shop = Shop::empty();
    assert_eq!(shop.get("/account").await.status(), StatusCode::UNAUTHORIZED);
    shop.post("/note", "text=milk").await;
    assert_eq!(shop.get("/account").await.status(), StatusCode::UNAUTHORIZED);
    let guest = shop.id();
    let answer = shop.post("/login", "name=alice&password=guessed").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(shop.id(), guest);
    let answer = shop.post("/login", "name=alice&password=open+sesame").await;
    assert_eq!(answer.headers()[LOCATION], "/account");
    assert_ne!(shop.id(), guest);
    assert_eq!(shop.account().await, BEFORE);
    let user = shop.id();
    shop.post("/become-admin", "").await;
    assert_ne!(shop.id(), user);
    shop.post("/logout", "").await;
    assert_eq!(shop.cookie, "");
    assert_eq!(shop.get("/account").await.status(), StatusCode::UNAUTHORIZED);
}

const BEFORE: &str = "alice, admin: false, notes: [\"milk\"]\n";

/// The application, and a browser with its cookie.
struct Shop {
    app: Router,
    tokens: Tokens,
    cookie: String,
}

impl Shop {
    fn empty() -> Self {
        let (now, mut rng) = (UnixTime::now(), rand::rngs::SysRng);
        let plan = rotation::init("test", Policy::default(), now, &mut rng).unwrap();
        let ring = KeyRingHandle::fixed(plan.ring);
        let tokens = Tokens::builder(ring).audience("login").build().unwrap();
        Self { app: login::app(tokens.clone()), tokens, cookie: String::new() }
    }

    async fn with_alice_in_it() -> Self {
        let mut shop = Self::empty();
        shop.post("/note", "text=milk").await;
        shop.post("/login", "name=alice&password=open+sesame").await;
        assert_eq!(shop.account().await, BEFORE);
        shop
    }

    /// A request with the browser's cookie, as its attacker has it sent.
    async fn send(
        &self,
        method: &str,
        path: &str,
        origins: &[Option<&str>],
        site: Option<&str>,
        media_type: Option<&str>,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "shop.example");
        request = request.header(COOKIE, format!("__Host-session={}", self.cookie));
        for origin in origins.iter().flatten() {
            request = request.header(ORIGIN, *origin);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let body = Body::from("text=planted&name=mallory&password=open+sesame");
        self.app.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    fn is_untouched(&self, answer: &Response<Body>, what: &str) {
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what}");
        assert!(answer.headers().get(SET_COOKIE).is_none(), "{what}");
    }

    async fn get(&self, path: &str) -> Response<Body> {
        self.send("GET", path, &[], Some("same-origin"), None).await
    }

    /// As a form of its own does.
    async fn post(&mut self, path: &str, form: &'static str) -> Response<Body> {
        let request = Request::post(path).header(HOST, "shop.example").header(ORIGIN, OWN);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(COOKIE, format!("__Host-session={}", self.cookie));
        let answer =
            self.app.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Response<Body>) {
        for line in answer.headers().get_all(SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            if let Some(value) = pair.strip_prefix("__Host-session=") {
                value.clone_into(&mut self.cookie);
            }
        }
    }

    async fn account(&self) -> String {
        let body = to_bytes(self.get("/account").await.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    fn id(&self) -> String {
        self.tokens.verify(&self.cookie).unwrap().info().id.to_string()
    }
}
