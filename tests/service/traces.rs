//! Traces: what a collector of OTLP gets. The collector here is a few lines; its parts are protobuf.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::support::{Ring, run};

/// Takes requests, and gives their heads and bodies.
pub(crate) fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if reader.read_line(&mut head).unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let lower = head.to_lowercase();
                    let length = lower.split("content-length: ").nth(1).unwrap();
                    let length = length.split("\r\n").next().unwrap().parse().unwrap();
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                    reader.get_mut().write_all(answer).unwrap();
                    if sender.send((head, body)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, requests)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// T64.
#[test]
fn a_collector_gets_a_span_a_request_below_that_of_the_caller() {
    let (address, requests) = collector();
    let ring = Ring::new();
    let mut server = ring.serve(&["--otlp", &address, "--log-requests"]).ready();
    let credential = ring.credential(&["--role", "issue", "--name", "shop-web"]);
    let caller = server.caller(&credential);
    let body = json!({"subject": "canary-subject", "state": "canary-state"});
    ureq::post(format!("{}/v1/sessions", caller.url))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("authorization", format!("Bearer {credential}"))
        .header("content-type", "application/json")
        .send(body.to_string())
        .unwrap();
    let token = caller.issue(&body);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "what is left is sent at the end");
    let (head, spans) = requests.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
    let trace = [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c];
    let parent = [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31];
    assert!(contains(&spans, &trace), "the caller's trace goes on");
    assert!(contains(&spans, &parent), "below the caller's span");
    for text in ["POST /v1/sessions", "http.response.status_code", "shop-web", "saddlebag"] {
        assert!(contains(&spans, text.as_bytes()), "{text}: {}", String::from_utf8_lossy(&spans));
    }
    for secret in ["canary", &token[..30], &credential[..30]] {
        assert!(!contains(&spans, secret.as_bytes()), "{secret} is in the trace");
    }
    let log = server.read_log();
    assert!(log.contains("trace=0af7651916cd43dd8448eb211c80319c"), "{log}");
    assert_eq!(log.matches("trace=").count(), 2, "who sends none gets one: {log}");
}

#[test]
fn a_collector_that_is_not_there_costs_nobody_anything() {
    let ring = Ring::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = ring.serve(&["--otlp", &format!("http://{gone}")]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    caller.issue(&json!({}));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn an_address_that_is_no_collectors_is_told() {
    let ring = Ring::new();
    for address in ["127.0.0.1:4318", "https://collector", "http://", "http://a?b", "http://u@a"] {
        let arguments = ["serve", "--ring", &ring.place(), "--otlp", address];
        let (code, _, stderr) = run(&arguments, "");
        assert_eq!(code, 2, "{address}: {stderr}");
        assert!(stderr.contains("http://HOST:PORT"), "{address}: {stderr}");
    }
}
