//! Starting without a ring, losing it, being told to end, and being killed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::support::{Ring, Server, eventually, replace, run};

#[test]
fn a_node_without_a_ring_is_alive_and_not_ready_until_it_has_one() {
    let ring = Ring::missing();
    let mut server = ring.serve(&[]);
    let admin = server.admin();
    assert_eq!(admin.get("/healthz").json(), json!({"status": "ok"}));
    let answer = admin.get("/readyz");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["ready"], false);
    assert!(answer.text.contains("there is no ring"), "{answer:?}");
    let other = Ring::new();
    let caller = server.caller(&other.credential(&["--role", "issue", "--role", "verify"]));
    assert_eq!(caller.post("/v1/sessions", &json!({})).problem(), (503, "not_ready".into()));

    replace(&ring.path(), &std::fs::read(other.path()).unwrap());
    server.line("ready");
    assert_eq!(admin.get("/readyz").status, 200);
    let token = caller.issue(&json!({}));
    assert_eq!(caller.verify(&token)["active"], true);
}

#[test]
fn a_node_that_lost_its_ring_verifies_on_and_stops_issuing_when_stale() {
    let ring = Ring::new();
    let server = ring.serve(&["--stale-after", "6s"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({"subject": "alice"}));
    let good = std::fs::read(ring.path()).unwrap();

    replace(&ring.path(), &good[..good.len() / 2]);
    let admin = server.admin();
    eventually("the broken ring is reported", || admin.get("/readyz").text.contains("not a ring"));
    eventually("it stops issuing", || admin.get("/readyz").json()["issuing"] == false);
    assert_eq!(admin.get("/readyz").json()["ready"], true, "it verifies, and so it is ready");
    assert_eq!(caller.post("/v1/sessions", &json!({})).problem(), (503, "not_issuing".into()));
    let renewal = caller.post("/v1/sessions/renew", &json!({"token": token}));
    assert_eq!(renewal.problem(), (503, "not_issuing".into()));
    assert_eq!(caller.verify(&token)["session"]["subject"], "alice");

    replace(&ring.path(), &good);
    eventually("it issues again", || caller.post("/v1/sessions", &json!({})).status == 201);
    assert_eq!(admin.get("/readyz").json()["reasons"], json!([]));
}

#[test]
fn an_older_ring_is_refused_while_running_and_after_a_restart() {
    let ring = Ring::new();
    let old = std::fs::read(ring.path()).unwrap();
    let (code, _, stderr) = run(&["keys", "stage", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    let state = ring.folder.path().join("state").display().to_string();
    let mut server = ring.serve(&["--state-dir", &state]).ready();
    replace(&ring.path(), &old);
    let admin = server.admin();
    eventually("the older ring is reported", || {
        admin.get("/readyz").text.contains("older than generation 2")
    });
    assert_eq!(admin.get("/readyz").json()["generation"], 2);
    server.kill();

    let server = ring.serve(&["--state-dir", &state]);
    let answer = server.admin().get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("older than generation 2"), "{answer:?}");
    drop(server);
    let server = ring.serve(&["--state-dir", &state, "--allow-rollback"]).ready();
    assert_eq!(server.admin().get("/readyz").json()["generation"], 1);
}

#[test]
fn what_is_under_way_is_finished_before_the_server_ends() {
    for signal in ["TERM", "INT"] {
        let ring = Ring::new();
        let mut server = ring.serve(&[]).ready();
        let credential = ring.credential(&["--role", "issue"]);
        let mut stream = TcpStream::connect(&server.api).unwrap();
        let head = format!(
            "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        server.signal(signal);
        eventually("no new connection is taken", || TcpStream::connect(&server.api).is_err());
        stream.write_all(b"}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        assert_eq!(server.wait(), Some(0), "SIG{signal}");
    }
}

#[test]
fn a_request_that_never_ends_does_not_keep_the_server_from_ending() {
    let ring = Ring::new();
    let mut server = ring.serve(&["--drain", "1s"]).ready();
    let credential = ring.credential(&["--role", "issue"]);
    let mut stream = TcpStream::connect(&server.api).unwrap();
    let head = format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

/// Every token that was answered verifies afterwards, on that node and on another.
#[test]
fn killing_a_node_while_it_issues_loses_no_session() {
    let ring = Ring::new();
    let mut server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let (tokens, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (caller, tokens, stop) = (caller.clone(), Arc::clone(&tokens), Arc::clone(&stop));
            std::thread::spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("{writer}-{n}");
                    let body = json!({"subject": name}).to_string();
                    let kind = Some("application/json");
                    let Ok(answer) = caller.try_send("POST", "/v1/sessions", kind, body.as_bytes())
                    else {
                        continue;
                    };
                    assert_eq!(answer.status, 201, "{answer:?}");
                    let token = answer.json()["token"].as_str().unwrap().to_owned();
                    tokens.lock().unwrap().push((name, token));
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let before = tokens.lock().unwrap().len();
        eventually("tokens are issued", || tokens.lock().unwrap().len() > before + 50);
        let address = server.api.clone();
        server.kill();
        server = ring.serve(&["--listen", &address]).ready();
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().unwrap();
    }
    let other = ring.serve(&[]).ready();
    let credential = caller.credential.clone().unwrap();
    let tokens = tokens.lock().unwrap();
    assert!(tokens.len() > 150);
    for (name, token) in tokens.iter() {
        for node in [&server, &other] {
            assert_eq!(node.caller(&credential).verify(token)["session"]["subject"], **name);
        }
    }
}

#[test]
fn a_unix_socket_serves_its_owner_and_outlives_a_kill() {
    let ring = Ring::new();
    let path = ring.folder.path().join("api.sock");
    let address = format!("unix:{}", path.display());
    let credential = ring.credential(&["--role", "issue"]);
    let mut server = ring.serve(&["--listen", &address]).ready();
    assert_eq!(server.api, address);
    let issue = || {
        let mut stream = UnixStream::connect(&path).unwrap();
        let request = format!(
            "POST /v1/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {credential}\r\n\
             content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(issue().starts_with("HTTP/1.1 201"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    server.kill();
    assert!(path.exists(), "a killed server leaves its socket");
    let mut server = ring.serve(&["--listen", &address]).ready();
    assert!(issue().starts_with("HTTP/1.1 201"));
    let (code, _, stderr) = run(&["serve", "--ring", &ring.place(), "--listen", &address], "");
    assert_eq!(code, 1, "a living one is not taken over: {stderr}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(!path.exists(), "an ended server takes its socket along");
}

#[test]
fn headers_that_never_end_are_cut() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let mut stream = TcpStream::connect(&server.api).unwrap();
    stream.write_all(b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\n").unwrap();
    // Answered and closed, or closed: in any case it ends.
    let mut rest = Vec::new();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let _ = stream.read_to_end(&mut rest);
    assert!(
        rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&rest)
    );
    assert!(
        Server::start(&["--ring", &ring.place()], |_| {}).ready().admin().get("/readyz").status
            == 200
    );
}
