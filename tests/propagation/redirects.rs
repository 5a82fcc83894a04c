//! What becomes of a session where an answer is a redirect that the client follows by itself.

use axum::body::Bytes;
use axum::http::header::{COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use saddlebag::{Session, SessionOrNew};
use serde::{Deserialize, Serialize};

use super::*;

/// A request as it came.
#[derive(Debug)]
struct Came {
    method: Method,
    host: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Came {
    fn bearer(&self) -> Option<&str> {
        self.headers.get(AUTHORIZATION)?.to_str().unwrap().strip_prefix("Bearer ")
    }
}

/// A server that notes what it is sent, and answers a path with a redirect where it was told one.
#[derive(Clone, Default)]
struct Stop {
    address: String,
    came: Arc<Mutex<Vec<Came>>>,
    ways: Arc<Mutex<Vec<(String, u16, String)>>>,
}

impl Stop {
    async fn open() -> Self {
        let stop = Self::default();
        let app = Router::new().fallback(answer).with_state(stop.clone());
        Self { address: serve(app).await, ..stop }
    }

    fn redirects(&self, path: &str, status: u16, to: &str) {
        self.ways.lock().unwrap().push((path.to_owned(), status, to.to_owned()));
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port by another name of the same machine.
    fn by_name(&self) -> String {
        self.address.replace("127.0.0.1", "localhost")
    }

    fn take(&self) -> Vec<Came> {
        std::mem::take(&mut *self.came.lock().unwrap())
    }
}

async fn answer(
    State(stop): State<Stop>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let host = headers[HOST].to_str().unwrap().to_owned();
    let path = uri.path().to_owned();
    let ways = stop.ways.lock().unwrap();
    let way = ways.iter().find(|(from, ..)| *from == path);
    stop.came.lock().unwrap().push(Came { method, host, path, headers, body });
    match way {
        Some((_, status, to)) => {
            (StatusCode::from_u16(*status).unwrap(), [(LOCATION, to.clone())]).into_response()
        }
        None => StatusCode::OK.into_response(),
    }
}

/// A client that follows redirects as reqwest does unless it is told otherwise.
fn following(layer: PropagateLayer) -> ClientWithMiddleware {
    ClientBuilder::new(builder().build().unwrap()).with(layer).build()
}

async fn go(client: &ClientWithMiddleware, came: &Incoming, method: Method, url: &str) -> u16 {
    let request = client.request(method, url).with_extension(came.clone()).body("a=1");
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_token_follows_a_redirect_on_its_host_also_where_the_method_changes() {
    let came = incoming(&scoped(&root(), "front"));
    let stop = Stop::open().await;
    let client = following(PropagateLayer::forward(Hosts::only([&stop.address]).unwrap()));
    for (status, method, body) in [
        (301, "GET", ""),
        (302, "GET", ""),
        (303, "GET", ""),
        (307, "POST", "a=1"),
        (308, "POST", "a=1"),
    ] {
        let from = format!("/{status}");
        stop.redirects(&from, status, &format!("/after-{status}"));
        assert_eq!(go(&client, &came, Method::POST, &stop.url(&from)).await, 200);
        let [first, second] = &stop.take()[..] else { panic!("{status}") };
        assert_eq!((first.method.as_str(), &*first.body), ("POST", &b"a=1"[..]));
        assert_eq!((second.method.as_str(), &*second.body), (method, body.as_bytes()), "{status}");
        assert_eq!(second.path, format!("/after-{status}"));
        assert_eq!([first.bearer(), second.bearer()], [Some(came.token()); 2], "{status}");
    }
}

#[tokio::test]
async fn a_redirect_takes_no_token_to_another_host_not_even_a_listed_one() {
    let root = root();
    let (front, cart) = (scoped(&root, "front"), scoped(&root, "cart"));
    let came = incoming(&front);
    let (home, away) = (Stop::open().await, Stop::open().await);
    let name = home.by_name();
    for (n, to) in [
        format!("http://{}/seen", away.address),
        format!("//{}/seen", away.address),
        format!("http://{}@{}/seen", home.address, away.address),
        format!("http://{}/seen", away.by_name()),
        // The same server, by another name.
        format!("http://{name}/seen"),
    ]
    .iter()
    .enumerate()
    {
        for status in [301, 302, 303, 307, 308] {
            let from = format!("/{n}/{status}");
            home.redirects(&from, status, to);
            for hosts in [
                Hosts::only([&home.address]).unwrap(),
                Hosts::only([&home.address, &away.address, &away.by_name(), &name]).unwrap(),
            ] {
                for layer in [
                    PropagateLayer::forward(hosts.clone()),
                    PropagateLayer::child(cart.clone(), Child::empty(), hosts),
                ] {
                    let client = following(layer);
                    assert_eq!(go(&client, &came, Method::POST, &home.url(&from)).await, 200);
                    let mut all = home.take();
                    all.extend(away.take());
                    let [first, second] = &all[..] else { panic!("{to}") };
                    assert!(first.bearer().is_some(), "{to}");
                    assert_eq!(second.path, "/seen");
                    let token = first.bearer().unwrap();
                    for (name, value) in &second.headers {
                        let value = String::from_utf8_lossy(value.as_bytes());
                        assert!(!value.contains(token), "{status} {to}: {name}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_back_brings_no_token_back() {
    let came = incoming(&scoped(&root(), "front"));
    let (home, away) = (Stop::open().await, Stop::open().await);
    home.redirects("/out", 302, &away.url("/back"));
    away.redirects("/back", 302, &home.url("/end"));
    let client = following(PropagateLayer::forward(Hosts::only([&home.address]).unwrap()));
    // From home and back, and from elsewhere to a listed host: nobody who is not listed says where a session goes.
    for start in [home.url("/out"), away.url("/back")] {
        assert_eq!(go(&client, &came, Method::GET, &start).await, 200);
        assert_eq!(away.take()[0].bearer(), None, "{start}");
        let last = home.take().pop().unwrap();
        assert_eq!((last.path.as_str(), last.bearer()), ("/end", None), "{start}");
    }
}

/// reqwest takes only the headers that it knows off a request that is redirected to another host.
#[tokio::test]
async fn a_redirect_takes_a_header_of_ones_own_to_no_other_host() {
    let came = incoming(&scoped(&root(), "front"));
    let (home, away) = (Stop::open().await, Stop::open().await);
    home.redirects("/out", 307, &away.url("/seen"));
    home.redirects("/name", 303, &format!("http://{}/seen", home.by_name()));
    home.redirects("/in", 303, "/end");
    home.redirects("/loop", 307, "/loop");
    let name = HeaderName::from_static("x-session");
    let layer = PropagateLayer::forward(Hosts::only([&home.address]).unwrap()).header(name.clone());
    let client = builder().redirect(PropagateLayer::redirects_at_home()).build().unwrap();
    let client = ClientBuilder::new(client).with(layer.clone()).build();
    for (from, status) in [("/out", 307), ("/name", 303)] {
        assert_eq!(go(&client, &came, Method::POST, &home.url(from)).await, status);
        assert_eq!(home.take()[0].headers[&name], came.token());
        assert!(home.take().is_empty() && away.take().is_empty(), "{from}");
    }
    assert_eq!(go(&client, &came, Method::POST, &home.url("/in")).await, 200);
    let all = home.take();
    assert_eq!(all.iter().map(|came| &*came.path).collect::<Vec<_>>(), ["/in", "/end"]);
    assert!(all.iter().all(|each| each.headers[&name] == came.token()));
    let endless = client.get(home.url("/loop")).with_extension(came.clone()).send().await;
    assert!(endless.unwrap_err().is_redirect());
    assert_eq!(home.take().len(), 11);
    // What the policy is for.
    go(&following(layer), &came, Method::POST, &home.url("/out")).await;
    assert!(away.take()[0].headers.contains_key(&name));
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: u32,
}

async fn add(SessionOrNew(mut session): SessionOrNew<Cart>) -> Redirect {
    session.items += 1;
    Redirect::to("/cart")
}

async fn leave(State(to): State<String>, mut session: Session<Cart>) -> Redirect {
    session.items += 1;
    Redirect::to(&to)
}

async fn cart(headers: HeaderMap, session: Session<Cart>) -> String {
    format!("{} {}", session.items, headers.get_all(COOKIE).iter().count())
}

#[tokio::test]
async fn a_jar_takes_the_renewed_token_of_a_redirect_along_and_to_no_other_host() {
    let tokens = scoped(&root(), "front");
    let away = Stop::open().await;
    let layer = SessionLayer::<Cart>::new(tokens);
    let app = Router::new()
        .route("/add", post(add))
        .route("/leave", post(leave))
        .route("/cart", get(cart))
        .layer(layer)
        .with_state(format!("http://{}/seen", away.by_name()));
    let home = serve(app).await;
    let client = builder().cookie_store(true).build().unwrap();
    // The first redirect's answer begins the session, each later one renews it; the next request has the newest.
    for items in 1..=3 {
        let answer = client.post(format!("http://{home}/add")).send().await.unwrap();
        assert_eq!(answer.url().path(), "/cart");
        assert!(!answer.headers().contains_key(SET_COOKIE));
        assert_eq!(answer.text().await.unwrap(), format!("{items} 1"));
    }
    let answer = client.post(format!("http://{home}/leave")).send().await.unwrap();
    assert_eq!(answer.url().host_str(), Some("localhost"));
    let [seen] = &away.take()[..] else { panic!("not once") };
    assert_eq!((seen.method.as_str(), seen.host.as_str()), ("GET", &*away.by_name()));
    assert!(!seen.headers.contains_key(COOKIE));
    assert!(!seen.headers.values().any(|value| value.to_str().unwrap().contains("session")));
    // What was renewed on the way out is there on the way in.
    let answer = client.get(format!("http://{home}/cart")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "4 1");
}

/// Needs a build whose reqwest has TLS: `cargo test --features reqwest,server --test propagation`.
#[cfg(feature = "server")]
#[tokio::test]
async fn a_redirect_between_https_and_http_takes_no_token_along_on_one_host_and_port() {
    use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;

    /// One request: its first line and whether it has a token; a path that is a URL's end is where it is sent on to.
    async fn one<S: AsyncRead + AsyncWrite + Unpin>(stream: S, to: String, tls: bool) -> String {
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
        }
        let answer = match head.starts_with("GET /out") {
            true => format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\n"),
            false => "HTTP/1.1 200 OK\r\n".to_owned(),
        };
        let answer = format!("{answer}content-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let token = head.to_ascii_lowercase().contains("bearer ");
        format!("tls {tls} token {token} {}", head.lines().next().unwrap())
    }

    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let secret = rcgen::KeyPair::serialize_der(&key.signing_key).try_into().unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![key.cert.der().clone()], secret).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let came = incoming(&scoped(&root(), "front"));
    let client = builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let layer = PropagateLayer::forward(Hosts::only([&address]).unwrap());
    let client = ClientBuilder::new(client).with(layer).build();
    for (from, to) in [("https", "http"), ("http", "https")] {
        let call = client.get(format!("{from}://{address}/out")).with_extension(came.clone());
        let call = tokio::spawn(call.send());
        let mut told = Vec::new();
        for _ in 0..2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut first = [0];
            stream.peek(&mut first).await.unwrap();
            let to = format!("{to}://{address}/seen");
            told.push(match first {
                // A record of a TLS handshake.
                [0x16] => one(acceptor.accept(stream).await.unwrap(), to, true).await,
                _ => one(stream, to, false).await,
            });
        }
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
        let [tls, plain] = [from == "https", to == "https"];
        let expected = [
            format!("tls {tls} token true GET /out HTTP/1.1"),
            format!("tls {plain} token false GET /seen HTTP/1.1"),
        ];
        assert_eq!(told, expected);
    }
}
