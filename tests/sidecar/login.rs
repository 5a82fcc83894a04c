//! What a service says of the session in its answer.

use serde_json::Value;

use crate::support::{Sidecar, Upstream, answer};

/// A service that does what the target says.
fn service() -> Upstream {
    Upstream::new(|request, stream| {
        let lines = match request.first.split(' ').nth(1).unwrap() {
            "/login" => "X-Session-Set: {\"cart\":[1]}\r\nX-Session-Subject: alice\r\n",
            "/add" => "x-session-set: {\"cart\":[1,2]}\r\n",
            "/same" => "x-session-set: {\"cart\":[1,2]}\r\n",
            "/rotate" => "x-session-rotate: true\r\n",
            "/become-bob" => "x-session-subject: bob\r\n",
            "/leave" => "x-session-subject: \r\n",
            "/logout" => "x-session-destroy: true\r\n",
            "/encoded" => "x-session-set: eyJuYW1lIjoiw4QifQ\r\nx-session-encoding: set\r\n",
            "/ordered" => "x-session-set: {\"z\":1,\"a\":2.0,\"10\":1,\"9\":[]}\r\n",
            "/broken" => "x-session-set: {\r\n",
            "/twice" => "x-session-set: 1\r\nx-session-set: 2\r\n",
            "/own" => "set-cookie: __Host-session=mine; Secure; Path=/\r\nset-cookie: a=b\r\n",
            "/alias" => "x_session.subject: root\r\n",
            "/cached" => "cache-control: public, max-age=60\r\n",
            "/large" => {
                let lines = format!("x-session-set: \"{}\"\r\n", "a".repeat(5_000));
                return answer(stream, &lines, "large");
            }
            _ => "",
        };
        answer(stream, lines, "page")
    })
}

