//! A session handed down a chain of three services, each with keys of its own audience alone and of the next.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod redirects;

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use reqwest_middleware::reqwest::{Client, redirect};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use saddlebag::keys::{
    Audience, FileStore, KeyRing, KeyRingHandle, Policy, UnixTime, Watch, WatchOptions, rotation,
};
use saddlebag::{
    Carrier, Child, Hosts, Incoming, NewSession, PropagateError, PropagateLayer, RawSession,
    SessionLayer, Tokens,
};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

/// The states of the three.
struct Front;
struct Middle;
struct Back;

fn root() -> KeyRing {
    let plan = rotation::init("chain", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng);
    plan.unwrap().ring
}

/// Tokens by a ring that has one audience's keys.
fn scoped(root: &KeyRing, audience: &str) -> Tokens {
    let ring = root.scoped_to(&Audience::new(audience).unwrap()).unwrap();
    Tokens::builder(KeyRingHandle::fixed(ring)).audience(audience).build().unwrap()
}

/// What a service was called with, and what it knows of the session.
type Seen = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

fn note<T>(seen: &Seen, headers: HeaderMap, session: &RawSession<T>) {
    let info = session.info();
    let told = json!({
        "id": info.id.to_string(), "subject": session.subject(), "revision": info.revision,
        "started": info.started_at.as_secs(), "state": session.state::<Value>().unwrap(),
        "lives": info.expires_at.since(info.issued_at), "rests": info.ends_at.since(info.issued_at),
    });
    seen.lock().unwrap().push((headers, told));
}

