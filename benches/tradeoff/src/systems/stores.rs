//! tower-sessions: an id in the cookie, the state in a store.

use std::collections::HashMap;
use std::time::Duration as StdDuration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::*;
#[cfg(feature = "mariadb")]
use tower_sessions_sqlx_store::{MySqlStore, sqlx::mysql::MySqlPoolOptions};

use crate::node::{Answer, NAME, NO_SESSION, NO_STORE, Options, body};
use crate::state::State;

/// Connections to a store, and how long one is waited for.
const CONNECTIONS: usize = 8;
const PATIENCE: StdDuration = StdDuration::from_secs(2);
const KEY: &str = "state";

pub fn in_memory(options: &Options) -> Router {
    served(MemoryStore::default(), options)
}

pub async fn in_redis(options: &Options) -> Router {
    let address = options.store.as_ref().expect("--store");
    let config = Config::from_url(&format!("redis://{address}")).expect("an address");
    let performance =
        PerformanceConfig { default_command_timeout: PATIENCE, ..PerformanceConfig::default() };
    let again = ReconnectPolicy::new_constant(0, 100);
    let pool =
        Pool::new(config, Some(performance), None, Some(again), CONNECTIONS).expect("connections");
    pool.connect();
    pool.wait_for_connect().await.expect("Redis");
    served(RedisStore::new(pool), options)
}

#[cfg(feature = "mariadb")]
pub async fn in_mariadb(options: &Options) -> Router {
    let address = options.store.as_ref().expect("--store");
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS as u32)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .connect(&format!("mysql://lab:lab@{address}/"))
        .await
        .expect("MariaDB");
    let store = MySqlStore::new(pool);
    store.migrate().await.expect("a table");
    served(store, options)
}

/// The application, on any of them.
pub fn served<S: SessionStore + Clone>(store: S, options: &Options) -> Router {
    let lifetime = Duration::seconds(options.lifetime as i64);
    let layer = SessionManagerLayer::new(store.clone())
        .with_name(NAME)
        .with_expiry(Expiry::OnInactivity(lifetime));
    Router::new()
        .route("/", get(read))
        .route("/change", get(change))
        .route("/login/{bytes}", get(login))
        .layer(layer)
        .route(
            "/fill/{sessions}/{bytes}",
            get(move |Path((sessions, bytes))| fill(store.clone(), lifetime, sessions, bytes)),
        )
}

async fn read(session: Session) -> Answer {
    let state: Option<State> = session.get(KEY).await.map_err(|_| NO_STORE)?;
    Ok(body(state.ok_or(NO_SESSION)?.n))
}

async fn change(session: Session) -> Answer {
    let mut state: State = session.get(KEY).await.map_err(|_| NO_STORE)?.ok_or(NO_SESSION)?;
    state.n += 1;
    session.insert(KEY, &state).await.map_err(|_| NO_STORE)?;
    Ok(body(state.n))
}

async fn login(session: Session, Path(bytes): Path<usize>) -> Answer {
    let state = State::of(bytes);
    session.insert(KEY, &state).await.map_err(|_| NO_STORE)?;
    Ok(body(state.n))
}

/// Begins sessions whose users never come, by as many tasks as there are connections.
async fn fill<S: SessionStore + Clone>(
    store: S,
    lifetime: Duration,
    sessions: usize,
    bytes: usize,
) -> Answer {
    let data =
        HashMap::from([(KEY.to_owned(), serde_json::to_value(State::of(bytes)).expect("a state"))]);
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|task| {
            let (store, data) = (store.clone(), data.clone());
            tokio::spawn(async move {
                for _ in (task..sessions).step_by(CONNECTIONS) {
                    let expiry_date = OffsetDateTime::now_utc() + lifetime;
                    store
                        .create(&mut Record { id: Id::default(), data: data.clone(), expiry_date })
                        .await?;
                }
                Ok::<_, tower_sessions::session_store::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|_| NO_STORE)?.map_err(|_| NO_STORE)?;
    }
    Ok(format!("{sessions}\n"))
}
