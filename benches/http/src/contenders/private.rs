//! axum-extra's private cookie (AES-256-GCM), with the session as JSON. The cookie's end is the browser's business, so
//! that the session carries one of its own.

use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key};
use serde::{Deserialize, Serialize};

use super::{now, random};
use crate::states::State;
use crate::{Answer, LIFETIME, NAME, NO_SESSION, Served, answer};

#[derive(Clone, Serialize, Deserialize)]
struct Content {
    exp: u64,
    state: State,
}

#[derive(Clone)]
struct App(Key);

impl FromRef<App> for Key {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

pub fn served(state: &State) -> Served {
    async fn handler(jar: PrivateCookieJar) -> Answer {
        let cookie = jar.get(NAME).ok_or(NO_SESSION)?;
        let content: Content = serde_json::from_str(cookie.value()).map_err(|_| NO_SESSION)?;
        if now() >= content.exp {
            return Err(NO_SESSION);
        }
        answer(&content.state.csrf)
    }
    let key = Key::from(&random::<64>());
    let content = Content { exp: now() + LIFETIME, state: state.clone() };
    let text = serde_json::to_string(&content).expect("a session");
    let jar = PrivateCookieJar::from_headers(&HeaderMap::new(), key.clone());
    let answered = jar.add(Cookie::new(NAME, text)).into_response();
    let set = answered.headers().get(header::SET_COOKIE).expect("a cookie");
    let set = set.to_str().expect("text").split(';').next().expect("a cookie");
    let cookie = set.strip_prefix(NAME).and_then(|it| it.strip_prefix('=')).expect("its name");
    let router = Router::new().route("/", get(handler)).with_state(App(key));
    Served::new(router, cookie.to_owned())
}
