//! T41: bytes that a proxy and this server could cut into requests in two ways. Whatever a server makes of them,
//! what hides behind the first request is never answered as a second one.

use std::io::Write;

use serde_json::json;

use crate::support::{Ring, Server, raw, rest};

/// What hides behind the first request.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";
/// A body of 13 bytes, `d` in hexadecimal.
const BODY: &str = r#"{"token":"x"}"#;

/// A case: its name, what it sends, and the first answer's status.
type Case = (&'static str, String, u16);

struct Sender<'a> {
    server: &'a Server,
    credential: String,
}

impl Sender<'_> {
    /// A request to verify with these more lines of a head, and what follows the head.
    fn post(&self, lines: &str, rest: &str) -> String {
        format!(
            "POST /v1/sessions/verify HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\n{lines}\r\n\r\n{rest}",
            self.credential
        )
    }

    /// The statuses of all answers until the end of the connection.
    fn statuses(&self, bytes: &str) -> Vec<u16> {
        let mut stream = raw(&self.server.api);
        // The other end may be gone before all of it is sent.
        let _ = stream.write_all(bytes.as_bytes());
        let answers = rest(&mut stream);
        let heads = answers.split("HTTP/1.1 ").skip(1);
        heads.map(|head| head[..3].parse().unwrap()).collect()
    }

    fn all_refuse_the_hidden(&self, cases: &[Case]) {
        for (name, bytes, status) in cases {
            assert_eq!(self.statuses(bytes), [*status], "{name}");
        }
    }
}

