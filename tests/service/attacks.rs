//! HTTP/2 as only an attacker speaks it (T45). What hyper and h2 refuse by themselves is shown here.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use crate::support::Ring;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// T45: Rapid reset, CVE-2023-44487: requests that are taken back at once.
#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let before = server.resident();
    let mut stream = crate::support::raw(&server.api);
    stream.write_all(H2_START).unwrap();
    let mut odd = (1_u32..).step_by(2);
    // 1,000 requests and their ends at a time, 200,000 in all.
    let ended = (0..200).find(|_| {
        let requests: Vec<u8> = odd.by_ref().take(1_000).flat_map(asked_and_taken_back).collect();
        stream.write_all(&requests).is_err()
    });
    assert!(ended.is_some(), "nobody ended it");
    // Bounded: 64 MiB is far above what it takes, far below what 100,000 requests would.
    assert!(server.resident() < before + f64::from(64 << 20));
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    assert_eq!(caller.post("/v1/sessions", &json!({})).status, 201);
}

/// HEADERS of `POST /` and RST_STREAM (RFC 9113, sections 6.2 and 6.4), all by HPACK's static table.
fn asked_and_taken_back(stream: u32) -> Vec<u8> {
    let id = stream.to_be_bytes();
    let headers = [&b"\0\0\x06\x01\x04"[..], &id, b"\x83\x86\x84\x01\x01x"].concat();
    [&headers[..], b"\0\0\x04\x03\0", &id, b"\0\0\0\x08"].concat()
}

/// The preface and empty settings.
const H2_START: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn h2_request(method: &str, uri: &str) -> ureq::http::Request<()> {
    ureq::http::Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json")
        .body(())
        .unwrap()
}

