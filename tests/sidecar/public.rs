//! Public paths, where the service is told of nobody: what its answer may still do to the session of who asked.

use crate::support::{Message, Sidecar, Upstream, answer};

/// A service that does what the end of the target says.
fn service() -> Upstream {
    Upstream::new(|request, stream| {
        let target = request.first.split(' ').nth(1).unwrap();
        let lines = match target.rsplit('/').next().unwrap() {
            "set" => "x-session-set: {\"step\":1}\r\n",
            "nobody" => "x-session-subject: \r\n",
            "rotate" => "x-session-rotate: true\r\n",
            "bob" => "x-session-subject: bob\r\n",
            "alice" => "x-session-subject: alice\r\nx-session-set: {\"new\":true}\r\n",
            "rotated" => "x-session-set: {\"user\":7}\r\nx-session-rotate: true\r\n",
            "destroy" => "x-session-destroy: true\r\n",
            _ => "",
        };
        answer(stream, lines, "page")
    })
}

/// Id, subject and state, as the service is told of a token elsewhere.
fn told(sidecar: &Sidecar, upstream: &Upstream, answer: &Message) -> [String; 3] {
    sidecar.get("/", &answer.token().expect("a session"));
    let request = upstream.last();
    ["id", "subject", "state"].map(|name| request.one(&format!("x-session-{name}")).to_owned())
}

#[test]
fn on_a_public_path_a_session_begins_where_there_is_none() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    for (path, subject, state) in [
        ("/public/set", "", r#"{"step":1}"#),
        ("/public/rotate", "", "null"),
        ("/public/bob", "bob", "null"),
        ("/public/alice", "alice", r#"{"new":true}"#),
    ] {
        let answer = sidecar.ask(&format!("GET {path}"), &[]);
        let [_, whose, what] = told(&sidecar, &upstream, &answer);
        assert_eq!((&*whose, &*what), (subject, state), "{path}");
    }
}

/// A service that had been told of nobody overwrote the state of whoever asked, and they stayed who they were.
#[test]
fn on_a_public_path_no_session_is_changed_that_the_service_was_not_told_of() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    let token = sidecar.issue("alice", r#"{"roles":"admin"}"#, &[]);
    for path in ["/public/set", "/public/nobody", "/public/rotate"] {
        let answer = sidecar.get(path, &token);
        assert_eq!(upstream.last().one("x-session-subject"), "", "{path}");
        assert_eq!(
            (answer.status(), answer.code()),
            (502, "invalid_session_header".to_owned()),
            "{path}"
        );
        assert_eq!(answer.all("set-cookie"), [""; 0], "{path}");
    }
    assert!(sidecar.log().contains("Untold"), "{}", sidecar.log());
    assert_eq!(sidecar.get("/public/page", &token).text(), "page");
    // Where it is told, it is its own to change.
    let changed = sidecar.get("/set", &token);
    let [_, subject, state] = told(&sidecar, &upstream, &changed);
    assert_eq!((&*subject, &*state), ("alice", r#"{"step":1}"#));
}

#[test]
fn a_login_on_a_public_path_begins_another_session() {
    let upstream = service();
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    let token = sidecar.issue("alice", r#"{"roles":"admin"}"#, &[]);
    sidecar.get("/", &token);
    let before = upstream.last().one("x-session-id").to_owned();
    for (path, subject, state) in [
        ("/public/bob", "bob", "null"),
        ("/public/alice", "alice", r#"{"new":true}"#),
        ("/public/rotated", "", r#"{"user":7}"#),
    ] {
        let login = sidecar.get(path, &token);
        assert_eq!(login.status(), 200, "{path}");
        let [id, whose, what] = told(&sidecar, &upstream, &login);
        assert_eq!((&*whose, &*what), (subject, state), "{path}");
        assert_ne!(id, before, "{path}");
    }
    let logout = sidecar.get("/public/destroy", &token);
    let lines = logout.all("set-cookie");
    assert!(lines.iter().any(|line| line.starts_with("__Host-session=;")), "{lines:?}");
}
