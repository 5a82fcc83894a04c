//! tower-sessions: an id in the cookie, the session in Redis, one connection.

use std::collections::HashMap;

use axum::Router;
use axum::routing::get;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::*;

use crate::states::State;
use crate::{Answer, LIFETIME, NAME, NO_SESSION, Served, answer};

pub async fn served(state: &State, address: &str) -> Served {
    async fn handler(session: Session) -> Answer {
        let state: Option<State> = session.get("state").await.map_err(|_| NO_SESSION)?;
        answer(&state.ok_or(NO_SESSION)?.csrf)
    }
    let config = Config::from_url(&format!("redis://{address}")).expect("an address");
    let pool = Pool::new(config, None, None, None, 1).expect("a connection");
    pool.connect();
    pool.wait_for_connect().await.expect("Redis");
    let store = RedisStore::new(pool);

    let lifetime = Duration::seconds(LIFETIME as i64);
    let mut record = Record {
        id: Id::default(),
        data: HashMap::from([("state".to_owned(), serde_json::to_value(state).expect("a state"))]),
        expiry_date: OffsetDateTime::now_utc() + lifetime,
    };
    store.create(&mut record).await.expect("Redis");
    let layer =
        SessionManagerLayer::new(store).with_name(NAME).with_expiry(Expiry::OnInactivity(lifetime));
    Served::new(Router::new().route("/", get(handler)).layer(layer), record.id.to_string())
}
