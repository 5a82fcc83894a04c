//! HTTP/2 and TLS at either side.

use std::process::Command;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;

use crate::support::{Sidecar, Upstream};

/// Status, head and body, as curl has them.
fn curl(arguments: &[&str]) -> String {
    let output =
        Command::new("curl").args(["-sS", "-i", "--max-time", "20"]).args(arguments).output();
    let output = output.expect("curl: tests/peers/install");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn clients_may_speak_http_2_in_clear() {
    let upstream = Upstream::saying("connection: x-a\r\nx-a: 1\r\n");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let url = format!("http://{}/a?b", sidecar.front);
    let cookie = format!("cookie: __Host-session={token}");
    // Two of them, as browsers send over HTTP/2; and a body whose length is not told.
    let answer = curl(&[
        "--http2-prior-knowledge",
        "-H",
        &cookie,
        "-H",
        "cookie: a=b",
        "-H",
        "te: trailers",
        "-H",
        "x_session_id: root",
        "-H",
        "content-length:",
        "-T",
        "/etc/hostname",
        &url,
    ]);
    assert!(answer.starts_with("HTTP/2 200") && answer.ends_with("/a?b"), "{answer}");
    assert!(!answer.contains("x-a"), "{answer}");
    let request = upstream.last();
    assert_eq!(request.first, "PUT /a?b HTTP/1.1");
    assert_eq!((request.one("cookie"), request.one("x-session-subject")), ("a=b", "alice"));
    assert_eq!(request.one("host"), sidecar.front);
    assert_eq!(request.body, std::fs::read("/etc/hostname").unwrap());
    assert_eq!(request.one("x-session-id").len(), 16);
}

/// A service that speaks HTTP/2 alone, and tells what it was asked.
fn service() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let told = async |request: Request| format!("{request:?}");
            let app = Router::new().fallback(told);
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(app.clone());
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new()).http2_only();
                    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    address
}

#[test]
fn a_service_may_speak_http_2_in_clear() {
    let address = service();
    let sidecar = Sidecar::start(&format!("h2c://{address}"), &[]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    for _ in 0..3 {
        let told = sidecar.get("/a?b", &token);
        assert_eq!(told.status(), 200, "{told:?}");
        let told = told.text();
        for part in [
            "HTTP/2.0",
            "/a?b",
            "\"x-session-subject\": \"alice\"",
            "\"x-forwarded-host\": \"shop.example\"",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}

#[test]
fn clients_may_speak_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let upstream = Upstream::saying("x-session-set: 1\r\n");
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let sidecar = Sidecar::before(&upstream, &["--tls-cert", cert, "--tls-key", key]).ready();
    let port = sidecar.front.rsplit(':').next().unwrap();
    for (version, first) in [("--http1.1", "HTTP/1.1 200"), ("--http2", "HTTP/2 200")] {
        let url = format!("https://localhost:{port}/");
        let answer = curl(&[version, "--cacert", cert, &url]);
        assert!(
            answer.starts_with(first) && answer.contains("set-cookie: __Host-session="),
            "{answer}"
        );
        assert_eq!(upstream.last().one("x-forwarded-proto"), "https");
    }
}
