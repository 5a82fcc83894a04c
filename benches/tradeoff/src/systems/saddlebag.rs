//! saddlebag: the state in a token, in a cookie or in a header.

use std::path::PathBuf;

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::routing::get;
use saddlebag::keys::store::Store;
use saddlebag::keys::{FileStore, Policy, UnixTime, rotation};
use saddlebag::{
    Carrier, Cookie, JwtAlgorithm, Lifetime, Protection, Session, SessionLayer, SessionOrNew,
    Tokens,
};

use crate::node::{HEADER, Options, System, body};
use crate::state::State;

/// The longest token: in a cookie the four pieces of which carry 7,168 bytes, in a header as long as the format allows.
const IN_COOKIES: usize = 7_000;
const IN_A_HEADER: usize = 65_536;

pub fn served(system: System, options: &Options) -> Router {
    let ring = options.ring.clone().expect("--ring");
    let longest = if matches!(system, System::Header) { IN_A_HEADER } else { IN_COOKIES };
    let builder = Tokens::from_file(ring)
        .audience("shop")
        .longest_verified(longest)
        .longest_issued(longest)
        .lifetime(Lifetime { idle: options.lifetime, absolute: Lifetime::DEFAULT.absolute });
    let builder = match system {
        System::Signed => builder.protection(Protection::Signed),
        System::Jwt => builder.jwt(JwtAlgorithm::Hs256).protection(Protection::Jwt),
        _ => builder,
    };
    let layer = SessionLayer::<State>::new(builder.build().expect("tokens"));
    let layer = match system {
        System::Header => layer.carriers([Carrier::header(HeaderName::from_static(HEADER))]),
        _ => layer.cookie(Cookie::default().chunked()),
    };
    Router::new()
        .route("/", get(read))
        .route("/change", get(change))
        .route("/login/{bytes}", get(login))
        .layer(layer)
}

async fn read(session: Session<State>) -> String {
    body(session.n)
}

async fn change(mut session: Session<State>) -> String {
    session.n += 1;
    body(session.n)
}

async fn login(SessionOrNew(mut session): SessionOrNew<State>, Path(bytes): Path<usize>) -> String {
    *session = State::of(bytes);
    body(session.n)
}

/// A ring as it was made yesterday: an active key, and a standby. Its nodes have one clock, so that a session that is
/// over is over at once.
pub fn write_ring(file: PathBuf) {
    let yesterday = UnixTime::now().saturating_sub(86_400);
    let policy = Policy { clock_skew: 0, ..Policy::default() };
    let plan =
        rotation::init("tradeoff", policy, yesterday, &mut rand::rngs::SysRng).expect("a ring");
    FileStore::new(file).save(&plan.ring, None).expect("a file");
}
