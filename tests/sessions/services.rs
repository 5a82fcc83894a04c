//! Services without extractors, and what a request can be bound to.

use std::convert::Infallible;

use axum::http::header::COOKIE;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use saddlebag::{NewSession, RawSession, Session, SessionLayer, SessionOrNew, SessionRejection};
use tower::{Layer, ServiceExt, service_fn};

use crate::browser::Browser;
use crate::common::{NOW, at, shop as tokens};
use crate::shop::{Cart, Shop};

/// The layer asks nothing of bodies.
#[tokio::test]
async fn any_tower_service_can_have_sessions() {
    struct Nothing;

    async fn serve(request: Request<Nothing>) -> Result<Response<Option<Bytes>>, Infallible> {
        let extensions = request.extensions();
        let body = match request.uri().path() {
            "/raw" => RawSession::<Cart>::from_extensions(extensions)
                .map(|session| session.info().revision.to_string()),
            "/add" => SessionOrNew::<Cart>::from_extensions(extensions).map(
                |SessionOrNew(mut session)| {
                    session.items.push("apples".to_owned());
                    session.items.len().to_string()
                },
            ),
            _ => Session::<Cart>::from_extensions(extensions)
                .map(|session| session.items.len().to_string()),
        };
        let (status, body) = match body {
            Ok(body) => (StatusCode::OK, body),
            Err(SessionRejection::NoSession { .. }) => (StatusCode::UNAUTHORIZED, String::new()),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        };
        let mut response = Response::new(Some(body.into()));
        *response.status_mut() = status;
        Ok(response)
    }
    let layer = SessionLayer::<Cart>::new(tokens()).clock(|| at(NOW));
    let service = layer.layer(service_fn(serve));
    let ask = async |path: &str, cookie: Option<&str>| {
        let request = Request::get(path);
        let request =
            cookie.into_iter().fold(request, |request, cookie| request.header(COOKIE, cookie));
        service.clone().oneshot(request.body(Nothing).unwrap()).await.unwrap()
    };
    assert_eq!(ask("/", None).await.status(), StatusCode::UNAUTHORIZED);
    let answer = ask("/add", None).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(ask("/", Some(&cookie)).await.body().as_deref(), Some(b"1".as_slice()));
    assert_eq!(ask("/raw", Some(&cookie)).await.body().as_deref(), Some(b"0".as_slice()));
    assert_eq!(ask("/add", Some(&cookie)).await.body().as_deref(), Some(b"2".as_slice()));
}

#[derive(Clone)]
struct Certificate(&'static [u8]);

/// T33: what is bound to a certificate is refused without it, and is bound again when it changes.
#[tokio::test]
async fn a_session_can_be_bound_to_what_travels_another_way() {
    let shop = Shop::with(tokens(), |layer| {
        layer.binding(|request| {
            request.extensions.get::<Certificate>().map(|Certificate(hash)| hash.to_vec())
        })
    });
    let ask = async |browser: &mut Browser, path: &str, certificate: Option<&'static [u8]>| {
        let mut request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        if let Some(hash) = certificate {
            request.extensions_mut().insert(Certificate(hash));
        }
        browser.send(&shop.app, request).await
    };
    let mut browser = Browser::default();
    ask(&mut browser, "/add/apples", Some(b"alice")).await;
    for (certificate, status) in [
        (Some(b"alice".as_slice()), StatusCode::OK),
        (Some(b"mallory"), StatusCode::UNAUTHORIZED),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(ask(&mut browser, "/cart", certificate).await.status, status);
    }
    ask(&mut browser, "/add/pears", Some(b"alice")).await;
    assert_eq!(
        ask(&mut browser, "/cart", Some(b"alice")).await.body,
        r#"{"items":["apples","pears"]}"#
    );
    assert_eq!(ask(&mut browser, "/cart", None).await.status, StatusCode::UNAUTHORIZED);
    // One that is too long to bind to is an error, and not an unbound session.
    let long: &'static [u8] = &[7; 1_025];
    assert_eq!(
        ask(&mut browser, "/add/x", Some(long)).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn what_came_is_given_to_those_who_pass_it_on_where_it_was_asked_for() {
    use axum::routing::get;
    use saddlebag::Incoming;

    async fn seen(incoming: Option<axum::Extension<Incoming>>) -> String {
        incoming.map_or(String::new(), |incoming| incoming.token().to_owned())
    }
    let token = tokens().issue_at(NewSession::of(&Cart::default()), at(NOW)).unwrap().token;
    for propagating in [false, true] {
        let layer = SessionLayer::<Cart>::new(tokens()).clock(|| at(NOW));
        let layer = if propagating { layer.propagating() } else { layer };
        let app = axum::Router::new().route("/", get(seen)).layer(layer);
        let mut browser = Browser::default();
        assert_eq!(browser.get(&app, "/").await.body, "");
        browser.cookies.insert("__Host-session".to_owned(), token.clone());
        assert_eq!(browser.get(&app, "/").await.body, if propagating { &*token } else { "" });
    }
}
