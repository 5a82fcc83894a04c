//! The application that `tests/peers/cookies` visits with a real browser: sessions in cookies of every kind, an answer
//! that waits until it is told to go, and a page from which an attacker plants cookies.
//!
//! `cookie_lab NAME RING` listens on two ports of 127.0.0.1, with TLS and without, and says which. The certificate is
//! made at the start, for nobody in particular: the browser is told not to look.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use saddlebag::{Cookie, RawSession, Session, SessionLayer, SessionOrNew, Tokens};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A session's state; the number is the session's name, since the type is.
#[derive(Default, Serialize, Deserialize)]
struct Bag<const KIND: u8> {
    count: u64,
    /// What makes it large.
    filler: String,
}

/// `__Host-session`, in pieces where it must be.
const MAIN: u8 = 0;
/// `__Host-strict`, SameSite=Strict.
const STRICT: u8 = 1;
/// `__Host-apart`, partitioned and SameSite=Lax.
const APART: u8 = 2;
/// `__Host-framed`, partitioned and SameSite=None.
const FRAMED: u8 = 3;
/// `weak`, without Secure.
const WEAK: u8 = 4;
/// `__Host-noted`, SameSite=None.
const NOTED: u8 = 5;
/// `__Host-pieces`, in up to four pieces.
const PIECES: u8 = 6;

/// What one process knows.
struct Lab {
    name: String,
    /// Slow answers that wait.
    waiting: AtomicUsize,
    /// One permit for each that may go.
    gate: Semaphore,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut words = std::env::args().skip(1);
    let (name, ring) = (words.next().expect("a name"), words.next().expect("a ring"));
    let lab = Lab { name, waiting: AtomicUsize::new(0), gate: Semaphore::new(0) };
    let tokens = Tokens::from_file(ring).audience("lab");
    // For pieces.
    let tokens = tokens.longest_issued(7_100).longest_verified(7_168).build().unwrap();
    let app = app(&tokens, lab);
    let [plain, secure] = [listener().await, listener().await];
    println!("http listening on {}", plain.local_addr().unwrap());
    println!("https listening on {}", secure.local_addr().unwrap());
    println!("ready");
    tokio::join!(serve(plain, app.clone(), None), serve(secure, app, Some(tls())));
}

fn app(tokens: &Tokens, lab: Lab) -> Router {
    let of = |audience: &str| tokens.for_audience(audience).unwrap();
    let cookie = |name: &str| Cookie::new(name).unwrap();
    Router::new()
        .route("/", get(async || Html("<!doctype html><title>lab</title>")))
        .route("/page", get(page).post(page))
        .route("/waiting", get(waiting))
        .route("/release/{count}", post(release))
        .route("/plant", post(plant))
        .merge(routes::<MAIN>("session"))
        .merge(routes::<STRICT>("strict"))
        .merge(routes::<APART>("apart"))
        .merge(routes::<FRAMED>("framed"))
        .merge(routes::<WEAK>("weak"))
        .merge(routes::<NOTED>("noted"))
        .merge(routes::<PIECES>("pieces"))
        .layer(SessionLayer::<Bag<MAIN>>::new(tokens.clone()).cookie(Cookie::default().chunked()))
        .layer(SessionLayer::<Bag<STRICT>>::new(of("strict")).cookie(cookie("strict").strict()))
        .layer(SessionLayer::<Bag<APART>>::new(of("apart")).cookie(cookie("apart").partitioned()))
        .layer(
            SessionLayer::<Bag<FRAMED>>::new(of("framed"))
                .cookie(cookie("framed").partitioned().dangerous().same_site_none()),
        )
        .layer(
            SessionLayer::<Bag<WEAK>>::new(of("weak"))
                .cookie(cookie("weak").dangerous().insecure()),
        )
        .layer(
            SessionLayer::<Bag<NOTED>>::new(of("noted"))
                .cookie(cookie("noted").dangerous().same_site_none()),
        )
        .layer(
            SessionLayer::<Bag<PIECES>>::new(of("pieces"))
                .cookie(cookie("pieces").chunked().longest(2_000)),
        )
        .with_state(Arc::new(lab))
}

fn routes<const KIND: u8>(name: &str) -> Router<Arc<Lab>> {
    let at = |verb: &str| format!("/{name}/{verb}");
    Router::new()
        .route(&at("read"), get(read::<KIND>))
        .route(&at("count"), get(count::<KIND>))
        .route(&at("fill/{characters}"), get(fill::<KIND>))
        .route(&at("login/{who}"), get(login::<KIND>))
        .route(&at("logout"), get(logout::<KIND>))
        .route(&at("slow"), get(slow::<KIND>))
}

