//! Deadlines and caps: what the other end may take, and what those inside notice of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Ring, Server, eventually, raw, rest};

fn get(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 2_048];
    let length = stream.read(&mut answer).unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Whether the end came between so many seconds and that many more: others share this machine.
fn ended_within(began: Instant, seconds: u64) {
    let took = began.elapsed();
    let bounds = Duration::from_millis(seconds * 1_000 - 200)..Duration::from_secs(seconds + 20);
    assert!(bounds.contains(&took), "{took:?}");
}

/// T45.
#[test]
fn connections_above_the_cap_are_told_503_and_room_comes_back() {
    let ring = Ring::new();
    let server = ring.serve(&["--max-connections", "3"]).ready();
    let mut held: Vec<_> = (0..3).map(|_| raw(&server.api)).collect();
    for stream in &mut held {
        assert!(get(stream, "/v1/x").starts_with("HTTP/1.1 404"));
    }
    let mut fourth = raw(&server.api);
    let _ = fourth.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = rest(&mut fourth);
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("connection: close\r\n"));
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["code"], "too_many_connections");
    assert!(get(&mut held[0], "/v1/x").starts_with("HTTP/1.1 404"), "others go on");
    // Probes have a listener, and a cap, of their own.
    assert_eq!(server.admin().get("/readyz").status, 200);
    drop(held.pop());
    eventually("a seat is free again", || {
        get(&mut raw(&server.api), "/v1/x").starts_with("HTTP/1.1 404")
    });
    let metrics = server.admin().get("/metrics").text;
    assert!(metrics.contains(r#"saddlebag_connections_max{listener="api"} 3"#), "{metrics}");
    assert!(!metrics.contains(r#"refused_total{listener="api",reason="full"} 0"#), "{metrics}");
}

/// T45.
#[test]
fn one_peer_cannot_take_every_seat() {
    let ring = Ring::new();
    let server = ring.serve(&["--max-connections-per-peer", "2"]).ready();
    let mut held: Vec<_> = (0..2).map(|_| raw(&server.api)).collect();
    for stream in &mut held {
        assert!(get(stream, "/v1/x").starts_with("HTTP/1.1 404"));
    }
    let answer = rest(&mut raw(&server.api));
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("all the connections that one may")
    );
    // Another address of this machine is another peer.
    let output = std::process::Command::new("curl")
        .args(["-sS", "--interface", "127.0.0.2", "-o", "/dev/null", "-w", "%{http_code}"])
        .arg(format!("http://{}/openapi.json", server.api))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200", "{output:?}");
}

/// Of its 1,024 seats: probes of another host find one.
#[test]
fn one_peer_cannot_take_every_seat_of_the_admin_listener() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let address = &server.admin;
    let mut held: Vec<_> = (0..256).map(|_| raw(address)).collect();
    assert!(get(held.last_mut().unwrap(), "/healthz").starts_with("HTTP/1.1 200"));
    let answer = rest(&mut raw(address));
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("all the connections that one may")
    );
}

