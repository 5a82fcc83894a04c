//! What headers cannot do: the service's endpoints for local users, beside the sidecar.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::support::{Client, Sidecar, Upstream, saddlebag};

fn post(socket: &std::path::Path, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn local_users_issue_what_the_sidecar_takes() {
    let upstream = Upstream::saying("");
    let uid =
        String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout)
            .unwrap();
    let grant = format!("{}=issue,verify", uid.trim());
    let sidecar =
        Sidecar::before(&upstream, &["--api-listen", "unix:api.sock", "--allow-uid", &grant])
            .ready();
    let socket = sidecar.folder.path().join("api.sock");
    let (status, body) = post(&socket, "/v1/sessions", r#"{"subject":"alice","state":{"a":1}}"#);
    assert_eq!(status, 201, "{body}");
    let token = serde_json::from_str::<serde_json::Value>(&body).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    sidecar.get("/", &token);
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
    let (status, body) = post(&socket, "/v1/sessions/verify", &format!(r#"{{"token":"{token}"}}"#));
    assert!(status == 200 && body.contains("\"active\":true"), "{body}");
    // What the user was not granted.
    let other = Sidecar::before(
        &upstream,
        &["--api-listen", "unix:api.sock", "--allow-uid", "4294967294=issue"],
    )
    .ready();
    let (status, body) = post(&other.folder.path().join("api.sock"), "/v1/sessions", "{}");
    assert_eq!(status, 401, "{body}");
}

/// Beside its own clients' requests, it answers proxies that ask.
#[test]
fn proxies_may_ask_the_sidecar_too() {
    let upstream = Upstream::saying("");
    for (place, is_beyond) in [("127.0.0.1:0", false), ("0.0.0.0:0", true)] {
        let sidecar = Sidecar::before(&upstream, &["--gateway-listen", place]);
        let gateway = sidecar.line("gateway listening on ").replace("0.0.0.0", "127.0.0.1");
        let sidecar = sidecar.ready();
        let cookie = format!("__Host-session={}", sidecar.issue("alice", "{}", &[]));
        let mut proxy = Client::to(&gateway);
        let answer = proxy.ask("GET /v1/authorize", &[("cookie", &cookie)]);
        assert_eq!((answer.status(), answer.one("x-session-subject")), (200, "alice"));
        assert_eq!(proxy.ask("GET /v1/authorize", &[]).status(), 401);
        let warning = "is beyond this machine, and without TLS";
        assert_eq!(sidecar.log().contains(warning), is_beyond, "{}", sidecar.log());
    }
    assert_eq!(upstream.count(), 0);
}

/// A ring of one audience is enough, which is what a sidecar should have.
#[test]
fn a_scoped_ring_is_enough() {
    let upstream = Upstream::saying("");
    let folder = tempfile::tempdir().unwrap();
    let root = format!("file:{}", folder.path().join("root.json").display());
    let scoped = folder.path().join("shop.json");
    let run = |arguments: &[&str]| {
        let output = saddlebag().args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    run(&["keys", "init", "--ring", &root]);
    run(&[
        "keys",
        "export",
        "--ring",
        &root,
        "--audience",
        "shop",
        "--out",
        scoped.to_str().unwrap(),
    ]);
    let token =
        run(&["token", "issue", "--ring", &root, "--audience", "shop", "--subject", "alice"]);
    let sidecar = Sidecar::with_ring(&scoped, &upstream, &["--audience", "shop"]).ready();
    sidecar.get("/", &token);
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
}
