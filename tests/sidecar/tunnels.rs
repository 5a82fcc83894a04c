//! WebSockets: bytes both ways once both have agreed, and nothing else that calls itself an upgrade.

use std::io::{Read, Write};

use crate::support::{Sidecar, Upstream, answer, eventually, head, read};

/// Agrees to what is asked for, and then says back what it hears, in capitals.
fn service() -> Upstream {
    Upstream::new(|request, stream| {
        if request.all("upgrade") != ["websocket"] {
            return answer(stream, "", "page");
        }
        let text = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-accept: x\r\nx-session-set: {\"seen\":true}\r\n\r\n";
        stream.write_all(text.as_bytes()).unwrap();
        let mut heard = [0; 64];
        // A second descriptor of the same socket: the reader of heads gets nothing more.
        let mut listener = stream.try_clone().unwrap();
        while let Ok(length @ 1..) = listener.read(&mut heard) {
            heard[..length].make_ascii_uppercase();
            stream.write_all(&heard[..length]).unwrap();
        }
        false
    })
}

const ASKED: [(&str, &str); 4] = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "WebSocket"),
    ("sec-websocket-key", "x"),
    ("sec-websocket-version", "13"),
];

#[test]
fn a_websocket_goes_through_with_its_session_and_holds_its_seat() {
    let upstream = service();
    let times = ["--head-timeout", "1s", "--idle-timeout", "1s", "--stream-timeout", "5s"];
    let sidecar = Sidecar::before(&upstream, &times).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let mut client = sidecar.connect();
    let cookie = format!("__Host-session={token}");
    client.send(head("GET /ws", &[&ASKED[..], &[("cookie", &cookie)]].concat()).as_bytes());
    let answer = read(&mut client.0).unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!((answer.one("upgrade"), answer.one("sec-websocket-accept")), ("websocket", "x"));
    assert!(answer.token().is_some(), "the handshake's answer carries the session");
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
    let say = |client: &mut crate::support::Client, text: &str| {
        client.send(text.as_bytes());
        let mut heard = vec![0; text.len()];
        client.0.read_exact(&mut heard).unwrap();
        assert_eq!(String::from_utf8(heard).unwrap(), text.to_ascii_uppercase());
    };
    say(&mut client, "hello");
    // No head is awaited, and no connection is idle, while somebody may speak.
    std::thread::sleep(std::time::Duration::from_secs(3));
    say(&mut client, "GET / HTTP/1.1");
    assert_eq!(sidecar.metric("saddlebag_connections{listener=\"front\"}"), 1.0);
    // Silent for longer than it may.
    let mut rest = Vec::new();
    client.0.read_to_end(&mut rest).unwrap();
    eventually("the seat is free", || {
        sidecar.metric("saddlebag_connections{listener=\"front\"}") == 0.0
    });
}

/// Each has a connection to the service, which has as many as there may be requests.
#[test]
fn a_websocket_is_a_request_under_way_until_it_ends() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--max-requests", "1"]).ready();
    let mut client = sidecar.connect();
    client.send(head("GET /ws", &ASKED).as_bytes());
    assert_eq!(read(&mut client.0).unwrap().status(), 101);
    let status = || {
        let mut other = sidecar.connect();
        other.send(head("GET /page", &[]).as_bytes());
        read(&mut other.0).unwrap().status()
    };
    assert_eq!(status(), 503);
    drop(client);
    eventually("there is room again", || status() == 200);
}

#[test]
fn the_end_of_either_is_the_end_of_both() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    client.send(head("GET /ws", &ASKED).as_bytes());
    assert_eq!(read(&mut client.0).unwrap().status(), 101);
    drop(client);
    eventually("the seat is free", || {
        sidecar.metric("saddlebag_connections{listener=\"front\"}") == 0.0
    });
}

/// T41: `h2c` and whatever else is asked for would carry requests that nobody looks at.
#[test]
fn nothing_else_is_an_upgrade() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    for (first, headers) in [
        (
            "GET /",
            &[
                ("connection", "upgrade, http2-settings"),
                ("upgrade", "h2c"),
                ("http2-settings", "x"),
            ][..],
        ),
        ("GET /", &[("connection", "upgrade"), ("upgrade", "websocket, h2c")]),
        ("GET /", &[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")]),
        ("GET /", &[("upgrade", "websocket")]),
        ("POST /", &[("connection", "upgrade"), ("upgrade", "websocket"), ("content-length", "0")]),
    ] {
        assert_eq!(sidecar.ask(first, headers).text(), "page", "{headers:?}");
        assert_eq!(upstream.last().all("upgrade"), [""; 0], "{headers:?}");
    }
    // A handshake needs what its path needs.
    assert_eq!(sidecar.ask("GET /orders/ws", &ASKED).status(), 401);
}
