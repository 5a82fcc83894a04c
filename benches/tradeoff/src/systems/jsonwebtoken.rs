//! A JWT in a cookie by jsonwebtoken, HS256: what people do today. The key is the ring's bytes, which every node has.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName};
use axum::routing::get;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::node::{NAME, NO_SESSION, Options, body};
use crate::state::State;

#[derive(Serialize, Deserialize)]
struct Claims {
    jti: String,
    iat: u64,
    exp: u64,
    state: State,
}

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: u64,
}

type Changed = ([(HeaderName, String); 1], String);

pub fn served(options: &Options) -> Router {
    let secret = std::fs::read(options.ring.as_ref().expect("--ring")).expect("the ring's file");
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    let keys: &'static Keys = Box::leak(Box::new(Keys {
        encoding: EncodingKey::from_secret(&secret),
        decoding: DecodingKey::from_secret(&secret),
        validation,
        lifetime: options.lifetime,
    }));
    Router::new()
        .route(
            "/",
            get(move |headers: HeaderMap| async move {
                keys.claims(&headers).map(|claims| body(claims.state.n)).ok_or(NO_SESSION)
            }),
        )
        .route(
            "/change",
            get(move |headers: HeaderMap| async move {
                let mut claims = keys.claims(&headers).ok_or(NO_SESSION)?;
                claims.state.n += 1;
                Ok::<_, axum::http::StatusCode>(keys.answer(claims))
            }),
        )
        .route(
            "/login/{bytes}",
            get(move |Path(bytes): Path<usize>| async move {
                let jti = format!("{:032x}", rand::random::<u128>());
                keys.answer(Claims { jti, iat: 0, exp: 0, state: State::of(bytes) })
            }),
        )
}

impl Keys {
    fn claims(&self, headers: &HeaderMap) -> Option<Claims> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        let mut cookies = cookie::Cookie::split_parse(cookies).filter_map(Result::ok);
        let token = cookies.find(|cookie| cookie.name() == NAME)?;
        decode::<Claims>(token.value(), &self.decoding, &self.validation)
            .ok()
            .map(|token| token.claims)
    }

    fn answer(&self, claims: Claims) -> Changed {
        let now = jsonwebtoken::get_current_timestamp();
        let claims = Claims { iat: now, exp: now + self.lifetime, ..claims };
        let token = encode(&Header::default(), &claims, &self.encoding).expect("a token");
        let cookie = format!(
            "{NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}",
            self.lifetime
        );
        ([(SET_COOKIE, cookie)], body(claims.state.n))
    }
}
