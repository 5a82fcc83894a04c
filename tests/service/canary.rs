//! T64: a ring, tokens and credentials that are known to this test alone, and are then looked for in everything
//! that comes out of the program: logs at TRACE, answers, metrics, traces, errors of every verb, the process list.
//!
//! What panics would tell is in `src/cli/closed.rs` and `src/service/last_resort.rs`; core files are in `memory`.

mod needles;
mod verbs;

use std::io::Write;
use std::process::Command;

use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{Audience, FileStore, Policy, Secret, Store, UnixTime, derive};
use serde_json::{Value, json};

use crate::support::{Ring, Server, raw, rest, run};
use crate::traces::collector;
use needles::Needles;

const DAY: u64 = 86_400;
const SUBJECT: &str = "canary-subject";
const STATE: &str = "canary-state";

fn secret(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(73).rotate_left(3) ^ n.wrapping_mul(0x9d))
}

/// A ring whose secrets are known, and they and all that is derived from them.
fn canary_ring() -> (Ring, Needles) {
    let ring = Ring::missing();
    let now = UnixTime::now();
    let key = |n: u8, activates_at: UnixTime| ChosenKey {
        secret: secret(n),
        id: None,
        created_at: now.saturating_sub(9 * DAY),
        activates_at,
        drains_until: None,
        revoked_at: None,
    };
    let next = now.saturating_add(20 * DAY);
    let mut first = key(1, now.saturating_sub(8 * DAY));
    first.drains_until = Some(next.saturating_add(40 * DAY));
    let keys = [first, key(2, next)];
    let made = insecure::ring("canaries", 1, Policy::default(), &keys).unwrap();
    FileStore::new(ring.path()).save(&made, None).unwrap();
    let mut needles = Needles::default();
    for n in [1, 2] {
        let root = Secret::from_bytes(secret(n));
        needles.bytes("a root secret", root.expose());
        for audience in ["default", "shop", "saddlebag:api"] {
            let key = derive::audience(&root, &Audience::new(audience).unwrap());
            needles.bytes("K_audience", key.expose());
            needles.bytes("K_signed", derive::signed(&key).expose());
            needles.bytes("K_sealed", derive::sealed(&key).expose());
            needles.bytes("K_hs256", derive::jwt_hs256(&key).expose());
            needles.bytes("the seed of EdDSA", derive::jwt_eddsa_seed(&key).expose());
        }
    }
    (ring, needles)
}

/// Everything that came out, by where.
#[derive(Default)]
struct Heard(Vec<(String, Vec<u8>)>);

impl Heard {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// The program's own words; standard output is for whoever asked, and may be a token.
    fn verb(&mut self, arguments: &[&str], input: &str, answer_is_secret: bool) -> (i32, String) {
        let (code, stdout, stderr) = run(arguments, input);
        let place = arguments.join(" ");
        self.add(format!("{place}: errors"), stderr);
        if !answer_is_secret {
            self.add(format!("{place}: answer"), stdout.clone());
        }
        assert_ne!(code, 101, "{place}: it panicked");
        (code, stdout)
    }

    fn has_none_of(&self, needles: &Needles) {
        for (place, bytes) in &self.0 {
            let found = needles.found_in(bytes);
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]);
            assert!(found.is_empty(), "{place} has {found:?}:\n{shown}");
        }
    }
}

/// One exchange over a connection of its own.
fn exchange(server: &Server, method: &str, path: &str, lines: &[String], body: &str) -> String {
    let mut stream = raw(&server.api);
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{lines}content-length: {length}\r\n\r\n{body}"
    );
    // Refused while it is sent, in some cases.
    let _ = stream.write_all(request.as_bytes());
    rest(&mut stream)
}

/// Good and bad bodies with a secret in every place that a body has.
fn bodies(secret: &str) -> Vec<String> {
    let in_string = serde_json::to_string(secret).unwrap();
    let mut bodies: Vec<String> = [
        json!({"token": secret}),
        json!({"tokens": [secret, secret]}),
        json!({"token": [secret]}),
        json!({"token": {secret: 1}}),
        json!({"tokens": secret}),
        json!({"token": secret, "audience": secret}),
        json!({"token": secret, "binding": secret}),
        json!({"token": "x", "subject": secret, "rotate_id": secret}),
        json!({"token": secret, "state": {secret: secret}}),
        json!({"subject": [secret]}),
        json!({"audience": secret}),
        json!({"lifetime": secret}),
        json!({"session_lifetime": {secret: 1}}),
        json!({"protection": secret}),
        json!({"binding": secret}),
        json!({secret: secret}),
        json!([secret]),
        json!(secret),
    ]
    .iter()
    .map(Value::to_string)
    .collect();
    bodies.extend([
        secret.to_owned(),
        format!("{{{in_string}"),
        format!("{{\"token\":{in_string}"),
        format!("{{\"token\":{in_string}}}{secret}"),
        format!("{{\"token\":{in_string},\"token\":{in_string}}}"),
        format!("{{\"state\":{{{in_string}:1,{in_string}:2}}}}"),
        format!("{{\"state\":[{}{in_string}", "[".repeat(40)),
        format!("{{\"token\":\"{secret}\\ud800\"}}"),
        format!("{{\"token\":\"{secret}\n\"}}"),
        format!("{{\"lifetime\":1e400,\"token\":{in_string}}}"),
        format!("token={secret}"),
        format!("token={secret}&token={secret}"),
        format!("{secret}={secret}&token=x"),
        format!("token=x&audience={secret}"),
        format!("token=x&binding={secret}"),
        format!("token=%ff{secret}"),
    ]);
    bodies
}