fn with_sender(test: impl FnOnce(&Sender<'_>)) {
    let ring = Ring::new();
    let times = ["--head-timeout", "3s", "--idle-timeout", "3s", "--body-timeout", "3s"];
    let server = ring.serve(&times).ready();
    let credential = ring.credential(&["--role", "verify", "--role", "issue"]);
    test(&Sender { server: &server, credential: credential.clone() });
    let caller = server.caller(&credential);
    assert_eq!(caller.verify("x"), json!({"active": false}), "and the server lives");
}

/// T41: That the tests below can fail: requests one behind the other, as they should be, are all answered.
#[test]
fn requests_one_behind_the_other_are_all_answered() {
    with_sender(|sender| {
        for (lines, body) in [
            ("content-length: 13", BODY.to_owned()),
            ("content-length: 13\r\ncontent-length: 13", BODY.to_owned()),
            ("transfer-encoding: chunked", format!("D;x=\"y\"\r\n{BODY}\r\n0\r\n\r\n")),
            ("Transfer-Encoding: \t Chunked \t", format!("00d\r\n{BODY}\r\n00\r\na: b\r\n\r\n")),
        ] {
            let bytes = sender.post(lines, &format!("{body}{HIDDEN}"));
            assert_eq!(sender.statuses(&bytes), [200, 404], "{lines}");
        }
    });
}

/// T41: Two lengths (RFC 9112, section 6.1): the chunks count, and the connection ends.
#[test]
fn two_lengths_end_the_connection() {
    with_sender(|sender| {
        let chunked = format!("d\r\n{BODY}\r\n0\r\n\r\n{HIDDEN}");
        let case = |name, lines: &str| -> Case { (name, sender.post(lines, &chunked), 200) };
        sender.all_refuse_the_hidden(&[
            case("length, then chunks", "content-length: 13\r\ntransfer-encoding: chunked"),
            case("chunks, then length", "transfer-encoding: chunked\r\ncontent-length: 13"),
            case("no length at all", "content-length: 0\r\ntransfer-encoding: chunked"),
            case("all of it as length", "content-length: 61\r\ntransfer-encoding: chunked"),
            case("more than there is", "content-length: 9999\r\ntransfer-encoding: chunked"),
            case("other letters", "Content-Length: 13\r\nTRANSFER-ENCODING: cHuNkEd"),
            case("a tab", "content-length: 13\r\ntransfer-encoding:\tchunked"),
            case(
                "chunks between two lengths",
                "content-length: 1\r\ntransfer-encoding: chunked\r\ncontent-length: 2",
            ),
            case(
                "a length that is none, behind chunks",
                "transfer-encoding: chunked\r\ncontent-length: x",
            ),
            (
                "the classic of a proxy that counts",
                sender.post(
                    "content-length: 6\r\ntransfer-encoding: chunked",
                    &format!("0\r\n\r\n{HIDDEN}"),
                ),
                400,
            ),
        ]);
    });
}

/// T41.
#[test]
fn codings_that_are_not_chunked_alone_are_refused() {
    with_sender(|sender| {
        let chunked = format!("d\r\n{BODY}\r\n0\r\n\r\n{HIDDEN}");
        let coding = |lines: &str| sender.post(lines, &chunked);
        let mut cases: Vec<Case> = Vec::new();
        for lines in [
            "transfer-encoding: xchunked",
            "transfer-encoding: chunkedx",
            "transfer-encoding: identity",
            "transfer-encoding: gzip",
            "transfer-encoding:",
            "transfer-encoding: chunked, identity",
            "transfer-encoding: chunked\r\ntransfer-encoding: identity",
            "transfer-encoding: chunked;q=1",
            "transfer-encoding: \"chunked\"",
            "transfer-encoding: ch\0unked",
            "transfer-encoding: chunked\u{b}",
            "transfer-encoding: \u{b}chunked",
            "transfer-encoding : chunked",
            "transfer-encoding\t: chunked",
            "transfer-encoding\u{a0}: chunked",
            " transfer-encoding: chunked",
            "x: y\r\n transfer-encoding: chunked",
            "x: y\r\n\ttransfer-encoding: chunked",
            "transfer-encoding:\r\n chunked",
            "transfer-encoding: chunked\r\n , identity",
            "x: y\rtransfer-encoding: chunked",
            "transfer-encoding: chunked, chunked",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: gzip, chunked",
            "transfer-encoding: , chunked",
        ] {
            cases.push((lines, coding(lines), 400));
        }
        let old = coding("transfer-encoding: chunked").replacen("HTTP/1.1", "HTTP/1.0", 1);
        cases.push(("HTTP/1.0 has no chunks", old, 400));
        sender.all_refuse_the_hidden(&cases);
    });
}

/// T41.
#[test]
fn lengths_that_are_no_decimal_numbers_are_refused() {
    with_sender(|sender| {
        let cases: Vec<Case> = [
            "content-length: 13\r\ncontent-length: 0",
            "content-length: 0\r\ncontent-length: 13",
            "content-length: 13, 0",
            "content-length: 13, 13",
            "content-length: +13",
            "content-length: -1",
            "content-length: 0x0d",
            "content-length: d",
            "content-length: 1 3",
            "content-length: 1_3",
            "content-length: 13.0",
            "content-length: 1e1",
            "content-length: 13;",
            "content-length:",
            "content-length: 18446744073709551616",
            "content-length: 18446744073709551629",
            "content-length: \u{661}\u{663}",
            "content-length: 13\u{b}",
            "content-length: 1\u{0}3",
            "content-length : 13",
            "content-length\u{0}: 13",
            "content-length: 13\r\n 3",
            "content-length:\r\n 13",
        ]
        .map(|lines| (lines, sender.post(lines, &format!("{BODY}{HIDDEN}")), 400))
        .into();
        sender.all_refuse_the_hidden(&cases);
    });
}

/// T41.
#[test]
fn chunks_that_are_framed_otherwise_are_refused() {
    with_sender(|sender| {
        let long = format!("d;{}\r\n{BODY}\r\n0\r\n\r\n", "x".repeat(20_000));
        let trailers = format!("d\r\n{BODY}\r\n0\r\n{}\r\n", "a: b\r\n".repeat(10_000));
        let cases: Vec<Case> = [
            ("a size in C's spelling", &*format!("0xd\r\n{BODY}\r\n0\r\n\r\n")),
            ("a plus", &format!("+d\r\n{BODY}\r\n0\r\n\r\n")),
            ("a minus", &format!("-1\r\n{BODY}\r\n0\r\n\r\n")),
            ("a space before it", &format!(" d\r\n{BODY}\r\n0\r\n\r\n")),
            ("a space in it", &format!("0 d\r\n{BODY}\r\n0\r\n\r\n")),
            ("an underscore", &format!("0_d\r\n{BODY}\r\n0\r\n\r\n")),
            ("no size", &format!("\r\n{BODY}\r\n0\r\n\r\n")),
            ("an extension without a size", &format!(";x\r\n{BODY}\r\n0\r\n\r\n")),
            ("2^64", &format!("10000000000000000\r\n{BODY}\r\n0\r\n\r\n")),
            ("2^64 and the size", &format!("1000000000000000d\r\n{BODY}\r\n0\r\n\r\n")),
            ("2^68 - 1", &format!("fffffffffffffffff\r\n{BODY}\r\n0\r\n\r\n")),
            ("a line feed alone", &format!("d\n{BODY}\r\n0\r\n\r\n")),
            ("a space and a line feed", &format!("d \n{BODY}\r\n0\r\n\r\n")),
            ("a carriage return alone", &format!("d\r{BODY}\r\n0\r\n\r\n")),
            ("a line feed in an extension", &format!("d;a\nb\r\n{BODY}\r\n0\r\n\r\n")),
            ("an extension without an end", &long),
            ("shorter than its data", &format!("c\r\n{BODY}\r\n0\r\n\r\n")),
            ("nothing after the data", &format!("d\r\n{BODY}0\r\n\r\n")),
            ("a line feed after the data", &format!("d\r\n{BODY}\n0\r\n\r\n")),
            ("two characters after the data", &format!("d\r\n{BODY}xx0\r\n\r\n")),
            ("a last chunk with a line feed", &format!("d\r\n{BODY}\r\n0\n\r\n")),
            ("a last chunk with line feeds alone", &format!("d\r\n{BODY}\r\n0\n\n")),
            ("trailers without an end", &trailers),
            ("a NUL as size", &format!("\0\r\n{BODY}\r\n0\r\n\r\n")),
        ]
        .map(|(name, chunks)| {
            let bytes = sender.post("transfer-encoding: chunked", &format!("{chunks}{HIDDEN}"));
            (name, bytes, 400)
        })
        .into();
        sender.all_refuse_the_hidden(&cases);
    });
}

/// T41.
#[test]
fn heads_that_are_none_are_refused() {
    with_sender(|sender| {
        let cases: Vec<Case> = [
            ("no version", "GET /x\r\nhost: x\r\n\r\n"),
            ("two versions", "GET /x HTTP/1.1 HTTP/1.1\r\nhost: x\r\n\r\n"),
            ("a tab for a space", "GET\t/x\tHTTP/1.1\r\nhost: x\r\n\r\n"),
            ("another version", "GET /x HTTP/1.2\r\nhost: x\r\n\r\n"),
            ("a long version", "GET /x HTTP/1.10\r\nhost: x\r\n\r\n"),
            ("small letters", "GET /x http/1.1\r\nhost: x\r\n\r\n"),
            ("a NUL in the path", "GET /\0x HTTP/1.1\r\nhost: x\r\n\r\n"),
            ("a line without a colon", "GET /x HTTP/1.1\r\nhost x\r\n\r\n"),
            ("a line without a name", "GET /x HTTP/1.1\r\n: x\r\n\r\n"),
            ("a name with a space", "GET /x HTTP/1.1\r\na b: x\r\n\r\n"),
            ("a name with a bracket", "GET /x HTTP/1.1\r\na(b: x\r\n\r\n"),
            ("a name beyond ASCII", "GET /x HTTP/1.1\r\nhöst: x\r\n\r\n"),
            ("a NUL in a value", "GET /x HTTP/1.1\r\na: b\0c\r\n\r\n"),
            ("a carriage return in a value", "GET /x HTTP/1.1\r\na: b\rc: d\r\n\r\n"),
            ("a folded line", "GET /x HTTP/1.1\r\na: b\r\n c: d\r\n\r\n"),
            ("a fold at the start", "GET /x HTTP/1.1\r\n a: b\r\n\r\n"),
        ]
        .map(|(name, head)| (name, format!("{head}{HIDDEN}"), 400))
        .into();
        sender.all_refuse_the_hidden(&cases);
    });
}

/// T41: A body that nobody reads is no request, whatever it looks like.
#[test]
fn a_body_that_is_not_read_is_not_taken_for_a_request() {
    with_sender(|sender| {
        let length = format!("content-length: {}\r\n\r\n{HIDDEN}", HIDDEN.len());
        let credential = format!("host: x\r\nauthorization: Bearer {}\r\n", sender.credential);
        let json = "content-type: application/json\r\n";
        let chunks = format!(
            "transfer-encoding: chunked\r\n\r\n{:x}\r\n{HIDDEN}\r\n0\r\n\r\n",
            HIDDEN.len()
        );
        let mut cases: Vec<Case> = Vec::new();
        for body in [&length, &chunks] {
            for (name, head, status) in [
                ("no credential", format!("POST /v1/sessions HTTP/1.1\r\nhost: x\r\n{json}"), 401),
                ("no role", format!("GET /v1/keys HTTP/1.1\r\n{credential}"), 403),
                ("no path", format!("POST /nothing HTTP/1.1\r\n{credential}"), 404),
                ("no method", format!("PUT /v1/sessions HTTP/1.1\r\n{credential}"), 405),
                ("no type", format!("POST /v1/sessions HTTP/1.1\r\n{credential}"), 415),
                ("a GET with a body", format!("GET /openapi.json HTTP/1.1\r\n{credential}"), 200),
                ("a HEAD with a body", format!("HEAD /openapi.json HTTP/1.1\r\n{credential}"), 200),
                ("no JSON", format!("POST /v1/sessions HTTP/1.1\r\n{credential}{json}"), 400),
            ] {
                cases.push((name, format!("{head}{body}"), status));
            }
        }
        // One more is read to its end, and so is what follows it: that one is a request.
        for (name, bytes, status) in &cases {
            let statuses = sender.statuses(&format!("{bytes}{HIDDEN}"));
            let expected = if *status == 400 { vec![400, 404] } else { vec![*status] };
            assert_eq!(statuses, expected, "{name}");
        }
        let large = HIDDEN.repeat(3_000);
        let large = format!("content-length: {}\r\n\r\n{large}", large.len());
        let large = format!("POST /v1/sessions HTTP/1.1\r\n{credential}{json}{large}");
        sender.all_refuse_the_hidden(&[("too large", large, 413)]);
    });
}

/// T41: A proxy that passes an upgrade on would let HTTP/2 through unseen.
#[test]
fn nothing_is_upgraded() {
    with_sender(|sender| {
        for lines in [
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk",
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: eHh4eHh4eHh4eHh4eHh4eA==",
        ] {
            let bytes = sender.post(&format!("{lines}\r\ncontent-length: 13"), BODY);
            assert_eq!(sender.statuses(&bytes), [200], "{lines}");
        }
        // No tunnel was made, so what follows is a request like any other.
        let connect = "CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n";
        assert_eq!(sender.statuses(&format!("{connect}{HIDDEN}")), [404, 404]);
    });
}
