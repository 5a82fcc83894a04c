//! Bugs of the service that were, each with a line on it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hmac::Mac;
use saddlebag::keys::{Audience, FileStore, Store, UnixTime, derive};
use serde_json::json;

use crate::support::{Ring, Server, eventually, run};

/// Whether the other end has closed by now.
fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 65_536];
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    match stream.read(&mut bytes) {
        Ok(length) => length == 0,
        Err(error) => {
            !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        }
    }
}

/// T44: A connection that sent nothing, or the start of HTTP/2's preface, kept its seat for ever: hyper reads
/// the version without a time limit.
#[test]
fn connections_that_never_begin_are_cut() {
    let ring = Ring::new();
    let server = ring.serve(&["--head-timeout", "2s", "--idle-timeout", "3s"]).ready();
    let mut silent = TcpStream::connect(&server.api).unwrap();
    let mut halting = TcpStream::connect(&server.api).unwrap();
    halting.write_all(b"PRI * HT").unwrap();
    let mut idle = TcpStream::connect(&server.api).unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    for (name, stream) in [("silent", &mut silent), ("halting", &mut halting), ("idle", &mut idle)]
    {
        eventually(name, || is_closed(stream));
    }
}

/// T44: A caller that sent requests and read no answer kept its seat for ever.
#[test]
fn connections_that_read_no_answer_are_cut() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let mut deaf = TcpStream::connect(&server.api).unwrap();
    let requests = b"GET /v1/x HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000);
    deaf.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    // Its own writes wait once no more answers are taken, and fail once it is cut.
    let cut = std::iter::repeat_with(|| deaf.write_all(&requests)).find_map(Result::err).unwrap();
    let kind = cut.kind();
    assert!(
        matches!(kind, std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe),
        "{cut}"
    );
}

/// Runs the server with at most so many open files.
fn with_files(most: u32) -> impl FnOnce(&mut Command) {
    move |command| {
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh"]);
        limited.arg(command.get_program()).args(command.get_args());
        limited.env_remove("SADDLEBAG_RING").stdin(Stdio::null());
        *command = limited;
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    }
}

/// T45: With more connections allowed than files, whoever connected often enough kept the ring from being
/// read: a revocation never arrived.
#[test]
fn connections_leave_files_for_the_ring() {
    let ring = Ring::new();
    let server = Server::start(&["--ring", &ring.place()], with_files(80)).ready();
    let admin = server.admin();
    assert_eq!(admin.get("/readyz").json()["generation"], 1);
    let all: Vec<_> = (0..100).map(|_| TcpStream::connect(&server.api).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    let (code, _, stderr) = run(&["keys", "stage", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    eventually("generation 2", || admin.get("/readyz").json()["generation"] == 2);
    drop(all);
}

/// A server whose seats were all taken waited for one, and not for the signal to end.
#[test]
fn a_full_server_still_ends() {
    let ring = Ring::new();
    let arguments = ["--ring", &ring.place(), "--drain", "1s"];
    let mut server = Server::start(&arguments, with_files(80)).ready();
    let mut all = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(&server.api).unwrap();
        // HTTP/2 that says nothing more, and answers no ping.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
        all.push(stream);
    }
    std::thread::sleep(Duration::from_millis(500));
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    // Well before the first of them is cut.
    assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());
}

/// Serde takes an array of the members' values for an object, and an object for an enum's name.
#[test]
fn bodies_are_objects_and_names_are_texts() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({}));
    for (path, body) in [
        ("/v1/sessions", json!([])),
        ("/v1/sessions", json!([null, "alice"])),
        ("/v1/sessions", json!({"protection": {"signed": null}})),
        ("/v1/sessions/verify", json!([token])),
        ("/v1/sessions/renew", json!([token])),
    ] {
        assert_eq!(caller.post(path, &body).problem(), (400, "invalid_body".into()), "{body}");
    }
}

