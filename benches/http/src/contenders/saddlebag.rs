//! saddlebag: sealed tokens, two keys in the ring. The token of all three is one of the same session, and its subject is
//! the text that the handlers answer with: nobody needs the state for it.

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::routing::get;
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{NewSession, RawSession, Session, SessionLayer, Tokens};
use tower_layer::Identity;

use crate::states::State;
use crate::{Answer, NO_SESSION, Served, answer};

/// The token is sent, and nobody looks at it.
pub fn limit(state: &State) -> Served {
    let handler = || async { answer("no session was read...") };
    Served::new(Router::new().route("/", get(handler)), token(&tokens(), state))
}

/// The same inside a layer that does nothing: what axum itself takes for there being one.
pub fn layer(state: &State) -> Served {
    let Served { router, cookie, .. } = limit(state);
    Served::new(router.layer(Identity::new()), cookie)
}

/// Verified by the handler, who knows where the token is: no layer, no other cookie, no answer that depends on it.
pub fn by_hand(state: &State) -> Served {
    let tokens = tokens();
    let cookie = token(&tokens, state);
    let handler = |headers: HeaderMap| async move {
        // Not by `to_str`, which looks at each byte of the header for itself.
        let cookie = headers.get(COOKIE).map(|cookie| std::str::from_utf8(cookie.as_bytes()));
        let token = cookie.and_then(|cookie| cookie.ok()?.strip_prefix(START));
        let session = token.and_then(|token| tokens.verify(token).ok()).ok_or(NO_SESSION)?;
        answer(session.subject().ok_or(NO_SESSION)?)
    };
    Served::new(Router::new().route("/", get(handler)), cookie)
}

/// The layer on each route, as `Router::layer` puts it there.
pub fn undecoded(state: &State) -> Served {
    let Served { router, cookie, around } = around(state);
    Served::new(router.layer(around.expect("a layer")), cookie)
}

/// The layer around the whole router.
pub fn around(state: &State) -> Served {
    async fn handler(session: RawSession<State>) -> Answer {
        answer(session.subject().ok_or(NO_SESSION)?)
    }
    let tokens = tokens();
    let cookie = token(&tokens, state);
    let around = Some(SessionLayer::<State>::new(tokens));
    Served { around, ..Served::new(Router::new().route("/", get(handler)), cookie) }
}

pub fn typed(state: &State) -> Served {
    async fn handler(session: Session<State>) -> Answer {
        answer(&session.csrf)
    }
    let tokens = tokens();
    let cookie = token(&tokens, state);
    let layer = SessionLayer::<State>::new(tokens);
    Served::new(Router::new().route("/", get(handler)).layer(layer), cookie)
}

const START: &str = "__Host-session=";

fn tokens() -> Tokens {
    // A ring as `saddlebag keys init` made it yesterday: an active key and a standby.
    let yesterday = UnixTime::now().saturating_sub(86_400);
    let plan = rotation::init("http", Policy::default(), yesterday, &mut rand::rngs::SysRng);
    let ring = KeyRingHandle::fixed(plan.expect("a ring").ring);
    Tokens::builder(ring).audience("shop").build().expect("tokens")
}

fn token(tokens: &Tokens, state: &State) -> String {
    tokens.issue(NewSession::of(state).subject(&state.csrf)).expect("a token").token
}
