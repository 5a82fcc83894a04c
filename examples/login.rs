//! A login: a guest's session becomes a user's under another id, some pages require one, and no other site can make a
//! browser post here.
//!
//! ```text
//! cargo run --example login                      # http://127.0.0.1:3000/
//! ```
//!
//! The password of everybody is `open sesame`.

mod common;

use std::error::Error;

use axum::extract::{Form, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{RequestPartsExt, Router};
use saddlebag::{Session, SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};
use tower_http::csrf::CsrfLayer;

#[derive(Default, Serialize, Deserialize)]
struct Notes {
    notes: Vec<String>,
    admin: bool,
}

/// A session that somebody has logged in to. A guest's is not enough.
struct User(Session<Notes>);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let session = parts.extract::<Session<Notes>>().await;
        let session = session.map_err(IntoResponse::into_response)?;
        match session.subject() {
            Some(_) => Ok(Self(session)),
            None => Err((StatusCode::UNAUTHORIZED, "log in first\n").into_response()),
        }
    }
}

#[derive(Deserialize)]
struct Note {
    text: String,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

/// Guests have notes, too.
async fn note(
    SessionOrNew(mut session): SessionOrNew<Notes>,
    Form(note): Form<Note>,
) -> impl IntoResponse {
    session.notes.push(note.text);
    Redirect::to("/")
}

async fn login(
    SessionOrNew(mut session): SessionOrNew<Notes>,
    Form(given): Form<Credentials>,
) -> Response {
    if given.password != "open sesame" {
        return (StatusCode::FORBIDDEN, "not with this password\n").into_response();
    }
    // Another subject is another session: new id, new start, the same notes. Who planted the guest's has that one. The
    // same subject again is none by itself, and a login should be.
    session.set_subject(Some(&given.name));
    session.rotate_id();
    session.admin = false;
    Redirect::to("/account").into_response()
}

async fn account(User(session): User) -> String {
    let (who, admin) = (session.subject().unwrap_or_default(), session.admin);
    format!("{who}, admin: {admin}, notes: {:?}\n", session.notes)
}

/// The same person with other rights: another session, too.
async fn become_admin(User(mut session): User) -> impl IntoResponse {
    session.admin = true;
    session.rotate_id();
    Redirect::to("/account")
}

/// Ends the session in this browser. A copy of its token would be good until it ends, in a quarter of an hour.
async fn logout(User(session): User) -> impl IntoResponse {
    session.destroy();
    Redirect::to("/")
}

pub(crate) fn app(tokens: Tokens) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/note", post(note))
        .route("/login", post(login))
        .route("/account", get(account))
        .route("/become-admin", post(become_admin))
        .route("/logout", post(logout))
        .layer(SessionLayer::<Notes>::new(tokens))
        // Outside the sessions: what another site has posted does not come so far. `SameSite=Lax` alone is no such
        // wall: sibling hosts are the same site.
        .layer(CsrfLayer::new())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = app(common::tokens("login")?);
    let listener = common::listener().await?;
    axum::serve(listener, app).with_graceful_shutdown(common::told_to_stop()).await?;
    Ok(())
}

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Login</title>
<form method="post" action="/note"><input name="text" required><button>Note</button></form>
<form method="post" action="/login">
  <input name="name" placeholder="name" required>
  <input name="password" type="password" placeholder="open sesame" required><button>Log in</button>
</form>
<form method="post" action="/become-admin"><button>Become admin</button></form>
<form method="post" action="/logout"><button>Log out</button></form>
<p><a href="/account">account</a></p>
"#;
