//! T41: HTTP/2 that would be another request in HTTP/1.1. Frames by hand: no library sends them. Whatever becomes of
//! them, the service sees one request or none, framed once.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Sidecar, Upstream};

/// What hides in a value or a body.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";

/// What becomes of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// The service answers it.
    Passed,
    /// No whole request reaches the service.
    Refused,
}
use Fate::{Passed, Refused};

/// A name and a value.
type Row = (&'static str, &'static str);

/// Rows of a head in place of the usual ones of that name, or besides; a body; and what becomes of it. `HIDDEN` in a
/// value or a body stands for what hides.
const CASES: &[(&[Row], &str, Fate)] = &[
    (&[], "", Passed),
    (&[], "abc", Passed),
    (&[("content-length", "3")], "abc", Passed),
    (&[("te", "trailers")], "abc", Passed),
    // What frames a message in HTTP/1.1 (RFC 9113, section 8.2.2).
    (&[("transfer-encoding", "chunked")], "0\r\n\r\nHIDDEN", Refused),
    (&[("transfer-encoding", "identity")], "HIDDEN", Refused),
    (&[("transfer-encoding", "chunked"), ("content-length", "3")], "abc", Refused),
    (&[("Transfer-Encoding", "chunked")], "0\r\n\r\nHIDDEN", Refused),
    (&[("transfer-encoding ", "chunked")], "0\r\n\r\nHIDDEN", Refused),
    (&[(" transfer-encoding", "chunked")], "0\r\n\r\nHIDDEN", Refused),
    (&[("transfer_encoding", "chunked")], "0\r\n\r\nHIDDEN", Passed),
    (&[("connection", "close")], "", Refused),
    (&[("connection", "x-session-subject")], "", Refused),
    (&[("keep-alive", "timeout=5")], "", Refused),
    (&[("proxy-connection", "keep-alive")], "", Refused),
    (&[("upgrade", "websocket")], "", Refused),
    (&[("upgrade", "h2c"), ("connection", "upgrade"), ("http2-settings", "x")], "", Refused),
    (&[("te", "gzip")], "", Refused),
    // Lengths that are not the body's (section 8.1.1): heads may reach the service, and break off there.
    (&[("content-length", "0")], "HIDDEN", Refused),
    (&[("content-length", "3")], "abcHIDDEN", Refused),
    (&[("content-length", "99")], "abc", Refused),
    (&[("content-length", "33")], "", Refused),
    (&[("content-length", "3"), ("content-length", "36")], "abcHIDDEN", Refused),
    (&[("content-length", "3, 3")], "abc", Refused),
    (&[("content-length", "+3")], "abc", Refused),
    (&[("content-length", "0x3")], "abc", Refused),
    (&[("content-length", "")], "HIDDEN", Refused),
    // Ends of lines in names and values (section 8.2.1).
    (&[("x", "a\r\n\r\nHIDDEN")], "", Refused),
    (&[("x", "a\nconnection: close")], "", Refused),
    (&[("x", "a\rb")], "", Refused),
    (&[("x", "a\0b")], "", Refused),
    (&[("x\r\nconnection", "close")], "", Refused),
    (&[("x: y\r\nz", "a")], "", Refused),
    (&[("x:", "a")], "", Refused),
    (&[("x y", "a")], "", Refused),
    (&[("", "a")], "", Refused),
    (&[("X-Upper", "a")], "", Refused),
    (&[("cookie", "a=b\r\nx-session-subject: root")], "", Refused),
    // The first line, out of four fields (section 8.3.1).
    (&[(":path", "/first HTTP/1.1\r\nhost: x\r\n\r\nHIDDEN")], "", Refused),
    (&[(":path", "/first HTTP/1.1")], "", Refused),
    (&[(":path", "/first\n/hidden")], "", Refused),
    (&[(":path", "first")], "", Refused),
    (&[(":path", "")], "", Refused),
    (&[(":path", "http://x/hidden")], "", Refused),
    (&[(":path", "/first#/hidden")], "", Passed),
    (&[(":method", "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\nPOST")], "", Refused),
    (&[(":method", "GET /hidden")], "", Refused),
    (&[(":method", "")], "", Refused),
    (&[(":method", "CONNECT")], "", Refused),
    (&[(":authority", "x\r\nconnection: close")], "", Refused),
    (&[(":authority", "root@x")], "", Refused),
    (&[(":authority", "x/hidden?")], "", Refused),
    (&[(":scheme", "http://x/hidden?")], "", Refused),
    (&[("x", "a"), (":path", "/hidden")], "", Refused),
    (&[(":hidden", "1")], "", Refused),
    (&[(":status", "200")], "", Refused),
    (&[("host", "a"), ("host", "b")], "", Refused),
    (&[("host", "a b")], "", Passed),
];