/// Everything that the service can be asked, with this secret in it.
fn ask_everything(server: &Server, credential: &str, secret: &str, heard: &mut Heard) {
    let good = format!("authorization: Bearer {credential}");
    let json = "content-type: application/json".to_owned();
    let form = "content-type: application/x-www-form-urlencoded".to_owned();
    let paths = ["", "/verify", "/renew", "/verify-batch"].map(|end| format!("/v1/sessions{end}"));
    for body in bodies(secret) {
        for path in paths.iter().map(String::as_str).chain(["/v1/introspect"]) {
            for kind in [&json, &form] {
                let lines = [good.clone(), kind.clone()];
                let answer = exchange(server, "POST", path, &lines, &body);
                // What was asked for may be in it, where a session is issued or renewed.
                let answer = without_token(&answer);
                heard.add(format!("POST {path} {kind} {}", body.len()), answer);
            }
        }
    }
    for (method, path) in [
        ("GET", format!("/{secret}")),
        ("GET", format!("/v1/sessions?token={secret}")),
        ("POST", format!("/v1/sessions/verify?token={secret}")),
        ("GET", format!("/v1/keys?access_token={secret}")),
        ("GET", format!("/docs/{secret}")),
        ("GET", format!("/.well-known/jwks.json?audience={secret}")),
        ("GET", format!("/.well-known/jwks.json?{secret}=1")),
        ("GET", format!("/.well-known/jwks.json?audience=%ff{secret}")),
        ("DELETE", format!("/v1/sessions/{secret}")),
        (secret, "/v1/sessions".to_owned()),
        (secret, format!("/{secret}")),
    ] {
        let answer = exchange(server, method, &path, std::slice::from_ref(&good), "");
        heard.add(format!("{} {}", &method[..3], &path[..4]), answer);
    }
    let zeros = "0".repeat(32);
    for line in [
        format!("authorization: {secret}"),
        format!("authorization: Basic {secret}"),
        format!("authorization: Digest {secret}"),
        format!("authorization: Bearer {secret}\r\nauthorization: Bearer {secret}"),
        format!("authorization: Bearer {secret}x"),
        format!("authorization: Bearer {secret} {secret}"),
        format!("authorization: Bearer {}", &secret[..secret.len() - 1]),
        format!("{good}\r\ncontent-type: {secret}"),
        format!("{good}\r\ncontent-type: {secret}/json"),
        format!("{good}\r\ncookie: session={secret}"),
        format!("{good}\r\ntransfer-encoding: {secret}"),
        format!("{good}\r\ntraceparent: 00-{zeros}-{secret}-01"),
        format!("{good}\r\ntraceparent: {secret}"),
        format!("{good}\r\ntracestate: a={secret}\r\nbaggage: a={secret}"),
        format!("{good}\r\nhost: {secret}\r\nexpect: {secret}\r\nupgrade: {secret}"),
        format!("{good}\r\n{secret}: {secret}"),
        format!("{good}\r\n{secret}"),
    ] {
        for (method, path) in [("POST", "/v1/sessions/verify"), ("GET", "/v1/keys")] {
            let answer = exchange(server, method, path, std::slice::from_ref(&line), "{}");
            heard.add(format!("{path} {}", line.len()), answer);
        }
    }
    // Bytes that are no HTTP, and the start of HTTP/2 with what is none.
    for start in ["", "\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /"] {
        let mut stream = raw(&server.api);
        let _ = stream.write_all(format!("{start}{secret}\r\n\r\n").as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        heard.add("no HTTP", rest(&mut stream));
    }
}

/// An answer without the one member that is there to hand a token over.
fn without_token(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or(("", answer));
    let mut body = match serde_json::from_str::<Value>(body) {
        Ok(body) => body,
        Err(_) => return answer.to_owned(),
    };
    if let Some(members) = body.as_object_mut().filter(|members| members.contains_key("session")) {
        members.remove("token");
        // A caller's own claims come back to it: what they are is the caller's doing.
        members.remove("session");
    }
    format!("{head}\r\n\r\n{body}")
}

/// T64.
#[test]
fn canaries_are_found_in_nothing_that_the_service_tells() {
    let (ring, mut needles) = canary_ring();
    let (address, spans) = collector();
    let roles = ["--role", "issue", "--role", "verify", "--role", "admin", "--name", "shop-web"];
    let credential = ring.credential(&roles);
    needles.token("the credential", &credential);
    let flags = ["--log", "trace", "--log-requests", "--jwt", "eddsa", "--otlp", &address];
    let mut server = ring.serve(&flags).ready();
    let mut heard = Heard::default();

    let caller = server.caller(&credential);
    let mut secrets = vec![credential.clone()];
    for protection in ["signed", "sealed", "jwt"] {
        let state = json!({"note": STATE, "list": [STATE]});
        let body = json!({"subject": SUBJECT, "state": state, "protection": protection});
        let token = caller.issue(&body);
        let renewed = caller.post("/v1/sessions/renew", &json!({"token": token})).json();
        let renewed = renewed["token"].as_str().unwrap().to_owned();
        assert_eq!(caller.verify(&token)["session"]["subject"], SUBJECT);
        caller.form("/v1/introspect", &format!("token={renewed}"));
        caller.post("/v1/sessions/verify-batch", &json!({"tokens": [token, renewed, "x"]}));
        needles.token("a token", &token);
        needles.token("a renewed token", &renewed);
        secrets.push(token);
    }
    for secret in &secrets {
        ask_everything(&server, &credential, secret, &mut heard);
    }
    // Somebody pastes the ring's own secret. That comes back to them, for it looks like no token; to nobody else.
    let document: Value = serde_json::from_slice(&std::fs::read(ring.path()).unwrap()).unwrap();
    let pasted = document["keys"][0]["secret"].as_str().unwrap();
    ask_everything(&server, &credential, pasted, &mut Heard::default());
    // Over HTTP/2, with what h2 itself logs of it.
    for secret in &secrets {
        let token = json!({"token": secret}).to_string();
        for (bearer, body) in [(&credential, Some(&token)), (secret, None)] {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "--http2-prior-knowledge", "--noproxy", "*"]);
            curl.args([
                "-H",
                &format!("authorization: Bearer {bearer}"),
                "-H",
                &format!("a: {secret}"),
            ]);
            if let Some(body) = body {
                curl.args(["-H", "content-type: application/json", "-d", body]);
            }
            curl.arg(format!("http://{}/v1/sessions/verify?x={secret}", server.api));
            let output = curl.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            heard.add("HTTP/2", without_token(&String::from_utf8(output.stdout).unwrap()));
        }
    }
    for path in ["/openapi.json", "/docs", "/v1/keys", "/.well-known/jwks.json"] {
        let answer = caller.get(path);
        assert_eq!(answer.status, 200, "{path}");
        heard.add(path, format!("{:?}\n{}", answer.headers, answer.text));
    }
    for path in ["/metrics", "/healthz", "/readyz"] {
        heard.add(path, server.admin().get(path).text);
    }
    // Rings that are broken under its eyes, each in another way.
    let whole = std::fs::read_to_string(ring.path()).unwrap();
    for broken in broken_rings(&whole) {
        crate::support::replace(&ring.path(), broken.as_bytes());
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    crate::support::eventually("it is told", || server.read_log().contains("ERROR"));
    heard.add("/readyz of a broken ring", server.admin().get("/readyz").text);
    crate::support::replace(&ring.path(), whole.as_bytes());

    let process = server.process();
    heard.add("its arguments", std::fs::read(format!("/proc/{process}/cmdline")).unwrap());
    // Closed to all but root (T63): then there is nothing to see.
    heard.add(
        "its environment",
        std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default(),
    );
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let log = server.read_log();
    assert!(log.contains("TRACE") && log.contains("token refused"), "it is as talkative as can be");
    assert!(log.lines().count() > 1_000, "{} lines", log.lines().count());
    let printed = server.printed(std::time::Duration::from_millis(100)).join("\n");
    let spans: Vec<u8> =
        spans.try_iter().flat_map(|(head, body)| [head.into_bytes(), body].concat()).collect();
    assert!(spans.len() > 10_000, "{} bytes of traces", spans.len());

    assert!(needles.are_all_found() > 500);
    heard.add("standard output", printed);
    heard.has_none_of(&needles);
    // Nor does the log, or a trace, have what a session is about.
    needles.text(SUBJECT);
    needles.text(STATE);
    let mut logged = Heard::default();
    logged.add("the log", log);
    logged.add("the traces", spans);
    logged.has_none_of(&needles);
}

/// Documents of a ring with one thing wrong, mostly around a secret.
fn broken_rings(whole: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(whole).unwrap();
    let secret = document["keys"][0]["secret"].as_str().unwrap();
    let id = document["keys"][0]["id"].as_str().unwrap();
    vec![
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        whole[..whole.find(secret).unwrap() + 30].to_owned(),
        format!("{whole}{secret}"),
        whole.replacen(secret, &format!("{secret}="), 1),
        whole.replacen(secret, &secret[1..], 1),
        whole.replacen(secret, &format!("{secret}\\ud800"), 1),
        whole.replacen(&format!("\"{secret}\""), &format!("[\"{secret}\"]"), 1),
        whole.replacen("\"secret\"", &format!("\"{secret}\""), 1),
        whole.replacen("\"secret\"", "\"secrets\"", 1),
        whole.replacen(id, secret, 1),
        whole.replacen("canaries", secret, 1),
        whole.replacen("\"generation\": 1", &format!("\"generation\": \"{secret}\""), 1),
        whole.replacen("\"keys\"", &format!("\"{secret}\""), 1),
    ]
}
