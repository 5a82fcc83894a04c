//! What headers cannot do: make a caller of somebody (T37), make a body larger (T22, T23), or be made by a claim
//! (T48).

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Ring, raw, rest};

/// 50 MB of JSON, packed by gzip to a thousandth.
fn bomb() -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let gzip = gzip.arg("-9").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut gzip = gzip.spawn().unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        input.write_all(br#"{"state":""#).unwrap();
        input.write_all(&vec![b'0'; 50_000_000]).unwrap();
        input.write_all(br#""}"#).unwrap();
    });
    let packed = gzip.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    packed
}

/// T37: who calls is in `Authorization`, or is known to the kernel; what a proxy says of others is nobody's word.
#[test]
fn what_a_proxy_would_say_makes_nobody_a_caller() {
    let ring = Ring::new();
    let socket = ring.folder.path().join("api.sock");
    let server = ring.serve(&[]).ready();
    // Another user of this machine has every role, by the kernel's word.
    let grants = ["--listen", &format!("unix:{}", socket.display())];
    let grants = [&grants[..], &["--allow-uid", "4242424=issue,verify,admin"]].concat();
    let _unix = ring.serve(&grants).ready();
    let credential = ring.credential(&["--role", "admin"]);
    for line in [
        "x-forwarded-for: 127.0.0.1",
        "x-real-ip: 127.0.0.1",
        "forwarded: for=127.0.0.1;by=127.0.0.1;proto=https",
        "x-forwarded-user: root",
        "x-remote-user: root",
        "remote-user: 4242424",
        "x-uid: 4242424",
        "x-ssl-client-verify: SUCCESS",
        "ssl-client-s-dn: CN=web.test",
        "x-forwarded-client-cert: Subject=\"CN=web.test\"",
        "client-cert: :AAAA:",
        "x-forwarded-proto: https",
        "x-saddlebag-caller: admin",
        "x-original-method: OPTIONS",
        "x-http-method-override: OPTIONS",
        &format!("x-authorization: Bearer {credential}"),
        &format!("proxy-authorization: Bearer {credential}"),
        &format!("x-forwarded-access-token: {credential}"),
        &format!("cookie: authorization={credential}; token={credential}"),
    ] {
        let request =
            format!("GET /v1/keys HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{line}\r\n\r\n");
        let mut stream = raw(&server.api);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 401"), "{line}: {answer}");
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 401"), "{line}: {answer}");
    }
    // Nor is a credential looked for in the path.
    let nobody = crate::support::Caller { credential: None, ..server.caller("") };
    for path in ["access_token", "token", "authorization", "credential"] {
        let answer = nobody.get(&format!("/v1/keys?{path}={credential}"));
        assert_eq!(answer.problem(), (401, "unauthenticated".into()), "{path}");
    }
}

/// T22: nothing is unpacked, so nothing grows. A thousand to one is what gzip gives at best.
#[test]
fn a_packed_body_is_not_unpacked() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let bomb = bomb();
    assert!(bomb.len() < 65_536, "it passes the limit as it is: {}", bomb.len());
    let before = server.resident();
    for coding in ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip", "identity", "chunked"] {
        for path in ["/v1/sessions", "/v1/sessions/verify", "/v1/sessions/renew"] {
            let mut stream = raw(&server.api);
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {credential}\r\n\
                 content-type: application/json\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
                bomb.len()
            );
            stream.write_all(&[head.as_bytes(), &bomb].concat()).unwrap();
            let answer = rest(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 400"), "{coding} {path}: {answer}");
        }
    }
    let grown = server.resident() - before;
    assert!(grown < f64::from(16 << 20), "{grown} bytes, for bombs of 50 MB each");
}

/// T23: an answer with a token in it is never packed beside what others chose.
#[test]
fn no_answer_is_packed() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let mut lengths = BTreeSet::new();
    for guess in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "aR7kQ2xZpL0mN5vB8cY1dF4gH6jK9sTw"] {
        let body = json!({"state": {"csrf": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "guess": guess}});
        let body = body.to_string();
        let mut stream = raw(&server.api);
        let request = format!(
            "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {credential}\r\n\
             accept-encoding: gzip, br, zstd, deflate\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        assert!(!answer.to_lowercase().contains("content-encoding"), "{answer}");
        let (_, json) = answer.split_once("\r\n\r\n").unwrap();
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        lengths.insert(json["token"].as_str().unwrap().len());
    }
    assert_eq!(lengths.len(), 1, "a right guess makes no shorter token: {lengths:?}");
}

/// T48: claims are in bodies alone, and escaped there.
#[test]
fn claims_make_no_header_and_no_line_of_the_log() {
    let ring = Ring::new();
    let server = ring.serve(&["--log", "trace", "--log-requests", "--jwt", "hs256"]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let exchange = |path: &str, body: &str| {
        let mut stream = raw(&server.api);
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {credential}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let names = head.lines().skip(1).map(|line| line.split(':').next().unwrap().to_owned());
        (names.collect::<Vec<_>>(), body.to_owned())
    };
    let (plain, _) = exchange("/v1/sessions", r#"{"subject":"alice"}"#);
    for text in [
        "a\r\nx-injected: 1",
        "a\nx-injected: 1",
        "a\rx-injected: 1",
        "a\r\n\r\n<script>alert(1)</script>",
        "a\u{85}x-injected: 1",
        "a\u{2028}x-injected: 1",
        "\u{1b}[2Jx-injected",
        "a\0x-injected",
        "\u{feff}x-injected\u{202e}",
    ] {
        for protection in ["signed", "sealed", "jwt"] {
            let body = json!({"subject": text, "state": {text: text}, "protection": protection});
            let (names, issued) = exchange("/v1/sessions", &body.to_string());
            assert_eq!(names, plain, "{text:?}");
            assert!(!issued.contains(['\r', '\n', '\u{1b}', '\0']), "{issued:?}");
            let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
            assert_eq!(issued["session"]["subject"], text);
            for path in ["/v1/sessions/verify", "/v1/sessions/renew"] {
                let body = json!({"token": issued["token"]}).to_string();
                let (names, answer) = exchange(path, &body);
                assert_eq!(names, plain, "{text:?}");
                assert!(!answer.contains(['\r', '\n', '\u{1b}', '\0']), "{answer:?}");
            }
        }
        // Refused, and told by what is wrong with it.
        for body in [json!({"audience": text}), json!({text: 1}), json!({"protection": text})] {
            let (names, answer) = exchange("/v1/sessions", &body.to_string());
            assert!(!names.iter().any(|name| name.contains("injected")), "{names:?}");
            assert!(!answer.contains(['\r', '\n', '\u{1b}', '\0']), "{answer:?}");
        }
    }
    let log = server.read_log();
    assert!(log.lines().count() > 50, "it is as talkative as can be: {log}");
    assert!(!log.contains("injected"), "{log}");
    assert!(!log.contains(['\r', '\u{1b}', '\0', '\u{85}', '\u{2028}']), "{log}");
}
