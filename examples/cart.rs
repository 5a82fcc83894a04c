//! Two sessions side by side: a cart that anybody may fill, and a login that comes and goes without it.
//!
//! ```text
//! cargo run --example cart                       # http://127.0.0.1:3000/
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/cart/apples
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/login/alice
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/checkout
//! curl -c jar -b jar -X POST http://127.0.0.1:3000/logout
//! curl -c jar -b jar http://127.0.0.1:3000/
//! ```
//!
//! Each has an audience and a cookie of its own: the token of one is no token of the other, and requests that change
//! one at the same time as the other do not meet.

mod common;

use std::error::Error;

use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use saddlebag::{Cookie, Session, SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

/// Who it is, is the session's subject; there is nothing else to keep.
#[derive(Default, Serialize, Deserialize)]
struct Login {}

async fn show(cart: Option<Session<Cart>>, login: Option<Session<Login>>) -> String {
    let items = cart.map_or_else(Vec::new, |cart| cart.items.clone());
    let who = login.as_ref().and_then(|login| login.subject()).unwrap_or("nobody");
    format!("{who} has {items:?}\n")
}

async fn add(SessionOrNew(mut cart): SessionOrNew<Cart>, Path(item): Path<String>) -> String {
    cart.items.push(item);
    format!("{} in the cart\n", cart.items.len())
}

/// The password was checked, let us say.
async fn login(SessionOrNew(mut login): SessionOrNew<Login>, Path(who): Path<String>) -> String {
    login.set_subject(Some(&who));
    format!("hello {who}\n")
}

/// Answered 401 without both sessions.
async fn checkout(login: Session<Login>, mut cart: Session<Cart>) -> String {
    let items = std::mem::take(&mut cart.items);
    format!("{} bought {items:?}\n", login.subject().unwrap_or("nobody"))
}

/// The cart stays.
async fn logout(login: Session<Login>) -> &'static str {
    login.destroy();
    "goodbye\n"
}

fn app(cart: Tokens, login: Tokens) -> Result<Router, Box<dyn Error>> {
    let cart = SessionLayer::<Cart>::new(cart).cookie(Cookie::new("cart")?);
    // A link from another site arrives without the login, and with the cart.
    let login = SessionLayer::<Login>::new(login).cookie(Cookie::new("login")?.strict());
    Ok(Router::new()
        .route("/", get(show))
        .route("/cart/{item}", post(add))
        .route("/login/{who}", post(self::login))
        .route("/checkout", post(checkout))
        .route("/logout", post(logout))
        .layer(cart)
        .layer(login))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tokens = common::tokens("cart")?;
    let login = tokens.for_audience("login")?;
    let app = app(tokens, login)?;
    let listener = common::listener().await?;
    axum::serve(listener, app).with_graceful_shutdown(common::told_to_stop()).await?;
    Ok(())
}