/// A node whose ring came later, and was another audience's, called itself ready and refused everything.
#[test]
fn a_node_that_can_verify_nothing_is_not_ready() {
    let root = Ring::new();
    let export = |audience: &str, out: &std::path::Path| {
        let (place, out) = (root.place(), out.display().to_string());
        let arguments = ["keys", "export", "--ring", &place, "--audience", audience, "--out", &out];
        let (code, _, stderr) = run(&arguments, "");
        assert_eq!(code, 0, "{stderr}");
    };
    let late = Ring::missing();
    let credentials = late.folder.path().join("api.json");
    let callers = format!("file:{}", credentials.display());
    let server = late.serve(&["--audience", "shop", "--credential-ring", &callers]);
    let admin = server.admin();
    let reasons = || admin.get("/readyz").json()["reasons"].to_string();

    export("shop", &late.path());
    eventually("callers are waited for", || reasons().contains("callers cannot be checked"));
    assert_eq!(admin.get("/readyz").status, 503);
    export("saddlebag:api", &credentials);
    eventually("it is ready", || admin.get("/readyz").status == 200);

    let other = Ring::missing();
    let server = other.serve(&["--audience", "admin", "--credential-ring", &callers]);
    export("shop", &other.path());
    let admin = server.admin();
    eventually("the scope is told", || {
        let answer = admin.get("/readyz");
        answer.status == 503 && answer.text.contains("scoped to shop")
    });
    assert_eq!(admin.get("/readyz").json()["issuing"], false);
}

/// A token of `saddlebag:api` over any state, made with the ring's active key.
fn credential(ring: &Ring, state: &[u8]) -> String {
    use base64::Engine;
    let ring = FileStore::new(ring.path()).load().unwrap();
    let now = UnixTime::now();
    let id = ring.active(now).unwrap().id();
    let keys = ring.audience(&Audience::api()).unwrap();
    let (_, key) = keys.iter().find(|(key, _)| *key == id).unwrap();
    let header = [&[0xb1, 0xbd, 0x6c][..], &id.to_bytes()].concat();
    let mut claims = vec![0x88, 0x4c, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0x1a];
    claims.extend_from_slice(&u32::try_from(now.as_secs()).unwrap().to_be_bytes());
    claims.extend_from_slice(&[0x00, 0x19, 0x03, 0x84, 0x19, 0x03, 0x84, 0x00, 0xf6]);
    claims.extend_from_slice(state);
    let mut mac = derive::hmac(&derive::signed(key));
    for piece in [&header[..], &[0; 4], &claims] {
        mac.update(piece);
    }
    let token = [&header[..], &claims, &mac.finalize().into_bytes()[..16]].concat();
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(token)
}

/// T37: A signed token of the reserved audience was taken for a credential, which is a sealed one.
#[test]
fn a_credential_is_a_sealed_token() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let state = json!({"name": "x", "roles": ["admin"], "audiences": null});
    let state = saddlebag::RawState::of(&state).unwrap();
    let caller = server.caller(&credential(&ring, state.as_cbor()));
    assert_eq!(caller.get("/v1/keys").problem(), (401, "unauthenticated".into()));
}

/// A batch was read to its end before its tokens were counted: 600,000 of no length kept a thread busy for a tenth
/// of a second, and took 40 MiB. What follows the first that is too many is not looked at.
#[test]
fn a_batch_is_read_no_further_than_to_its_first_token_too_many() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "verify"]));
    let send = |tokens: usize| {
        let body = format!("{{\"tokens\":[{} no JSON", "\"\",".repeat(tokens));
        caller.send("POST", "/v1/sessions/verify-batch", Some("application/json"), body.as_bytes())
    };
    for (tokens, told) in [(256, "expected"), (257, "a batch may have 256 tokens")] {
        let answer = send(tokens);
        assert_eq!(answer.problem(), (400, "invalid_body".into()));
        assert!(answer.text.contains(told), "{tokens}: {answer:?}");
    }
}

/// The page's address with a slash at its end was no page.
#[test]
fn the_pages_address_with_a_slash_leads_to_the_page() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let mut stream = crate::support::raw(&server.api);
    stream.write_all(b"GET /docs/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let answer = crate::support::rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    // Relative, so that it leads there behind a proxy's prefix, too.
    assert!(answer.contains("\r\nlocation: ../docs\r\n"), "{answer}");
    let anybody =
        crate::support::Caller { url: format!("http://{}", server.api), credential: None };
    assert_eq!(anybody.get("/docs/").status, 200);
}

/// Bug: the gauge stayed at 0 however long a rotation was overdue, and the alert on it never fired.
#[test]
fn a_rotation_that_is_overdue_is_shown_as_such() {
    let second = ["--rotate-every", "1s", "--publish-ahead", "1s", "--max-token-lifetime", "1s"];
    let ring = Ring::with(&[&second[..], &["--clock-skew", "0s"]].concat());
    let node = ring.serve(&[]).ready();
    let gauge = "saddlebag_ring_next_rotation_seconds{ring=\"sessions\"} -";
    eventually("it is overdue", || node.admin().get("/metrics").text.contains(gauge));
}