/// A service on a free port.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// A client's beginnings; in a build whose reqwest has TLS, that wants a provider which is named.
fn builder() -> reqwest::ClientBuilder {
    #[cfg(feature = "server")]
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

fn client(layer: PropagateLayer) -> ClientWithMiddleware {
    let client = builder().redirect(redirect::Policy::none()).build().unwrap();
    ClientBuilder::new(client).with(layer).build()
}

/// The next service, and how it is called.
#[derive(Clone)]
struct Next {
    client: ClientWithMiddleware,
    url: String,
    seen: Seen,
}

async fn call(next: &Next) -> Json<Value> {
    let answer = next.client.get(&next.url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    Json(serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn front(
    State(next): State<Next>,
    headers: HeaderMap,
    session: RawSession<Front>,
) -> Json<Value> {
    note(&next.seen, headers, &session);
    call(&next).await
}

async fn middle(
    State(next): State<Next>,
    headers: HeaderMap,
    session: RawSession<Middle>,
) -> Json<Value> {
    note(&next.seen, headers, &session);
    call(&next).await
}

async fn back(
    State(seen): State<Seen>,
    headers: HeaderMap,
    session: RawSession<Back>,
) -> Json<Value> {
    note(&seen, headers, &session);
    Json(json!("done"))
}

#[tokio::test]
async fn a_session_goes_down_a_chain_of_three_services_and_its_first_token_does_not() {
    let root = root();
    let tokens = ["front", "middle", "back"].map(|audience| scoped(&root, audience));
    let seen = Seen::default();
    let by_bearer = |layer: Tokens| SessionLayer::<Back>::new(layer).carriers([Carrier::bearer()]);
    let third = Router::new().route("/", get(back)).layer(by_bearer(tokens[2].clone()));
    let third = serve(third.with_state(Arc::clone(&seen))).await;

    let hosts = Hosts::only([&third]).unwrap();
    let fields = Child::empty().fields(["locale"]).lifetime(20);
    let next = Next {
        client: client(PropagateLayer::child(tokens[2].clone(), fields, hosts)),
        url: format!("http://{third}/"),
        seen: Arc::clone(&seen),
    };
    let layer = SessionLayer::<Middle>::new(tokens[1].clone()).carriers([Carrier::bearer()]);
    let second = Router::new().route("/", get(middle)).layer(layer.propagating()).with_state(next);
    let second = serve(second).await;

    let hosts = Hosts::only([&second]).unwrap();
    let fields = Child::empty().fields(["locale", "cart"]);
    let next = Next {
        client: client(PropagateLayer::child(tokens[1].clone(), fields, hosts)),
        url: format!("http://{second}/"),
        seen: Arc::clone(&seen),
    };
    let layer = SessionLayer::<Front>::new(tokens[0].clone()).propagating();
    let first = Router::new().route("/", get(front)).layer(layer).with_state(next);
    let first = serve(first).await;

    let state = json!({"locale": "de", "cart": 7, "csrf": "secret"});
    let issued = tokens[0].issue(NewSession::of(&state).subject("alice")).unwrap();
    let request = builder().build().unwrap().get(format!("http://{first}/"));
    let request = request.header(COOKIE, format!("__Host-session={}", issued.token));
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "\"done\"");

    let seen = seen.lock().unwrap();
    let [(_, front), (at_middle, middle), (at_back, back)] = &seen[..] else {
        panic!("{}", seen.len())
    };
    for (name, of) in [("id", front), ("subject", front), ("revision", front), ("started", front)] {
        assert_eq!(middle[name], of[name], "{name}");
        assert_eq!(back[name], of[name], "{name}");
    }
    assert_eq!(front["state"], state);
    assert_eq!(middle["state"], json!({"locale": "de", "cart": 7}));
    assert_eq!(back["state"], json!({"locale": "de"}));
    assert_eq!([&middle["lives"], &middle["rests"]], [60, 60]);
    assert_eq!([&back["lives"], &back["rests"]], [20, 20]);
    // Nobody downstream sees a token of another service, in any header.
    let child = at_middle[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    let grandchild = at_back[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    for (headers, others) in
        [(at_middle, vec![&*issued.token]), (at_back, vec![&issued.token, child])]
    {
        for (name, value) in headers {
            let value = value.to_str().unwrap();
            assert!(!others.iter().any(|other| value.contains(other)), "{name}");
        }
    }
    // Each is good at its own service alone.
    for (n, token) in [&*issued.token, child, grandchild].into_iter().enumerate() {
        for (m, tokens) in tokens.iter().enumerate() {
            assert_eq!(tokens.verify(token).is_ok(), n == m, "token {n} at {m}");
        }
    }
}

/// A client that is a tower service, and the headers that it sends.
async fn sent(
    layer: &PropagateLayer,
    uri: &str,
    incoming: Option<Incoming>,
    headers: &[(HeaderName, &str)],
) -> Result<HeaderMap, Box<dyn std::error::Error + Send + Sync>> {
    let client = layer.layer(service_fn(async |request: Request<()>| {
        Ok::<_, std::io::Error>(request.headers().clone())
    }));
    let mut request = Request::get(uri).body(()).unwrap();
    request.extensions_mut().extend(http::Extensions::new());
    if let Some(incoming) = incoming {
        request.extensions_mut().insert(incoming);
    }
    for (name, value) in headers {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    client.oneshot(request).await
}

fn incoming(tokens: &Tokens) -> Incoming {
    let issued = tokens.issue(NewSession::of(&json!({"a": 1})).subject("alice")).unwrap();
    Incoming::verify(tokens, &issued.token).unwrap()
}

#[tokio::test]
async fn a_token_goes_to_listed_hosts_alone() {
    let tokens = scoped(&root(), "front");
    let layer = PropagateLayer::forward(Hosts::only(["cart.internal:8080"]).unwrap());
    for (uri, expected) in [
        ("http://cart.internal:8080/x", true),
        ("http://cart.internal/x", false),
        ("http://evil.example/?cart.internal:8080", false),
        ("http://cart.internal:8080@evil.example/", false),
    ] {
        let headers = sent(&layer, uri, Some(incoming(&tokens)), &[]).await.unwrap();
        assert_eq!(headers.contains_key(AUTHORIZATION), expected, "{uri}");
    }
    let any = PropagateLayer::forward(Hosts::dangerous_any());
    let headers = sent(&any, "http://evil.example/", Some(incoming(&tokens)), &[]).await.unwrap();
    assert!(headers[AUTHORIZATION].is_sensitive());
}

#[tokio::test]
async fn what_a_caller_sets_stays_and_without_a_session_nothing_is_set() {
    let tokens = scoped(&root(), "front");
    let layer = PropagateLayer::forward(Hosts::only(["cart.internal"]).unwrap());
    let uri = "http://cart.internal/";
    assert!(sent(&layer, uri, None, &[]).await.unwrap().is_empty());
    let own = [(AUTHORIZATION, "Basic abc")];
    let headers = sent(&layer, uri, Some(incoming(&tokens)), &own).await.unwrap();
    assert_eq!(headers[AUTHORIZATION], "Basic abc");
    // In a header of its own, beside it.
    let name = HeaderName::from_static("x-session");
    let layer = layer.header(name.clone());
    let came = incoming(&tokens);
    let headers = sent(&layer, uri, Some(came.clone()), &own).await.unwrap();
    assert_eq!(headers[AUTHORIZATION], "Basic abc");
    assert_eq!(headers[name], came.token());
}

#[tokio::test]
async fn the_front_doors_token_never_stands_in_for_a_child() {
    let root = root();
    let (front, cart) = (scoped(&root, "front"), scoped(&root, "cart"));
    let hosts = || Hosts::only(["cart.internal"]).unwrap();
    let uri = "http://cart.internal/";
    let came = incoming(&front);
    // A handler that copies its request's headers.
    let copied = format!("Bearer {}", came.token());
    let layer = PropagateLayer::child(cart.clone(), Child::empty(), hosts());
    let headers = sent(&layer, uri, Some(came.clone()), &[(AUTHORIZATION, &copied)]).await.unwrap();
    let child = headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    assert_eq!(cart.verify(child).unwrap().info().id, came.verified().info().id);
    // A child that cannot be made is an error, and nothing is sent.
    let absent = FileStore::new("/nonexistent/ring.json");
    let (handle, _) = Watch::new(absent, WatchOptions::default()).start_waiting();
    let keyless = Tokens::builder(handle).audience("cart").build().unwrap();
    for (tokens, child) in [
        (keyless, Child::empty()),
        (cart.clone(), Child::empty().lifetime(0)),
        (cart, Child::empty().state(&"x".repeat(9_000))),
    ] {
        let layer = PropagateLayer::child(tokens, child, hosts());
        let error = sent(&layer, uri, Some(came.clone()), &[]).await.unwrap_err();
        let error = error.downcast_ref::<PropagateError>().unwrap();
        assert!(
            error.to_string().starts_with("the session cannot be passed on to cart: "),
            "{error}"
        );
        assert!(!format!("{error:?}").contains(came.token()));
    }
}

#[tokio::test]
async fn the_session_is_the_tasks_and_a_spawned_task_has_it_only_where_it_is_given() {
    let tokens = scoped(&root(), "front");
    let layer = PropagateLayer::forward(Hosts::only(["cart.internal"]).unwrap());
    let uri = "http://cart.internal/";
    let came = incoming(&tokens);
    assert!(Incoming::current().is_none());
    let inside = {
        let layer = layer.clone();
        async move {
            let headers = sent(&layer, uri, None, &[]).await.unwrap();
            let spawned = tokio::spawn(async { Incoming::current().is_some() }).await.unwrap();
            let given = tokio::spawn(
                Incoming::current().unwrap().scope(async { Incoming::current().is_some() }),
            );
            (headers, spawned, given.await.unwrap())
        }
    };
    let (headers, spawned, given) = came.clone().scope(inside).await;
    assert_eq!(headers[AUTHORIZATION], format!("Bearer {}", came.token()));
    assert!(!spawned && given);
    assert!(Incoming::current().is_none());
}
