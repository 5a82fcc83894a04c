//! The log: a line a request where asked for, in text or JSON, and nothing in it that others could use.

use serde_json::{Value, json};

use crate::support::{Ring, Server};

fn lines(server: &Server) -> Vec<Value> {
    let log = server.read_log();
    let lines = log.lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// T48.
#[test]
fn a_request_is_a_line_of_json_with_who_called_and_under_which_trace() {
    let ring = Ring::new();
    let server = ring.serve(&["--log-format", "json", "--log-requests"]).ready();
    let credential =
        ring.credential(&["--role", "issue", "--role", "verify", "--name", "shop \"web\" ü"]);
    let caller = server.caller(&credential);
    let token = caller.issue(&json!({"subject": "canary-subject", "state": "canary-state"}));
    caller.verify(&token);
    caller.get("/v1/keys");
    caller.get("/v1/canary-path?canary=query");
    let traced = ureq::post(format!("{}/v1/introspect", caller.url))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Bearer {credential}"))
        .send(format!("token={token}"))
        .unwrap();
    assert_eq!(traced.status(), 200);
    let requests: Vec<_> =
        lines(&server).into_iter().filter(|line| line["target"] == "saddlebag::request").collect();
    let told: Vec<_> = requests
        .iter()
        .map(|line| (line["method"].clone(), line["route"].clone(), line["status"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            ("POST", "/v1/sessions", 201),
            ("POST", "/v1/sessions/verify", 200),
            ("GET", "/v1/keys", 403),
            ("GET", "other", 404),
            ("POST", "/v1/introspect", 200),
        ]
        .map(|(method, route, status)| (json!(method), json!(route), json!(status)))
    );
    for line in &requests {
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["peer"], "127.0.0.1");
        assert!(line["micros"].as_u64().unwrap() > 0);
        assert!(line["timestamp"].is_string());
    }
    assert_eq!(requests[0]["caller"], "shop \"web\" ü");
    assert_eq!(requests[2]["caller"], "shop \"web\" ü", "whose role did not do is known, too");
    assert!(requests[3].get("caller").is_none());
    assert!(requests[0].get("trace").is_none());
    assert_eq!(requests[4]["trace"], "0af7651916cd43dd8448eb211c80319c");
    let log = server.read_log();
    for secret in ["canary", &token[..30], &credential[..30]] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn requests_are_not_logged_unless_asked_for() {
    let ring = Ring::new();
    let server = ring.serve(&["--log", "debug"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    caller.issue(&json!({}));
    assert!(!server.read_log().contains("answered"), "{}", server.read_log());
}

/// T48: what others send cannot begin a line of its own, in text either.
#[test]
fn what_others_send_is_one_line() {
    let ring = Ring::new();
    let server = ring.serve(&["--log", "trace", "--log-requests"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "verify"]));
    caller.verify("x\nINJECTED\r\u{1b}[2J");
    caller.send("INJECTED", "/v1/keys", None, b"");
    caller.get("/v1/%0aINJECTED%0d%1b%5b2J");
    caller.form("/v1/introspect", "token=%0aINJECTED&%0aINJECTED=1");
    caller.get("/.well-known/jwks.json?audience=%0aINJECTED");
    let log = server.read_log();
    assert!(log.lines().all(|line| !line.trim_start().starts_with("INJECTED")), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(log.contains("method=\"_OTHER\"") && !log.contains("method=\"INJECTED"), "{log}");
}
