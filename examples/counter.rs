//! A page that counts its visits: the smallest application with a session.
//!
//! ```text
//! cargo run --example counter                    # http://127.0.0.1:3000/
//! ```
//!
//! Several nodes share one ring file, and any of them goes on where another stopped:
//!
//! ```text
//! cargo run --features server -- keys init --ring file:ring.json
//! SADDLEBAG_RING=ring.json cargo run --example counter 3001 &
//! SADDLEBAG_RING=ring.json cargo run --example counter 3002 &
//! ```
//!
//! The cookie is `Secure`. Chromium, Firefox and curl take it over http from their own machine; Safari does not.

mod common;

use std::error::Error;
use std::process;

use axum::Router;
use axum::routing::get;
use saddlebag::{SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize)]
struct Visits {
    count: u64,
}

async fn page(SessionOrNew(mut visits): SessionOrNew<Visits>) -> String {
    visits.count = visits.count.saturating_add(1); // changed: the answer carries the new token
    format!("visit {}, process {}\n", visits.count, process::id())
}

fn app(tokens: Tokens) -> Router {
    Router::new().route("/", get(page)).layer(SessionLayer::<Visits>::new(tokens))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = app(common::tokens("counter")?);
    let listener = common::listener().await?;
    axum::serve(listener, app).with_graceful_shutdown(common::told_to_stop()).await?;
    Ok(())
}
