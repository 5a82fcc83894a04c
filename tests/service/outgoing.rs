//! T03, T42: whatever a token, a claim, a header or a path names, nobody is asked and nothing is opened for it.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::json;

use crate::support::{Ring, Server, eventually, raw, rest};

/// A server whose calls for files and connections are written down.
struct Traced {
    server: Server,
    trace: PathBuf,
}

impl Traced {
    fn start(ring: &Ring, arguments: &[&str]) -> Self {
        let trace = ring.folder.path().join("trace");
        let place = ring.place();
        let server = Server::start(&[&["--ring", &place], arguments].concat(), |command| {
            let mut traced = Command::new("strace");
            // -D: the server is our own child, and strace ends with it.
            traced.args(["-D", "-f", "-q", "-s", "4096", "-o"]).arg(&trace);
            traced
                .args(["-e", "trace=connect,sendto,sendmsg,open,openat,openat2,execve,fork,vfork"]);
            traced.arg(command.get_program()).args(command.get_args());
            traced.env_remove("SADDLEBAG_RING").stdin(Stdio::null());
            *command = traced;
            command.stdout(Stdio::piped()).stderr(Stdio::null());
        });
        Self { server: server.ready(), trace }
    }

    /// Ends the server; what it called.
    fn end(mut self) -> String {
        self.server.signal("TERM");
        assert_eq!(self.server.wait(), Some(0));
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        eventually("strace has written it", || read(&self.trace).contains("exited with 0"));
        read(&self.trace)
    }
}

/// A jwt's text with this header; nobody signed it.
fn jwt(header: &serde_json::Value) -> String {
    let part = |value: &serde_json::Value| BASE64.encode(value.to_string());
    let payload = json!({"iss": "http://127.0.0.1:9/canary", "aud": "default", "sub": "a"});
    format!("{}.{}.{}", part(header), part(&payload), BASE64.encode([7; 32]))
}

fn tokens() -> Vec<String> {
    let url = "http://127.0.0.1:9/canary-url";
    let jwk = json!({"kty": "oct", "k": "AAAA", "alg": "HS256"});
    let mut headers: Vec<_> = ["jku", "x5u", "jwk", "x5c", "iss", "crit", "url", "href"]
        .map(|name| json!({"alg": "HS256", "typ": "JWT", "kid": "AAAAAAAA", name: url}))
        .into();
    headers.push(json!({"alg": "HS256", "typ": "JWT", "kid": "AAAAAAAA", "jwk": jwk}));
    let long = "../".repeat(21_845);
    for kid in [
        "/etc/canary-file",
        "../../../../etc/canary-file",
        "file:///etc/canary-file",
        "/proc/self/environ",
        "/dev/null",
        "| touch /tmp/canary-file",
        "$(touch /tmp/canary-file)",
        "' UNION SELECT 'canary-file",
        "canary-file\0.pem",
        "http://127.0.0.1:9/canary-url",
        "//127.0.0.1:9/canary-url",
        "\\\\127.0.0.1\\canary-url",
        "",
        &long[..40_000],
    ] {
        headers.push(json!({"alg": "HS256", "typ": "JWT", "kid": kid}));
    }
    let mut tokens: Vec<_> = headers.iter().map(jwt).collect();
    tokens.extend(["/etc/canary-file", "http://127.0.0.1:9/canary-url"].map(str::to_owned));
    // The id of a key is 4 bytes, and any of them is looked up in memory.
    for id in [*b"/etc", *b"../.", [0; 4], [0xff; 4]] {
        let bytes = [&[0xb1, 0xbd, 0x5e][..], &id, &[9; 60]].concat();
        tokens.push(BASE64.encode(bytes));
    }
    tokens
}