/// A frame (section 4.1).
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let stream: &[u8] = if kind == SETTINGS { &[0; 4] } else { &[0, 0, 0, 1] };
    [&length[1..], &[kind, flags], stream, payload].concat()
}

/// A field as it is written without a table (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap();
        [&[length], text.as_bytes()].concat()
    };
    [vec![0], text(name), text(value)].concat()
}

/// Sends a request, and reads until its stream or its connection ends: whether the service's page came.
fn ask(front: &str, rows: &[(&str, &str)], body: &str) -> bool {
    let usual =
        [(":method", "POST"), (":scheme", "http"), (":path", "/first"), (":authority", "shop")];
    // Pseudo-headers come first, unless the case is that they do not.
    let misplaced = rows.first().is_some_and(|(name, _)| !name.starts_with(':'));
    let given = |name: &str| !misplaced && rows.iter().any(|(other, _)| *other == name);
    let usual = usual.into_iter().filter(|(name, _)| !given(name));
    let (first, then): (Vec<_>, Vec<_>) =
        rows.iter().copied().partition(|(name, _)| name.starts_with(':') && !misplaced);
    let head: Vec<u8> = usual
        .chain(first)
        .chain(then)
        .flat_map(|(name, value)| field(name, &value.replace("HIDDEN", HIDDEN)))
        .collect();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, &[]));
    sent.extend(frame(HEADERS, END_HEADERS | u8::from(body.is_empty()), &head));
    if !body.is_empty() {
        sent.extend(frame(DATA, END_STREAM, body.replace("HIDDEN", HIDDEN).as_bytes()));
    }
    let mut stream = TcpStream::connect(front).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(&sent).unwrap();
    let mut text = Vec::new();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return false;
        }
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).unwrap();
        match head[3] {
            DATA => text.extend_from_slice(&payload),
            RST_STREAM | GOAWAY => return false,
            _ => {}
        }
        if [DATA, HEADERS].contains(&head[3]) && head[4] & END_STREAM != 0 {
            return text == b"page";
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

#[test]
fn a_request_of_http_2_is_one_request_of_http_1_or_none() {
    let upstream = Upstream::new(|_, stream| crate::support::answer(stream, "", "page"));
    let times = ["--head-timeout", "2s", "--body-timeout", "2s"];
    let sidecar = Sidecar::before(&upstream, &times).ready();
    for (rows, body, fate) in CASES {
        let before = upstream.count();
        let passed = ask(&sidecar.front, rows, body);
        let seen = upstream.seen.lock().unwrap().split_off(before);
        assert!(seen.len() <= 1, "{rows:?} {body:?}: {seen:?}");
        for request in &seen {
            assert!(request.first.starts_with("POST /first"), "{rows:?} {body:?}: {request:?}");
            assert_eq!(request.one("host"), "shop", "{rows:?} {body:?}");
            let lengths = request.all("content-length").len();
            assert!(lengths + request.all("transfer-encoding").len() <= 1, "{request:?}");
            assert_eq!(request.one("x-session-subject"), "", "{rows:?} {body:?}");
            assert_eq!(request.body, body.replace("HIDDEN", HIDDEN).as_bytes(), "{rows:?}");
        }
        let expected = usize::from(*fate == Passed);
        assert_eq!((passed, seen.len()), (expected == 1, expected), "{rows:?} {body:?}: {seen:?}");
        upstream.seen.lock().unwrap().clear();
    }
    // And the service's connections are as good as ever.
    for _ in 0..5 {
        assert_eq!(sidecar.ask("GET /after", &[]).text(), "page");
    }
}

/// RFC 9113, section 8.3.1: the authority counts, and the service is told of no other host.
#[test]
fn of_authority_and_host_the_service_is_told_the_authority() {
    let upstream = Upstream::new(|_, stream| crate::support::answer(stream, "", "page"));
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    for host in ["evil.example", "shop", "shop:80", ""] {
        assert!(ask(&sidecar.front, &[("host", host)], ""), "{host}");
        let request = upstream.last();
        assert_eq!(request.one("host"), "shop", "{host}");
        assert_eq!(request.one("x-forwarded-host"), "shop", "{host}");
    }
}
