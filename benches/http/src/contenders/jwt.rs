//! jsonwebtoken: HS256 in a cookie, the state as a member of the claims.

use axum::Router;
use axum::routing::get;
use axum_extra::extract::CookieJar;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{now, random};
use crate::states::State;
use crate::{Answer, LIFETIME, NAME, NO_SESSION, Served, answer};

#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    jti: String,
    iat: u64,
    exp: u64,
    state: State,
}

#[derive(Clone)]
struct Keys {
    key: DecodingKey,
    validation: Validation,
}

pub fn served(state: &State) -> Served {
    async fn handler(
        axum::extract::State(keys): axum::extract::State<&'static Keys>,
        jar: CookieJar,
    ) -> Answer {
        let token = jar.get(NAME).ok_or(NO_SESSION)?.value();
        let token = jsonwebtoken::decode::<Claims>(token, &keys.key, &keys.validation);
        answer(&token.map_err(|_| NO_SESSION)?.claims.state.csrf)
    }
    let secret: [u8; 32] = random();
    let keys = Keys {
        key: DecodingKey::from_secret(&secret),
        validation: Validation::new(Algorithm::HS256),
    };
    let (iat, jti) = (now(), "Zk3pQ0v8WcT1yR7n".to_owned());
    let claims = Claims { jti, iat, exp: iat + LIFETIME, state: state.clone() };
    let key = EncodingKey::from_secret(&secret);
    let cookie = jsonwebtoken::encode(&Header::default(), &claims, &key).expect("a token");
    let keys: &'static Keys = Box::leak(Box::new(keys));
    Served::new(Router::new().route("/", get(handler)).with_state(keys), cookie)
}