/// T03, T42.
#[test]
fn nothing_that_is_sent_makes_the_service_open_or_ask_anything() {
    let ring = Ring::new();
    let roles = ["--role", "issue", "--role", "verify", "--role", "admin"];
    let credential = ring.credential(&roles);
    let traced = Traced::start(&ring, &["--jwt", "hs256", "--log-requests"]);
    let caller = traced.server.caller(&credential);
    let url = "http://127.0.0.1:9/canary-url";

    let mut sent = 0;
    for token in tokens() {
        for path in ["/v1/sessions/verify", "/v1/sessions/renew"] {
            let answer = caller.post(path, &json!({"token": token}));
            assert_eq!(answer.text, r#"{"active":false}"#, "{path} {token}");
        }
        let form = format!("token_type_hint={url}&request_uri={url}&token=");
        let encoded: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = caller.form("/v1/introspect", &format!("{form}{encoded}"));
        // One of them is longer than a form may be.
        assert!(
            answer.text == r#"{"active":false}"# || answer.status == 413,
            "{token}: {answer:?}"
        );
        // And as a credential.
        let other = traced.server.caller(token.trim());
        let refused = other.try_send("GET", "/v1/keys", None, b"");
        assert!(refused.is_err() || [400, 401, 431].contains(&refused.unwrap().status));
        sent += 1;
    }
    assert!(sent > 25);
    for protection in ["signed", "sealed", "jwt"] {
        let state = json!({"jku": url, "callback": url, "img": "//127.0.0.1:9/canary-url",
            "xml": "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/canary-file\">]><a>&b;</a>",
            "$ref": "file:///etc/canary-file", "log4j": "${jndi:ldap://127.0.0.1:9/canary-url}"});
        let body = json!({"subject": url, "state": state, "protection": protection});
        let token = caller.issue(&body);
        assert_eq!(caller.verify(&token)["session"]["state"], state);
        assert_eq!(caller.post("/v1/sessions/renew", &json!({"token": token})).status, 200);
    }
    // It is a name like any other.
    assert_eq!(caller.post("/v1/sessions", &json!({"audience": url})).status, 201);
    for path in [
        "/.well-known/jwks.json?audience=http://127.0.0.1:9/canary-url",
        "/docs/..%2f..%2fetc%2fcanary-file",
        "/docs/%2fetc%2fcanary-file",
        "/docs/canary-file",
        "/docs?url=http://127.0.0.1:9/canary-url",
        "/%2e%2e/%2e%2e/etc/canary-file",
    ] {
        assert!(caller.get(path).status < 500, "{path}");
    }
    for target in ["http://127.0.0.1:9/canary-url", "//127.0.0.1:9/canary-url", "*"] {
        let mut stream = raw(&traced.server.api);
        let lines = [
            "forwarded: for=127.0.0.1;host=127.0.0.1:9",
            "x-forwarded-host: 127.0.0.1:9",
            "origin: http://127.0.0.1:9",
            "referer: http://127.0.0.1:9/canary-url",
            "x-original-url: /canary-url",
            "tracestate: canary=http://127.0.0.1:9",
            "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ]
        .join("\r\n");
        let head = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1:9\r\nconnection: close\r\n");
        stream.write_all(format!("{head}{lines}\r\n\r\n").as_bytes()).unwrap();
        assert!(rest(&mut stream).starts_with("HTTP/1.1 404"), "{target}");
    }
    assert_eq!(traced.server.admin().get("/metrics").status, 200);

    let trace = traced.end();
    assert!(trace.contains("ring.json"), "what it opens is seen: {trace}");
    assert!(!trace.contains("connect("), "{trace}");
    assert!(!trace.contains("canary"), "{trace}");
    assert!(!trace.contains("/dev/null") && !trace.contains("fork("), "{trace}");
    assert_eq!(trace.matches("execve(").count(), 1, "itself alone: {trace}");
}

/// T03, T42: That the test above can fail: the one call that there is, of traces, is seen.
#[test]
fn the_one_call_that_the_service_makes_is_of_traces() {
    let ring = Ring::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let credential = ring.credential(&["--role", "issue"]);
    let traced = Traced::start(&ring, &["--otlp", &format!("http://{gone}")]);
    traced.server.caller(&credential).issue(&json!({}));
    let trace = traced.end();
    let calls: Vec<_> = trace.lines().filter(|line| line.contains("connect(")).collect();
    assert!(!calls.is_empty(), "{trace}");
    let port = format!("htons({})", gone.port());
    assert!(calls.iter().all(|call| call.contains(&port)), "{calls:?}");
}
