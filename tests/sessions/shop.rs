//! The application of these tests: a cart, with every verb of a session.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use saddlebag::{RawSession, Session, SessionEvent, SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

use crate::browser::Clock;
use crate::common::shop as tokens;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cart {
    pub(crate) items: Vec<String>,
}

/// Everything that happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<SessionEvent>>>);

impl Events {
    pub(crate) fn take(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().drain(..).map(|event| event.code()).collect()
    }

    pub(crate) fn listener(&self) -> impl Fn(SessionEvent) + Send + Sync + 'static {
        let events = self.clone();
        move |event| events.0.lock().unwrap().push(event)
    }
}

pub(crate) struct Shop {
    pub(crate) app: Router,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    pub(crate) tokens: Tokens,
}

impl Shop {
    pub(crate) fn new() -> Self {
        Self::with(tokens(), |layer| layer)
    }

    pub(crate) fn with(
        tokens: Tokens,
        set: impl FnOnce(SessionLayer<Cart>) -> SessionLayer<Cart>,
    ) -> Self {
        let (clock, events) = (Clock::new(), Events::default());
        let layer = SessionLayer::<Cart>::new(tokens.clone());
        let layer = set(layer.clock(clock.reader()).on_event(events.listener()));
        Self { app: routes().layer(layer), clock, events, tokens }
    }
}

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/", get(async || "no session is asked for"))
        .route("/cart", get(cart))
        .route("/maybe", get(maybe))
        .route("/raw", get(raw))
        .route("/add/{item}", get(add))
        .route("/touch", get(touch))
        .route("/login/{who}", get(login))
        .route("/leave", get(leave))
        .route("/rotate", get(rotate))
        .route("/logout", get(logout))
        .route("/token", get(token))
        .route("/fails/{item}", get(fails))
        .route("/twice", get(twice))
        .route("/post", axum::routing::post(post))
}

async fn cart(session: Session<Cart>) -> Json<Cart> {
    Json(session.to_owned_state())
}

async fn maybe(session: Option<Session<Cart>>) -> String {
    session.map_or("nobody".to_owned(), |session| format!("{} items", session.items.len()))
}

async fn raw(session: RawSession<Cart>, again: RawSession<Cart>) -> String {
    assert_eq!(session.info(), again.info());
    format!("{} {:?} {}", session.info().id, session.subject(), session.info().revision)
}

async fn add(
    SessionOrNew(mut session): SessionOrNew<Cart>,
    Path(item): Path<String>,
) -> Json<Cart> {
    session.items.push(item);
    Json(session.to_owned_state())
}

/// Reaches for the state to change it, and does not.
async fn touch(mut session: Session<Cart>) {
    session.items.retain(|_| true);
}

async fn login(SessionOrNew(mut session): SessionOrNew<Cart>, Path(who): Path<String>) -> String {
    session.set_subject(Some(&who));
    format!("hello {who}")
}

async fn leave(mut session: Session<Cart>) {
    session.set_subject(None);
}

async fn rotate(mut session: Session<Cart>) {
    session.rotate_id();
}

async fn logout(session: Session<Cart>) {
    session.destroy();
}

async fn token(SessionOrNew(mut session): SessionOrNew<Cart>) -> String {
    session.token().unwrap()
}

async fn fails(
    mut session: Session<Cart>,
    Path(item): Path<String>,
) -> Result<(), axum::http::StatusCode> {
    session.items.push(item);
    Err(axum::http::StatusCode::BAD_GATEWAY)
}

async fn twice(one: Session<Cart>, other: Session<Cart>) -> String {
    format!("{one:?} {other:?}")
}

async fn post(session: Option<Session<Cart>>, body: String) -> String {
    format!("{} {body}", session.is_some())
}