#[test]
fn a_session_begins_changes_and_ends_by_headers() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let login = sidecar.ask("POST /login", &[("content-length", "0")]);
    assert_eq!(login.text(), "page");
    let line = login.one("set-cookie");
    assert!(line.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900"), "{line}");
    assert_eq!(login.one("cache-control"), "no-store");
    let told = |token: &str, path: &str| {
        let answer = sidecar.get(path, token);
        assert!(!answer.headers.iter().any(|(name, _)| name.contains("session")), "{answer:?}");
        let request = upstream.last();
        let [id, subject, state] = ["id", "subject", "state"]
            .map(|name| request.one(&format!("x-session-{name}")).to_owned());
        (answer.token(), id, subject, state)
    };
    let first = login.token().unwrap();
    let (added, id, subject, state) = told(&first, "/add");
    assert_eq!((&*subject, &*state), ("alice", r#"{"cart":[1]}"#));
    let second = added.expect("a changed state is sent");
    let (same, same_id, _, state) = told(&second, "/same");
    assert_eq!((same, &same_id, &*state), (None, &id, r#"{"cart":[1,2]}"#));
    let (rotated, ..) = told(&second, "/rotate");
    let third = rotated.expect("another id is another token");
    let (bob, third_id, subject, state) = told(&third, "/become-bob");
    assert_ne!(third_id, id);
    assert_eq!((&*subject, &*state), ("alice", r#"{"cart":[1,2]}"#));
    let fourth = bob.expect("bob's");
    let (nobody, fourth_id, subject, _) = told(&fourth, "/leave");
    assert_eq!(subject, "bob");
    assert_ne!(fourth_id, third_id);
    let fifth = nobody.expect("nobody's");
    let (encoded, _, subject, _) = told(&fifth, "/encoded");
    assert_eq!(subject, "");
    let (_, _, _, state) = told(&encoded.unwrap(), "/");
    assert_eq!(state, "eyJuYW1lIjoiw4QifQ");
    let logout = sidecar.get("/logout", &first);
    let lines = logout.all("set-cookie");
    assert!(
        lines.iter().any(|line| line.starts_with("__Host-session=;") && line.contains("Max-Age=0")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("__Host-session.ended=")), "{lines:?}");
    // The same browser, with an answer that was slow.
    let mark = lines.iter().find_map(|line| line.strip_prefix("__Host-session.ended=")).unwrap();
    let cookie =
        format!("__Host-session={first}; __Host-session.ended={}", mark.split(';').next().unwrap());
    sidecar.ask("GET /", &[("cookie", &cookie)]);
    assert_eq!(upstream.last().one("x-session-subject"), "");
}

/// Arrays of PHP, and others, have an order: the names of an object were sorted on their way through a value.
#[test]
fn a_state_comes_back_in_the_order_in_which_it_was_set() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.ask("GET /ordered", &[]).token().unwrap();
    // Set again, it is the same state, and no reason for another token.
    assert_eq!(sidecar.get("/ordered", &token).token(), None);
    assert_eq!(upstream.last().one("x-session-state"), r#"{"z":1,"a":2.0,"10":1,"9":[]}"#);
}

#[test]
fn renewal_needs_no_help() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", r#"{"a":1}"#, &["--lifetime", "4s"]);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    let answer = sidecar.get("/", &token);
    let renewed = answer.token().expect("half of its life is over");
    assert_eq!(answer.all("set-cookie").len(), 1);
    assert!(sidecar.get("/", &renewed).token().is_none());
    assert_eq!(upstream.last().one("x-session-state"), r#"{"a":1}"#);
}

#[test]
fn what_makes_no_sense_is_a_502_and_leaves_the_session_as_it_was() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    for path in ["/broken", "/twice", "/large"] {
        let answer = sidecar.get(path, &token);
        assert_eq!(
            (answer.status(), answer.code()),
            (502, "invalid_session_header".to_owned()),
            "{path}"
        );
        assert_eq!(answer.token(), None, "{path}");
    }
    assert_eq!(
        sidecar.metric("saddlebag_sidecar_answers_total{outcome=\"invalid_session_header\"}"),
        3.0
    );
    let problem: Value = serde_json::from_slice(&sidecar.get("/broken", &token).body).unwrap();
    assert_eq!(problem["status"], 502);
}

/// What a service that failed has changed is as far as it got; an end is an end.
#[test]
fn an_answer_of_5xx_changes_no_session_and_may_end_one() {
    let upstream = Upstream::new(|request, stream| {
        use std::io::Write;
        let lines = match request.first.split(' ').nth(1).unwrap() {
            "/change" => "x-session-set: 2\r\nx-session-subject: bob\r\nx-session-rotate: true\r\n",
            "/end" => "x-session-destroy: true\r\nx-session-set: 2\r\n",
            _ => "",
        };
        let text = format!("HTTP/1.1 503 Later\r\ncontent-length: 5\r\n{lines}\r\nlater");
        stream.write_all(text.as_bytes()).is_ok()
    });
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", "{}", &["--lifetime", "4s"]);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    // It is due, and not renewed either.
    for path in ["/", "/change"] {
        let answer = sidecar.get(path, &token);
        assert_eq!((answer.status(), answer.text()), (503, "later"), "{path}");
        assert_eq!(answer.all("set-cookie"), [""; 0], "{path}");
        assert!(!answer.headers.iter().any(|(name, _)| name.contains("session")), "{answer:?}");
    }
    let answer = sidecar.get("/end", &token);
    assert_eq!((answer.status(), answer.text()), (503, "later"));
    let lines = answer.all("set-cookie");
    assert!(lines.iter().any(|line| line.starts_with("__Host-session=;")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("__Host-session.ended=")), "{lines:?}");
}

#[test]
fn no_service_sets_the_cookie_itself_and_no_client_sees_ours() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let answer = sidecar.ask("GET /own", &[]);
    assert_eq!(answer.all("set-cookie"), ["a=b"]);
    assert!(sidecar.log().contains("sets the session's cookie itself"));
    let answer = sidecar.ask("GET /alias", &[]);
    assert!(!answer.headers.iter().any(|(name, _)| name.contains("session")), "{answer:?}");
    // An answer that was the service's to cache stays so where no token is in it.
    assert_eq!(sidecar.ask("GET /cached", &[]).one("cache-control"), "public, max-age=60");
}
