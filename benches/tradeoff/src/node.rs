//! One node of the application: it reads a session, changes one field where it is asked to, and answers 200 bytes.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::systems;

/// The name of the cookie, the same for everybody.
pub const NAME: &str = "__Host-session";
/// The name of the header, where the session rides in one.
pub const HEADER: &str = "x-session";

#[derive(Args)]
pub struct Options {
    system: System,
    #[arg(long)]
    pub listen: SocketAddr,
    /// The ring of saddlebag.
    #[arg(long)]
    pub ring: Option<PathBuf>,
    /// The address of the store.
    #[arg(long)]
    pub store: Option<String>,
    /// Seconds that a session may lie idle.
    #[arg(long, default_value_t = 900)]
    pub lifetime: u64,
    /// Which of the pairs' nodes this is, from 1 on.
    #[arg(long, default_value_t = 1)]
    pub me: u8,
    /// The pairs' nodes: a line for each, its number and its address. Read again whenever it changes.
    #[arg(long)]
    pub peers: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum System {
    Signed,
    Sealed,
    Jwt,
    Header,
    Jsonwebtoken,
    Memory,
    Redis,
    Memcached,
    #[cfg(feature = "mariadb")]
    Mariadb,
    Pairs,
}

pub async fn run(options: Options) {
    let served = match options.system {
        System::Signed | System::Sealed | System::Jwt | System::Header => {
            systems::saddlebag::served(options.system, &options).into()
        }
        System::Jsonwebtoken => systems::jsonwebtoken::served(&options).into(),
        System::Memory => systems::stores::in_memory(&options).into(),
        System::Redis => systems::stores::in_redis(&options).await.into(),
        System::Memcached => systems::memcached::served(&options).into(),
        #[cfg(feature = "mariadb")]
        System::Mariadb => systems::stores::in_mariadb(&options).await.into(),
        System::Pairs => systems::pairs::served(&options).await,
    };
    let Served { router, leave } = served;
    let router =
        router.route("/plain", get(|| async { body(0) })).route("/health", get(|| async { "ok" }));
    let listener = TcpListener::bind(options.listen).await.expect("an address");
    println!("{}", listener.local_addr().expect("an address"));
    axum::serve(listener, router)
        .with_graceful_shutdown(told_to_stop(leave))
        .await
        .expect("a server");
}

/// A system's routes, and what it does when its node is told to go.
pub struct Served {
    pub router: Router,
    pub leave: Option<systems::pairs::Leave>,
}

impl From<Router> for Served {
    fn from(router: Router) -> Self {
        Self { router, leave: None }
    }
}

async fn told_to_stop(leave: Option<systems::pairs::Leave>) {
    signal(SignalKind::terminate()).expect("a signal").recv().await;
    if let Some(leave) = leave {
        leave.hand_over().await;
    }
}

/// What a handler answers with.
pub type Answer = Result<String, StatusCode>;
/// Without a session.
pub const NO_SESSION: StatusCode = StatusCode::UNAUTHORIZED;
/// The store does not answer.
pub const NO_STORE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

/// What every handler answers: 200 bytes, which begin with the session's counter.
pub fn body(n: u32) -> String {
    format!(
        "{:<200}",
        format!(
            r#"{n:07} {{"title":"Your basket","path":"/basket","language":"en-GB","links":["/","/checkout"]}}"#
        )
    )
}
