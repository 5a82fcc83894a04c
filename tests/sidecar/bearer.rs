//! Sessions that come as bearer tokens, which no answer can replace.

use crate::support::{Sidecar, Upstream, answer};

/// A service that does what the target says.
fn service() -> Upstream {
    Upstream::new(|request, stream| {
        let lines = match request.first.split(' ').nth(1).unwrap() {
            "/set" => "x-session-set: {\"n\":2}\r\n",
            "/same" => "x-session-set: {\"n\":1}\r\nx-session-subject: alice\r\n",
            "/bob" => "x-session-subject: bob\r\n",
            "/rotate" => "x-session-rotate: true\r\n",
            "/logout" => "x-session-destroy: true\r\n",
            "/failed" => {
                use std::io::Write;
                let text = "HTTP/1.1 503 Later\r\ncontent-length: 0\r\nx-session-set: 2\r\n\r\n";
                return stream.write_all(text.as_bytes()).is_ok();
            }
            _ => "",
        };
        answer(stream, lines, "page")
    })
}

#[test]
fn bearer_tokens_are_taken_where_they_are_asked_for() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--bearer"]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let bearer = format!("Bearer {token}");
    sidecar.ask("GET /", &[("authorization", &bearer)]);
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
    assert_eq!(upstream.last().all("authorization"), [""; 0]);
    sidecar.get("/", &token);
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
    let without = Sidecar::before(&upstream, &[]).ready();
    without.ask("GET /", &[("authorization", "Bearer x")]);
    assert_eq!(upstream.last().one("authorization"), "Bearer x");
}

/// With `--bearer` the service lost every bearer token that was another system's. What is no session hides the cookie all
/// the same: the first place that holds anything decides.
#[test]
fn a_bearer_token_that_is_no_session_is_the_services() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--bearer", "--rules", "rules.toml"]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let cookie = format!("__Host-session={token}; a=b");
    let forged = format!("Bearer {}AAAA", &token[..token.len() - 4]);
    for (authorization, subject) in [
        ("Bearer opaque", ""),
        ("bearer eyJhbGciOiJub25lIn0.e30.", ""),
        (&*forged, ""),
        ("Basic YTpi", "alice"),
        ("Bearer", "alice"),
    ] {
        let headers = [("authorization", authorization), ("cookie", &*cookie)];
        assert_eq!(sidecar.ask("GET /", &headers).status(), 200, "{authorization}");
        let request = upstream.last();
        assert_eq!(request.one("authorization"), authorization);
        assert_eq!(request.one("x-session-subject"), subject, "{authorization}");
        assert_eq!(request.one("cookie"), "a=b", "{authorization}");
    }
    // Two of them, even equal ones, are nobody's session, and as many for the service.
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("authorization", &*bearer), ("cookie", &*cookie)];
    sidecar.ask("GET /", &headers);
    let request = upstream.last();
    assert_eq!((request.one("x-session-subject"), request.all("authorization").len()), ("", 2));
    // A session's own is hidden where nobody is told of it, too.
    sidecar.ask("GET /public/a", &[("authorization", &*bearer)]);
    let request = upstream.last();
    assert_eq!((request.one("x-session-subject"), request.all("authorization").len()), ("", 0));
}

/// The change of a session that had come by bearer was dropped behind a 200.
#[test]
fn a_change_that_no_answer_can_carry_is_a_502() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--bearer"]).ready();
    let token = sidecar.issue("alice", r#"{"n":1}"#, &[]);
    let bearer = format!("Bearer {token}");
    let ask = |path: &str| sidecar.ask(&format!("GET {path}"), &[("authorization", &bearer)]);
    for path in ["/set", "/bob", "/rotate"] {
        let answer = ask(path);
        assert_eq!(
            (answer.status(), answer.code()),
            (502, "invalid_session_header".to_owned()),
            "{path}"
        );
        assert_eq!(answer.all("set-cookie"), [""; 0], "{path}");
    }
    assert!(sidecar.log().contains("CameAsBearer"), "{}", sidecar.log());
    // What it is already is no change, and what a service that failed has changed is none either.
    let same = ask("/same");
    assert_eq!((same.status(), same.all("set-cookie").len()), (200, 0));
    assert_eq!(ask("/failed").status(), 503);
    assert_eq!(upstream.last().one("x-session-state"), r#"{"n":1}"#);
    // The end leaves its mark for who keeps cookies.
    let logout = ask("/logout");
    let lines = logout.all("set-cookie");
    assert_eq!(logout.status(), 200);
    assert!(lines.iter().any(|line| line.starts_with("__Host-session.ended=")), "{lines:?}");
    // Where there is no session, one begins, by cookie.
    let begun = sidecar.ask("GET /bob", &[("authorization", "Basic YTpi")]);
    sidecar.get("/", &begun.token().expect("a session"));
    assert_eq!(upstream.last().one("x-session-subject"), "bob");
}

#[test]
fn a_session_that_came_by_bearer_is_not_renewed() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--bearer"]).ready();
    let token = sidecar.issue("alice", "{}", &["--lifetime", "6s"]);
    let bearer = format!("Bearer {token}");
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    let answer = sidecar.ask("GET /", &[("authorization", &bearer)]);
    assert_eq!((answer.status(), answer.all("set-cookie").len()), (200, 0));
    assert_eq!(upstream.last().one("x-session-subject"), "alice");
    assert!(sidecar.get("/", &token).token().is_some(), "by cookie it is due");
}