async fn read<const KIND: u8>(
    State(lab): State<Arc<Lab>>,
    headers: HeaderMap,
    session: Option<Session<Bag<KIND>>>,
) -> Json<Value> {
    Json(told(&lab, &headers, session.as_ref()))
}

async fn count<const KIND: u8>(
    State(lab): State<Arc<Lab>>,
    headers: HeaderMap,
    SessionOrNew(mut session): SessionOrNew<Bag<KIND>>,
) -> Json<Value> {
    session.count = session.count.wrapping_add(1);
    Json(told(&lab, &headers, Some(&session)))
}

/// Makes the state so much larger, or small again. Text of few letters is as long as any: nothing is compressed.
async fn fill<const KIND: u8>(
    State(lab): State<Arc<Lab>>,
    Path(characters): Path<usize>,
    headers: HeaderMap,
    SessionOrNew(mut session): SessionOrNew<Bag<KIND>>,
) -> Json<Value> {
    session.filler = "saddlebag".chars().cycle().take(characters).collect();
    Json(told(&lab, &headers, Some(&session)))
}

async fn login<const KIND: u8>(
    State(lab): State<Arc<Lab>>,
    Path(who): Path<String>,
    headers: HeaderMap,
    SessionOrNew(mut session): SessionOrNew<Bag<KIND>>,
) -> Json<Value> {
    session.set_subject(Some(&who));
    Json(told(&lab, &headers, Some(&session)))
}

async fn logout<const KIND: u8>(session: Session<Bag<KIND>>) -> Json<&'static str> {
    session.destroy();
    Json("ended")
}

/// Changes the session as it came, and answers when it is told to go.
async fn slow<const KIND: u8>(
    State(lab): State<Arc<Lab>>,
    headers: HeaderMap,
    mut session: Session<Bag<KIND>>,
) -> Json<Value> {
    session.count = session.count.wrapping_add(1);
    lab.waiting.fetch_add(1, Ordering::SeqCst);
    lab.gate.acquire().await.unwrap().forget();
    lab.waiting.fetch_sub(1, Ordering::SeqCst);
    Json(told(&lab, &headers, Some(&session)))
}

async fn waiting(State(lab): State<Arc<Lab>>) -> Json<usize> {
    Json(lab.waiting.load(Ordering::SeqCst))
}

async fn release(State(lab): State<Arc<Lab>>, Path(count): Path<usize>) {
    lab.gate.add_permits(count);
}

/// What a handler makes of a request's session, and the cookies as they came.
fn told<const KIND: u8>(
    lab: &Lab,
    headers: &HeaderMap,
    session: Option<&Session<Bag<KIND>>>,
) -> Value {
    let info = session.and_then(|session| session.info());
    json!({
        "node": lab.name,
        "session": session.is_some(),
        "id": info.map(|info| info.id.to_string()),
        "revision": info.map(|info| info.revision),
        "expires_at": info.map(|info| info.expires_at.as_secs()),
        "subject": session.and_then(|session| session.subject()),
        "count": session.map(|session| session.count),
        "filler": session.map(|session| session.filler.len()),
        "cookies": cookies(headers),
    })
}

fn cookies(headers: &HeaderMap) -> String {
    let all = headers.get_all(COOKIE).into_iter();
    let all: Vec<_> = all.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    all.join("; ")
}

/// Where a link or a form leads: which sessions arrived.
async fn page(
    main: Option<RawSession<Bag<MAIN>>>,
    strict: Option<RawSession<Bag<STRICT>>>,
    noted: Option<RawSession<Bag<NOTED>>>,
) -> Html<String> {
    let arrived =
        [("session", main.is_some()), ("strict", strict.is_some()), ("noted", noted.is_some())];
    let arrived: Vec<_> = arrived.iter().filter(|(_, came)| *came).map(|(name, _)| *name).collect();
    Html(format!("<!doctype html><title>arrived</title><p id=arrived>{}", arrived.join(" ")))
}

/// The attacker's: sets whatever it is given, each line a `Set-Cookie`.
async fn plant(lines: String) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    for line in lines.lines() {
        let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
        response.headers_mut().append(SET_COOKIE, line);
    }
    response
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn tls() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["shop.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    // A browser has six connections to a host, and any number of requests at once only on one of HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Serves for ever. `axum::serve` knows no TLS.
async fn serve(listener: TcpListener, app: Router, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (app, tls) = (app.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => converse(stream, app).await,
                // A browser opens connections that it does not use, and breaks off others.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, app).await;
                    }
                }
            }
        });
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
    let service = TowerToHyperService::new(app);
    let builder = Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
