//! What goes through besides sessions, and in which form (T39, T40).

use std::io::Write;

use crate::support::{Sidecar, Upstream, head, read};

#[test]
fn a_request_arrives_as_it_was_sent() {
    let upstream =
        Upstream::saying("x-powered-by: PHP/8\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    let headers = [
        ("content-length", "3"),
        ("x-a", "1"),
        ("x-a", "2"),
        ("cookie", "a=b; c=d"),
        ("accept", "*/*"),
    ];
    client.send((head("PUT /a%20b/%2e;x?y=/../z", &headers) + "abc").as_bytes());
    let answer = read(&mut client.0).unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.all("set-cookie"), ["a=b", "c=d"]);
    assert_eq!(answer.one("x-powered-by"), "PHP/8");
    let request = upstream.last();
    assert_eq!(request.first, "PUT /a%20b/%2e;x?y=/../z HTTP/1.1");
    assert_eq!(request.all("x-a"), ["1", "2"]);
    assert_eq!((request.one("cookie"), request.body.as_slice()), ("a=b; c=d", &b"abc"[..]));
    assert_eq!(request.one("host"), "shop.example");
    assert_eq!(request.one("x-forwarded-host"), "shop.example");
    assert_eq!(
        (request.one("x-forwarded-for"), request.one("x-forwarded-proto")),
        ("127.0.0.1", "http")
    );
    // Without rules a path's spelling is the service's own matter.
    assert_eq!(client.ask("GET //a", &[]).status(), 200);
}

/// T40: whose word on a request's way is taken.
#[test]
fn forwarded_headers_are_passed_on_from_whom_is_trusted_alone() {
    let upstream = Upstream::saying("");
    let forged = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=192.0.2.1"),
        ("x-real-ip", "192.0.2.1"),
        ("x-forwarded-prefix", "/evil"),
    ];
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    sidecar.ask("GET /", &forged);
    let request = upstream.last();
    let way = (
        request.one("x-forwarded-for"),
        request.one("x-forwarded-proto"),
        request.one("x-forwarded-host"),
    );
    assert_eq!(way, ("127.0.0.1", "http", "shop.example"));
    for name in ["forwarded", "x-real-ip", "x-forwarded-prefix"] {
        assert_eq!(request.all(name), [""; 0], "{name}");
    }
    let sidecar = Sidecar::before(&upstream, &["--trust", "127.0.0.0/8"]).ready();
    sidecar.ask("GET /", &forged);
    let request = upstream.last();
    assert_eq!(request.all("x-forwarded-for"), ["192.0.2.1", "127.0.0.1"]);
    assert_eq!(
        (request.one("x-forwarded-proto"), request.one("x-real-ip")),
        ("https", "192.0.2.1")
    );
}

/// Without `--trust` names that nobody had listed reached the service, and listed ones under another spelling.
#[test]
fn the_way_of_a_request_is_told_under_no_other_name_either() {
    let upstream = Upstream::saying("");
    let forged = [
        ("X_Forwarded_For", "192.0.2.1"),
        ("x_forwarded-proto", "https"),
        ("x.forwarded.host", "evil.example"),
        ("X_Real_Ip", "192.0.2.1"),
    ];
    let unlisted = [
        ("x-forwarded-ssl", "on"),
        ("x-forwarded-user", "root"),
        ("x-forwarded-scheme", "https"),
        ("x-forwarded-client-cert", "root"),
    ];
    let others = [("x-forwarder", "1"), ("x-real-ip-of", "2"), ("forwarded-by", "3")];
    let all = [&forged[..], &unlisted, &others].concat();
    for (trust, passing) in [("10.0.0.0/8", 0), ("127.0.0.0/8", unlisted.len())] {
        let sidecar = Sidecar::before(&upstream, &["--trust", trust]).ready();
        sidecar.ask("GET /", &all);
        let request = upstream.last();
        for (name, _) in forged {
            assert_eq!(request.all(&name.to_ascii_lowercase()), [""; 0], "{trust} {name}");
        }
        let passed = unlisted.iter().filter(|(name, _)| !request.all(name).is_empty());
        assert_eq!(passed.count(), passing, "{trust}: {request:?}");
        for (name, value) in others {
            assert_eq!(request.one(name), value, "{trust}");
        }
        for (name, value) in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "shop.example"),
        ] {
            assert_eq!(request.one(name), value, "{trust}");
        }
    }
}

#[test]
fn what_has_no_one_meaning_is_refused() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    for (head, why) in [
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", "two hosts"),
        ("GET / HTTP/1.1\r\n\r\n", "no host"),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "no host's name"),
        ("GET / HTTP/1.1\r\nhost: user@a\r\n\r\n", "a user"),
        ("GET http://user@a/ HTTP/1.1\r\nhost: a\r\n\r\n", "a user in the target"),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", "another's proxy"),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", "no path"),
    ] {
        let mut client = sidecar.connect();
        client.send(head.as_bytes());
        let answer = read(&mut client.0).unwrap();
        assert_eq!(answer.status(), 400, "{why}");
        assert_eq!(answer.code(), "bad_request", "{why}");
    }
    assert_eq!(upstream.count(), 0);
    // The target's host counts, and not the header's (RFC 9112, section 3.2.2).
    assert_eq!(sidecar.ask("GET http://shop.example/a", &[("host", "evil")]).text(), "/a");
    assert_eq!(upstream.last().one("host"), "shop.example");
    // HTTP/1.0 may name none.
    let mut client = sidecar.connect();
    client.0.get_mut().write_all(b"GET /old HTTP/1.0\r\n\r\n").unwrap();
    assert!(client.rest().ends_with("/old"));
    assert_eq!(upstream.last().one("host"), upstream.address);
}

#[test]
fn what_concerns_one_connection_stays_there() {
    let upstream = Upstream::saying(
        "connection: x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\n",
    );
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let headers = [
        ("te", "trailers"),
        ("proxy-authorization", "Basic x"),
        ("keep-alive", "1"),
        ("upgrade", "h2c"),
        ("connection", "upgrade, http2-settings"),
        ("http2-settings", "x"),
    ];
    let answer = sidecar.ask("GET /", &headers);
    for name in ["x-mine", "keep-alive", "proxy-authenticate"] {
        assert_eq!(answer.all(name), [""; 0], "{name}");
    }
    let request = upstream.last();
    for name in ["proxy-authorization", "keep-alive", "upgrade", "http2-settings"] {
        assert_eq!(request.all(name), [""; 0], "{name}");
    }
    assert_eq!(request.one("te"), "trailers");
}