/// T45: Answers of an HTTP/2 client that gives no room for them were held outside every bound, for as long as it
/// liked: 4 MiB a request.
#[test]
fn answers_that_nobody_takes_are_given_up_and_hold_their_place_until_then() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "3s"]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let caller = server.caller(&credential);
    let token = caller.issue(&json!({"state": "\u{1}".repeat(2_800)}));
    let body = json!({"tokens": vec![token; 256]}).to_string();
    let before = server.resident();
    run(async {
        let stream = tokio::net::TcpStream::connect(&server.api).await.unwrap();
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(0);
        let (client, connection) = builder.handshake::<_, bytes::Bytes>(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let (mut served, mut shed) = (0, 0);
        let mut held = Vec::new();
        for _ in 0..40 {
            let uri = format!("http://{}/v1/sessions/verify-batch", server.api);
            let mut request = h2_request("POST", &uri);
            let value = format!("Bearer {credential}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
            let Ok((answer, mut sending)) = client.send_request(request, false) else {
                break;
            };
            sending.send_data(body.clone().into(), true).unwrap();
            let Ok(answer) = answer.await else {
                break;
            };
            if answer.status() == 503 {
                shed += 1
            } else {
                served += 1
            }
            held.push(answer);
            client = match client.ready().await {
                Ok(client) => client,
                Err(_) => break,
            };
        }
        assert!(served <= 32, "{served} answers are held, {shed} were shed");
        assert!(server.resident() < before + f64::from(400 << 20));
        let ended = tokio::time::timeout(Duration::from_secs(60), connection).await;
        assert!(ended.is_ok(), "the connection is still there");
        drop(held);
    });
    let batch = caller.post("/v1/sessions/verify-batch", &json!({"tokens": []}));
    assert_eq!(batch.status, 200, "their places are free again");
}

/// T46: A body of one-byte pieces cost thirty times its length.
#[test]
fn a_body_in_small_pieces_costs_no_more_than_one_in_large_ones() {
    let ring = Ring::new();
    let server = ring.serve(&["--body-timeout", "60s"]).ready();
    let credential = ring.credential(&["--role", "verify"]);
    let before = server.resident();
    let mut stream = crate::support::raw(&server.api);
    let head = format!(
        "POST /v1/sessions/verify-batch HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let pieces = b"1\r\n \r\n".repeat(10_000);
    for _ in 0..200 {
        stream.write_all(&pieces).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    let grown = server.resident() - before;
    assert!(grown < f64::from(24 << 20), "{grown} bytes for 2 MB");
}

/// T45: More streams than the server said it takes.
#[test]
fn streams_above_the_cap_are_refused() {
    use std::io::Read;

    let ring = Ring::new();
    let server = ring.serve(&["--max-streams", "4", "--body-timeout", "60s"]).ready();
    let mut stream = crate::support::raw(&server.api);
    stream.write_all(H2_START).unwrap();
    // HEADERS without END_STREAM: each waits for its body.
    for id in [1_u32, 3, 5, 7, 9] {
        let headers = [&b"\0\0\x06\x01\x04"[..], &id.to_be_bytes(), b"\x83\x86\x84\x01\x01x"];
        stream.write_all(&headers.concat()).unwrap();
    }
    // RST_STREAM of the fifth with REFUSED_STREAM (RFC 9113, section 7).
    let refused = b"\0\0\x04\x03\0\0\0\0\x09\0\0\0\x07";
    let (mut seen, mut bytes) = (Vec::new(), [0; 4_096]);
    while !seen.windows(refused.len()).any(|window| window == refused) {
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "{seen:?}");
        seen.extend_from_slice(&bytes[..length]);
    }
}

/// T45.
#[test]
fn a_client_that_keeps_to_the_cap_is_served() {
    let ring = Ring::new();
    let server = ring.serve(&["--max-streams", "4", "--body-timeout", "60s"]).ready();
    let credential = ring.credential(&["--role", "issue"]);
    run(async {
        let stream = tokio::net::TcpStream::connect(&server.api).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        let mut answers = Vec::new();
        for _ in 0..4 {
            let mut request = h2_request("POST", &format!("http://{}/v1/sessions", server.api));
            let value = format!("Bearer {credential}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
            answers.push(client.send_request(request, false).unwrap());
            client = client.ready().await.unwrap();
        }
        // The fifth waits in this client, which keeps to what it was told.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(client.current_max_send_streams(), 4);
        for (answer, mut body) in answers {
            body.send_data("{}".into(), true).unwrap();
            assert_eq!(answer.await.unwrap().status(), 201);
        }
    });
}

/// T45: CONTINUATION flood, and a header list that is too long (CVE-2024-27316 and its kin).
#[test]
fn headers_without_end_are_cut() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let before = server.resident();
    let mut stream = crate::support::raw(&server.api);
    stream.write_all(H2_START).unwrap();
    // HEADERS of stream 1 without END_HEADERS: `:method GET` by its index.
    stream.write_all(b"\0\0\x01\x01\x01\0\0\0\x01\x82").unwrap();
    // A literal header of 10,000 bytes, as CONTINUATION, again and again.
    let mut block = vec![0x00, 0x01, b'x', 0x7f];
    // 10,000 less 127, in the 7-bit prefix's continuation (RFC 7541, section 5.1).
    block.extend_from_slice(&[0x91, 0x4d]);
    block.extend(std::iter::repeat_n(b'x', 10_000));
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    let frame = [&length[1..], &[0x09, 0, 0, 0, 0, 1], &block].concat();
    let sent = (0..100_000).take_while(|_| stream.write_all(&frame).is_ok()).count();
    assert!(sent < 100_000, "nobody stopped it");
    assert!(server.resident() < before + f64::from(64 << 20));
    assert_eq!(server.admin().get("/readyz").status, 200);
}

/// MadeYouReset, CVE-2025-8671: requests that make this end reset them. h2 bounds them as it is told to.
#[test]
fn requests_that_make_the_server_reset_them_end_the_connection() {
    use std::io::Read;

    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let mut stream = crate::support::raw(&server.api);
    stream.write_all(H2_START).unwrap();
    for id in (1_u32..).step_by(2).take(1_000) {
        let id = id.to_be_bytes();
        let headers = [&b"\0\0\x06\x01\x04"[..], &id, b"\x83\x86\x84\x01\x01x"].concat();
        // WINDOW_UPDATE: more than a window may be (RFC 9113, section 6.9.1).
        let overflow = [&b"\0\0\x04\x08\0"[..], &id, b"\x7f\xff\xff\xff"].concat();
        // Fails once the other end has closed.
        if stream.write_all(&[headers, overflow].concat()).is_err() {
            break;
        }
    }
    let (mut all, mut bytes) = (Vec::new(), [0; 4_096]);
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        all.extend_from_slice(&bytes[..length]);
    }
    let (mut resets, mut calm, mut rest) = (0, false, &all[..]);
    while rest.len() >= 9 {
        let length = usize::from(rest[1]) << 8 | usize::from(rest[2]);
        resets += usize::from(rest[3] == 3);
        // GOAWAY: the last stream, and ENHANCE_YOUR_CALM.
        calm |= rest[3] == 7 && rest[13..17] == [0, 0, 0, 11];
        rest = &rest[9 + length..];
    }
    // Fewer where the end came before they were sent. By itself h2 would let 1,024 pass.
    assert!(calm && resets <= 128, "{resets} resets, {calm}");
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    assert_eq!(caller.post("/v1/sessions", &json!({})).status, 201);
}

/// T44: what holds a seat has to say so when it is asked.
#[test]
fn an_http2_connection_stays_while_it_answers_pings_and_is_cut_when_it_does_not() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "1s", "--idle-timeout", "300s"]).ready();
    let mut silent = crate::support::raw(&server.api);
    silent.write_all(H2_START).unwrap();
    run(async {
        let stream = tokio::net::TcpStream::connect(&server.api).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let told = tokio::task::spawn_blocking(move || {
            let (mut told, mut bytes) = (Vec::new(), [0; 4_096]);
            while let Ok(length @ 1..) = std::io::Read::read(&mut silent, &mut bytes) {
                told.extend_from_slice(&bytes[..length]);
            }
            told
        });
        let told = tokio::time::timeout(Duration::from_secs(50), told).await;
        let told = told.expect("the silent one is still there").unwrap();
        let ping = b"\0\0\x08\x06\0\0\0\0\0";
        assert!(told.windows(ping.len()).any(|window| window == ping), "{told:?}");
        // Longer than the silent one had.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(!connection.is_finished());
        let mut client = client.ready().await.unwrap();
        let request = h2_request("GET", &format!("http://{}/v1/x", server.api));
        let (answer, _) = client.send_request(request, true).unwrap();
        assert_eq!(answer.await.unwrap().status(), 404);
    });
}
