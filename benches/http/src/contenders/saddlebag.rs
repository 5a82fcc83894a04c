//! saddlebag: sealed tokens, two keys in the ring. The token of all three is one of the same session, and its subject is
//! the text that the handlers answer with: nobody needs the state for it.

use axum::Router;
use axum::routing::get;
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{NewSession, RawSession, Session, SessionLayer, Tokens};

use crate::states::State;
use crate::{Answer, NO_SESSION, Served, answer};

/// The token is sent, and nobody looks at it.
pub fn limit(state: &State) -> Served {
    let handler = || async { answer("no session was read...") };
    Served { router: Router::new().route("/", get(handler)), cookie: token(&tokens(), state) }
}

pub fn undecoded(state: &State) -> Served {
    async fn handler(session: RawSession<State>) -> Answer {
        answer(session.subject().ok_or(NO_SESSION)?)
    }
    let tokens = tokens();
    let cookie = token(&tokens, state);
    let layer = SessionLayer::<State>::new(tokens);
    Served { router: Router::new().route("/", get(handler)).layer(layer), cookie }
}

pub fn typed(state: &State) -> Served {
    async fn handler(session: Session<State>) -> Answer {
        answer(&session.csrf)
    }
    let tokens = tokens();
    let cookie = token(&tokens, state);
    let layer = SessionLayer::<State>::new(tokens);
    Served { router: Router::new().route("/", get(handler)).layer(layer), cookie }
}

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