/// Begins a request whose body does not come.
fn begin(server: &Server, credential: &str, path: &str) -> TcpStream {
    let mut stream = raw(&server.api);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn in_flight(server: &Server) -> usize {
    let metrics = server.admin().get("/metrics").text;
    let line =
        metrics.lines().find(|l| l.starts_with("saddlebag_http_requests_in_flight ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// T45.
#[test]
fn requests_above_the_cap_are_shed_at_once_and_those_inside_are_served() {
    let ring = Ring::new();
    let server =
        ring.serve(&["--max-requests", "3", "--body-timeout", "60s", "--log-requests"]).ready();
    let credential = ring.credential(&["--role", "issue"]);
    let mut held: Vec<_> = (0..3).map(|_| begin(&server, &credential, "/v1/sessions")).collect();
    eventually("three are under way", || in_flight(&server) == 3);
    let caller = server.caller(&credential);
    let answer = caller.post("/v1/sessions", &json!({}));
    assert_eq!(answer.problem(), (503, "overloaded".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let mut first = held.remove(0);
    first.write_all(b"}").unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
    eventually("there is room again", || caller.post("/v1/sessions", &json!({})).status == 201);
    let metrics = server.admin().get("/metrics").text;
    assert!(!metrics.contains(r#"shed_total{reason="requests"} 0"#), "{metrics}");
    let log = server.read_log();
    assert!(log.contains("status=503") && log.contains("peer=127.0.0.1"), "{log}");
}

/// T45.
#[test]
fn batches_have_a_gate_of_their_own() {
    let ring = Ring::new();
    let server = ring.serve(&["--body-timeout", "60s"]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let path = "/v1/sessions/verify-batch";
    let _held: Vec<_> = (0..32).map(|_| begin(&server, &credential, path)).collect();
    eventually("they are under way", || in_flight(&server) == 32);
    let caller = server.caller(&credential);
    let batch = caller.post(path, &json!({"tokens": []}));
    assert_eq!(batch.problem(), (503, "overloaded".into()));
    assert_eq!(caller.post("/v1/sessions", &json!({})).status, 201);
}

/// T44.
#[test]
fn a_body_that_does_not_come_is_given_up() {
    let ring = Ring::new();
    let server = ring.serve(&["--body-timeout", "2s"]).ready();
    let credential = ring.credential(&["--role", "issue"]);
    let began = Instant::now();
    let mut stream = begin(&server, &credential, "/v1/sessions");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
    ended_within(began, 2);
    eventually("nothing is under way", || in_flight(&server) == 0);
}

/// T44: a byte now and then does not keep a seat.
#[test]
fn a_head_that_drips_is_given_up_at_its_deadline() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "2s"]).ready();
    let began = Instant::now();
    let mut stream = raw(&server.api);
    for byte in b"GET /v1/keys HTTP/1.1\r\nhost: x\r\nx-long: ".iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        assert!(began.elapsed() < Duration::from_secs(30), "it is still there");
    }
    ended_within(began, 2);
}

/// T44: The second head of a connection had the time of a pause: hyper does not read while it answers, and the
/// first one's end went unseen.
#[test]
fn the_second_head_has_the_time_of_the_first() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "2s", "--idle-timeout", "60s"]).ready();
    let mut stream = raw(&server.api);
    assert!(get(&mut stream, "/v1/x").starts_with("HTTP/1.1 404"));
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    stream.write_all(b"GET /v1/x HTT").unwrap();
    assert_eq!(rest(&mut stream), "");
    ended_within(began, 2);
}

/// Who sends its body after the head found the connection gone after a refusal, without a word.
#[test]
fn an_answer_to_a_body_that_was_not_read_says_that_the_connection_ends() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let mut stream = raw(&server.api);
    let head = b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
    stream.write_all(head).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    let mut stream = raw(&server.api);
    assert!(!get(&mut stream, "/v1/x").contains("connection: close"));
    // HEAD has the length, and no body.
    let answer = server.caller("x").send("HEAD", "/openapi.json", None, b"");
    let whole = server.caller("x").get("/openapi.json").text.len().to_string();
    assert_eq!((answer.status, answer.header("content-length")), (200, Some(&*whole)));
}

/// T44.
#[test]
fn a_connection_may_pause_between_requests_and_not_for_ever() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "1s", "--idle-timeout", "4s"]).ready();
    let mut stream = raw(&server.api);
    assert!(get(&mut stream, "/v1/x").starts_with("HTTP/1.1 404"));
    // Longer than a head may take.
    std::thread::sleep(Duration::from_millis(2_000));
    let began = Instant::now();
    assert!(get(&mut stream, "/v1/x").starts_with("HTTP/1.1 404"));
    assert_eq!(rest(&mut stream), "");
    ended_within(began, 4);
}

/// T45: HTTP/2 connections that answered pings kept their seat for ever.
#[test]
fn an_idle_connection_of_http_2_is_ended_too() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "1s", "--idle-timeout", "2s"]).ready();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&server.api).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        let began = Instant::now();
        // Answers pings for as long as it is there.
        tokio::time::timeout(Duration::from_secs(60), connection).await.unwrap().ok();
        ended_within(began, 2);
        drop(client);
    });
}

/// T46.
#[test]
fn a_head_has_a_size() {
    let ring = Ring::new();
    let server = ring.serve(&["--max-head-bytes", "8192"]).ready();
    for (length, status) in [(6_000, "HTTP/1.1 404"), (10_000, "HTTP/1.1 431")] {
        let mut stream = raw(&server.api);
        let request = format!(
            "GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {}\r\n\r\n",
            "x".repeat(length)
        );
        // Cut while it is sent, most likely.
        let _ = stream.write_all(request.as_bytes());
        let answer = rest(&mut stream);
        assert!(answer.starts_with(status), "{length}: {answer}");
    }
}

/// T46: a body is read to its limit, and no further, on every route.
#[test]
fn a_body_without_end_is_cut_on_every_route() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let roles = ["--role", "issue", "--role", "verify", "--role", "admin"];
    let credential = ring.credential(&roles);
    let chunk = [&b"10000\r\n"[..], &[b' '; 0x10000], b"\r\n"].concat();
    for (address, path, kind, expected) in [
        (&server.api, "/v1/sessions", "application/json", "413"),
        (&server.api, "/v1/sessions/verify", "application/json", "413"),
        (&server.api, "/v1/sessions/verify-batch", "application/json", "413"),
        (&server.api, "/v1/sessions/renew", "application/json", "413"),
        (&server.api, "/v1/introspect", "application/x-www-form-urlencoded", "413"),
        (&server.api, "/v1/keys", "application/json", "405"),
        (&server.api, "/.well-known/jwks.json", "application/json", "405"),
        (&server.api, "/docs", "application/json", "405"),
        (&server.api, "/nothing", "application/json", "404"),
        (&server.admin, "/healthz", "application/json", "405"),
        (&server.admin, "/metrics", "application/json", "405"),
    ] {
        let mut stream = raw(address);
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
             content-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = stream.try_clone().unwrap();
        let answer = std::thread::spawn(move || rest(&mut reader));
        // 256 MiB, if nobody stops it.
        let sent = (0..4_096).take_while(|_| stream.write_all(&chunk).is_ok()).count();
        assert!(sent < 4_096, "{path}: nobody stopped it");
        let answer = answer.join().unwrap();
        // Where the answer was overtaken by the end, the end will do.
        let status = format!("HTTP/1.1 {expected}");
        assert!(answer.is_empty() || answer.starts_with(&status), "{path}: {answer}");
    }
    assert_eq!(server.caller(&credential).post("/v1/sessions", &json!({})).status, 201);
}
