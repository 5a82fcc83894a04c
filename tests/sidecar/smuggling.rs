//! T41: bytes that sidecar and service could cut into requests in two ways. Whatever becomes of them, what hides in or
//! behind the first request is never seen by the service as a request of its own.

use crate::support::{Client, Sidecar, Upstream, read};

/// What hides.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";

/// Lines of a head, and what follows it before the hidden request. An empty body: the hidden request is behind it, for
/// whoever takes the length that the lines do not mean.
const CASES: &[(&str, &str)] = &[
    // Two lengths.
    ("content-length: 3\r\ntransfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ncontent-length: 3", "3\r\nabc\r\n0\r\n\r\n"),
    ("content-length: 0\r\ntransfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"),
    ("content-length: 6\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ncontent-length: 6", "0\r\n\r\n"),
    ("content-length: 99\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
    ("content-length: 3\r\ncontent-length: 0", "abc"),
    ("content-length: 0\r\ncontent-length: 33", ""),
    ("content-length: 3, 3", "abc"),
    ("content-length: 0, 33", ""),
    ("connection: content-length\r\ncontent-length: 33", ""),
    ("connection: transfer-encoding\r\ntransfer-encoding: chunked", "3\r\nabc\r\n0\r\n\r\n"),
    ("connection: close, content-length, transfer-encoding\r\ncontent-length: 33", ""),
    // Codings that are not chunked alone.
    ("transfer-encoding: xchunked", "0\r\n\r\n"),
    ("transfer-encoding: identity", "0\r\n\r\n"),
    ("transfer-encoding: gzip, chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked, chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked, identity", "0\r\n\r\n"),
    ("transfer-encoding: chunked;q=1", "0\r\n\r\n"),
    ("transfer-encoding: \"chunked\"", "0\r\n\r\n"),
    ("transfer-encoding:", "0\r\n\r\n"),
    ("transfer-encoding : chunked", "0\r\n\r\n"),
    ("transfer-encoding\t: chunked", "0\r\n\r\n"),
    (" transfer-encoding: chunked", "0\r\n\r\n"),
    ("x: y\r\n transfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding:\r\n chunked", "0\r\n\r\n"),
    ("x: y\rtransfer-encoding: chunked", "0\r\n\r\n"),
    ("transfer-encoding: chunked\u{b}", "0\r\n\r\n"),
    ("transfer_encoding: chunked", ""),
    ("content_length: 33", ""),
    // Lengths that are no decimal numbers.
    ("content-length: +33", ""),
    ("content-length: -1", ""),
    ("content-length: 0x21", ""),
    ("content-length: 3 3", ""),
    ("content-length: 33;", ""),
    ("content-length:", ""),
    ("content-length: 18446744073709551649", ""),
    ("content-length : 33", ""),
    ("content-length:\r\n 33", ""),
    ("content-length: 33\u{b}", ""),
    // Chunks that are framed otherwise.
    ("transfer-encoding: chunked", "0x3\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "+3\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "-1\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", " 3\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "0_3\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", ";x\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "10000000000000003\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\rabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "2\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\r\nabc0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\r\nabc\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\r\nabcxx0\r\n\r\n"),
    ("transfer-encoding: chunked", "3\r\nabc\r\n0\n\r\n"),
    ("transfer-encoding: chunked", "3\r\nabc\r\n0\n\n"),
    ("transfer-encoding: chunked", "\0\r\nabc\r\n0\r\n\r\n"),
    ("transfer-encoding: chunked", "21\r\n"),
    // Heads that are none.
    ("a b: c", ""),
    ("a: b\0c", ""),
    ("a: b\rc: d", ""),
    (": a", ""),
    ("no colon", ""),
    ("a: b\r\n c: d", ""),
    ("a(b: c", ""),
    // Expectations and upgrades.
    ("expect: 100-continue\r\ncontent-length: 33", ""),
    (
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\ncontent-length: 33",
        "",
    ),
    ("upgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 33", ""),
];

fn world() -> (Upstream, Sidecar) {
    let upstream = Upstream::saying("");
    let times = ["--head-timeout", "1s", "--idle-timeout", "1s", "--body-timeout", "1s"];
    let sidecar = Sidecar::before(&upstream, &times).ready();
    (upstream, sidecar)
}

/// What the service saw.
fn targets(upstream: &Upstream) -> Vec<String> {
    let seen = upstream.seen.lock().unwrap();
    seen.iter()
        .map(|request| request.first.split(' ').nth(1).unwrap_or_default().to_owned())
        .collect()
}

/// That the tests below can fail: requests one behind the other, as they should be, are all answered and seen.
#[test]
fn requests_one_behind_the_other_are_all_passed_on() {
    let (upstream, sidecar) = world();
    for (lines, body) in [
        ("content-length: 3", "abc"),
        ("content-length: 3\r\ncontent-length: 3", "abc"),
        ("transfer-encoding: chunked", "3;x=\"y\"\r\nabc\r\n0\r\na: b\r\n\r\n"),
        ("x: y", ""),
    ] {
        let mut client = sidecar.connect();
        client.send(
            format!("POST /first HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n{body}{HIDDEN}").as_bytes(),
        );
        assert_eq!(read(&mut client.0).unwrap().text(), "/first", "{lines}");
        assert_eq!(read(&mut client.0).unwrap().text(), "/hidden", "{lines}");
    }
    assert_eq!(targets(&upstream), ["/first", "/hidden"].repeat(4));
}

/// RFC 9112, section 6.3: hyper counts the chunks and takes the length away before anybody can see that it was there. So
/// the answer is no 400: the service is told of one length, and nothing more is read.
#[test]
fn of_two_lengths_the_service_is_told_one_and_the_connection_ends() {
    let (upstream, sidecar) = world();
    for lines in [
        "content-length: 3\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 3",
        "content-length: 99\r\nconnection: keep-alive\r\ntransfer-encoding: chunked",
        "content-length: 1\r\ntransfer-encoding: chunked\r\ncontent-length: 2",
    ] {
        let before = upstream.count();
        let mut client = sidecar.connect();
        let head = format!("POST /first HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n");
        client.send(format!("{head}3\r\nabc\r\n0\r\n\r\n{HIDDEN}").as_bytes());
        let answer = read(&mut client.0).unwrap();
        assert_eq!((answer.status(), answer.one("connection")), (200, "close"), "{lines}");
        assert_eq!(client.rest(), "", "{lines}");
        assert_eq!(upstream.count(), before + 1, "{lines}");
        let seen = upstream.last();
        assert_eq!((seen.text(), seen.one("transfer-encoding")), ("abc", "chunked"), "{lines}");
        assert!(seen.all("content-length").is_empty(), "{lines}");
    }
}

#[test]
fn no_hidden_request_reaches_the_service() {
    let (upstream, sidecar) = world();
    let mut accepted = 0;
    for method in ["POST", "GET"] {
        for (number, (lines, body)) in CASES.iter().enumerate() {
            // Behind a first request without a body everything is a request of its own, and no case.
            let is_plain = !lines.contains("ength") && !lines.contains("oding");
            let behind = if is_plain { "" } else { HIDDEN };
            let before = targets(&upstream).len();
            let mut client: Client = sidecar.connect();
            client.send(
                format!("{method} /first HTTP/1.1\r\nhost: x\r\n{lines}\r\n\r\n{body}{behind}")
                    .as_bytes(),
            );
            let answers = client.rest();
            let seen = targets(&upstream).split_off(before);
            // A head by another name is no head: what follows is a request, as it is for the service.
            let is_another = lines.contains('_') || lines.contains("connection: transfer-encoding");
            if !is_another {
                assert!(
                    !seen.contains(&"/hidden".to_owned()),
                    "{method} {number} {lines:?} {body:?}: {seen:?}\n{answers}"
                );
                assert!(seen.len() <= 1, "{method} {lines:?} {body:?}: {seen:?}");
            }
            accepted += usize::from(answers.contains(" 200 OK"));
        }
    }
    // Two lengths, which end the connection; and what is no length but looks like one.
    assert_eq!(accepted, 28);
    // And the service's connections are as good as ever.
    for _ in 0..5 {
        assert_eq!(sidecar.ask("GET /after", &[]).text(), "/after");
    }
}

/// RFC 9112, section 6.3: the coding was taken away and the length kept, by which the client got half of the answer.
#[test]
fn an_answer_with_two_lengths_arrives_whole_and_an_unclear_one_not_at_all() {
    let upstream = Upstream::new(|request, stream| {
        use std::io::Write;
        let lines = match request.first.split(' ').nth(1).unwrap() {
            "/length-first" => "content-length: 3\r\ntransfer-encoding: chunked",
            "/chunks-first" => "transfer-encoding: Chunked \r\ncontent-length: 3",
            "/chunks" => "transfer-encoding: chunked",
            "/twice" => "transfer-encoding: chunked, chunked",
            "/two-lines" => "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "/packed" => "transfer-encoding: gzip, chunked",
            "/identity" => "transfer-encoding: identity\r\ncontent-length: 3",
            "/parameter" => "transfer-encoding: chunked;q=1",
            "/nothing" => "transfer-encoding: ",
            _ => "transfer-encoding: xchunked\r\ncontent-length: 3",
        };
        let text = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
        let body = if request.first.starts_with("HEAD") { "" } else { "6\r\nabcdef\r\n0\r\n\r\n" };
        stream.write_all((text + body).as_bytes()).is_ok()
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let mut client = sidecar.connect();
    for path in ["/length-first", "/chunks-first", "/chunks"] {
        let answer = client.ask(&format!("GET {path}"), &[]);
        assert_eq!((answer.status(), answer.text()), (200, "abcdef"), "{path}");
        assert_eq!(answer.all("content-length"), [""; 0], "{path}");
        assert_eq!(answer.one("transfer-encoding"), "chunked", "{path}");
    }
    client.send(crate::support::head("HEAD /length-first", &[]).as_bytes());
    client.send(crate::support::head("GET /chunks", &[]).as_bytes());
    let answers = [(); 2].map(|()| {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            std::io::BufRead::read_line(&mut client.0, &mut head).unwrap();
        }
        head
    });
    assert!(!answers.concat().contains("content-length"), "{answers:?}");
    for path in ["/twice", "/two-lines", "/packed", "/identity", "/parameter", "/nothing", "/x"] {
        let answer = sidecar.ask(&format!("GET {path}"), &[]);
        assert_eq!((answer.status(), answer.code()), (502, "upstream_broken".to_owned()), "{path}");
        assert_eq!(sidecar.ask("GET /chunks", &[]).text(), "abcdef");
    }
}

/// An answer with two lengths, or bytes behind it, is not the next client's.
#[test]
fn what_a_service_sends_too_much_is_nobodys_answer() {
    let upstream = Upstream::new(|request, stream| {
        use std::io::Write;
        let target = request.first.split(' ').nth(1).unwrap();
        let more = if target == "/much" {
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON"
        } else {
            ""
        };
        let text =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{target}{more}", target.len());
        stream.write_all(text.as_bytes()).is_ok()
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    for round in 0..20 {
        assert_eq!(sidecar.ask("GET /much", &[]).text(), "/much");
        let next = sidecar.ask(&format!("GET /next/{round}"), &[]);
        assert_eq!(next.text(), format!("/next/{round}"));
    }
}
