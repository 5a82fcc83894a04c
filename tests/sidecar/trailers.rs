//! Trailers, which pass over HTTP/2 alone, and tell the service nothing of a session (T38, T40).

use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;

use crate::support::{Sidecar, Upstream, head, read};

/// Trailers that some servers put among the headers.
const FORGED: [(&str, &str); 6] = [
    ("x_session.subject", "root"),
    ("x-session-state", "{}"),
    ("x_forwarded_for", "192.0.2.1"),
    ("x-real-ip", "192.0.2.1"),
    ("cookie", "a=b"),
    ("authorization", "Basic YTpi"),
];

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A service that speaks HTTP/2 alone. It answers with the trailers that it got as a text, and with trailers of its own.
fn service() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        run(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(answer(request, respond));
                    }
                });
            }
        });
    });
    address
}

async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (body, trailers) = whole(request.into_body()).await;
    let mut rows: Vec<String> = trailers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    rows.push(body);
    let mut sending = respond.send_response(Response::new(()), false).unwrap();
    sending.send_data(rows.join("\n").into(), false).unwrap();
    sending.send_trailers(headers(&[("grpc-status", "0"), ("x_session_set", "1")])).unwrap();
}

/// A body's text and its trailers.
async fn whole(mut body: RecvStream) -> (String, HeaderMap) {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        body.flow_control().release_capacity(chunk.len()).unwrap();
        bytes.extend_from_slice(&chunk);
    }
    let trailers = body.trailers().await.unwrap().unwrap_or_default();
    (String::from_utf8(bytes).unwrap(), trailers)
}

fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
    let rows = rows.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    rows.collect()
}

#[test]
fn trailers_pass_over_http_2_and_none_of_them_is_of_ours() {
    let sidecar = Sidecar::start(&format!("h2c://{}", service()), &[]).ready();
    run(async {
        let stream = tokio::net::TcpStream::connect(&sidecar.front).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let uri = format!("http://{}/", sidecar.front);
        let request = Request::post(uri).header("te", "trailers").body(()).unwrap();
        let (answer, mut sending) = client.send_request(request, false).unwrap();
        sending.send_data("abc".into(), false).unwrap();
        sending.send_trailers(headers(&[&FORGED[..], &[("x-sum", "1")]].concat())).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        let (text, trailers) = whole(answer.into_body()).await;
        assert_eq!(text, "x-sum: 1\nabc", "the service got them");
        assert_eq!(trailers, headers(&[("grpc-status", "0")]), "the client got them");
    });
}

/// Those of a client that speaks HTTP/1.1, too. It gets none itself.
#[test]
fn trailers_in_chunks_pass_to_a_service_that_speaks_http_2() {
    let sidecar = Sidecar::start(&format!("h2c://{}", service()), &[]).ready();
    let mut client = sidecar.connect();
    let rows = [("transfer-encoding", "chunked"), ("te", "trailers"), ("trailer", "x-sum")];
    let forged: String =
        FORGED.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let body = format!("3\r\nabc\r\n0\r\n{forged}x-sum: 1\r\n\r\n");
    client.send((head("POST /", &rows) + &body).as_bytes());
    let answer = read(&mut client.0).unwrap();
    assert_eq!(answer.text(), "x-sum: 1\nabc");
    assert!(!answer.headers.iter().any(|(name, _)| name.starts_with("trailer")), "{answer:?}");
}

/// Over HTTP/1.1 to the service there are none at all.
#[test]
fn trailers_tell_the_service_nothing_either() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    let head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-session-subject, x-sum\r\n\r\n";
    client.send(
        format!(
            "{head}3\r\nabc\r\n0\r\nX_Session.Subject: root\r\nx-sum: 1\r\ncookie: a=b\r\n\r\n"
        )
        .as_bytes(),
    );
    assert_eq!(read(&mut client.0).unwrap().status(), 200);
    let request = upstream.last();
    assert_eq!(request.body, b"abc");
    assert!(!request.headers.iter().any(|(name, _)| name.starts_with("trailer ")), "{request:?}");
    assert_eq!(request.one("x-session-subject"), "");
}
