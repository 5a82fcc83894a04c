//! HTTP/2 as only an attacker speaks it (T45). What hyper and h2 refuse by themselves is shown here.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use crate::support::{Ring, Server};

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

fn resident(server: &Server) -> f64 {
    let metrics = server.admin().get("/metrics").text;
    let line =
        metrics.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Rapid reset, CVE-2023-44487: requests that are taken back at once.
#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let before = resident(&server);
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
    assert!(resident(&server) < before + f64::from(64 << 20));
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

/// More streams than the server said it takes.
#[test]
fn streams_above_the_cap_are_refused_and_the_others_served() {
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

/// CONTINUATION flood, and a header list that is too long (CVE-2024-27316 and its kin).
#[test]
fn headers_without_end_are_cut() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let before = resident(&server);
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
    assert!(resident(&server) < before + f64::from(64 << 20));
    assert_eq!(server.admin().get("/readyz").status, 200);
}
