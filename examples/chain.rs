//! A session that goes down a chain of three services, each of which has keys of its own audience and of the next:
//!
//! ```text
//! cargo run --example chain --features reqwest
//! ```
//!
//! The browser's token never leaves the first one: each service calls the next with a child of it, which lives for a
//! minute and has the fields that are named.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use reqwest_middleware::reqwest::{Client, redirect};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use saddlebag::keys::{Audience, KeyRing, KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{
    Carrier, Child, Hosts, NewSession, PropagateLayer, RawSession, SessionLayer, Tokens,
};
use serde_json::json;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a service holds of the next: a client that passes the session on, and its address.
#[derive(Clone)]
struct Next {
    client: ClientWithMiddleware,
    url: String,
}

/// Whoever is called says what it knows, and asks the next.
async fn answer(
    State(next): State<Option<Next>>,
    session: RawSession<()>,
) -> Result<String, (StatusCode, String)> {
    let state = session.state_json().unwrap_or_default();
    let own = format!(
        "{}: session {} of {}, with {state}",
        session.audience(),
        session.info().id,
        session.subject().unwrap_or("nobody"),
    );
    let Some(Next { client, url }) = next else {
        return Ok(own);
    };
    let called = called(&client, &url).await;
    let called = called.map_err(|error| (StatusCode::BAD_GATEWAY, format!("{own}\n{error}")))?;
    Ok(format!("{own}\n{called}"))
}

async fn called(client: &ClientWithMiddleware, url: &str) -> Result<String, Error> {
    Ok(client.get(url).send().await?.error_for_status()?.text().await?)
}

/// Starts a service on a free port; its address.
async fn serve(tokens: Tokens, carrier: Carrier, next: Option<Next>) -> Result<String, Error> {
    let layer = SessionLayer::<()>::new(tokens).carriers([carrier]).propagating();
    let app = Router::new().route("/", get(answer)).layer(layer).with_state(next);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// Calls of the service at `address`, with children of the audience whose tokens these are.
fn calls(tokens: Tokens, fields: &'static [&'static str], address: &str) -> Result<Next, Error> {
    let child = Child::empty().fields(fields.iter().copied());
    let layer = PropagateLayer::child(tokens, child, Hosts::only([address])?);
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build()?;
    let client = ClientBuilder::new(client).with(layer).build();
    Ok(Next { client, url: format!("http://{address}/") })
}

/// A ring of one audience's keys, as `saddlebag keys export --audience` makes it.
fn scoped(root: &KeyRing, audience: &str) -> Result<Tokens, Error> {
    let ring = root.scoped_to(&Audience::new(audience)?)?;
    Ok(Tokens::builder(KeyRingHandle::fixed(ring)).audience(audience).build()?)
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::print_stdout)]
async fn main() -> Result<(), Error> {
    let now = UnixTime::now();
    let root = rotation::init("chain", Policy::default(), now, &mut rand::rngs::SysRng)?.ring;
    let [front, cart, stock] =
        [scoped(&root, "front")?, scoped(&root, "cart")?, scoped(&root, "stock")?];

    let third = serve(stock.clone(), Carrier::bearer(), None).await?;
    let next = calls(stock, &["locale"], &third)?;
    let second = serve(cart.clone(), Carrier::bearer(), Some(next)).await?;
    let next = calls(cart, &["locale", "basket"], &second)?;
    let first = serve(front.clone(), Carrier::cookie(), Some(next)).await?;

    let state = json!({"locale": "de", "basket": 7, "csrf": "only for the front"});
    let token = front.issue(NewSession::of(&state).subject("alice"))?.token;
    let request = Client::builder().no_proxy().build()?.get(format!("http://{first}/"));
    let answer = request.header("cookie", format!("__Host-session={token}")).send().await?;
    let answer = answer.error_for_status()?.text().await?;
    println!("{answer}");
    if answer.lines().count() == 3 { Ok(()) } else { Err("somebody did not answer".into()) }
}
