//! What the service is told of a session (T38).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::support::{Message, Sidecar, Upstream, saddlebag};

pub const NAMES: [&str; 5] = [
    "x-session-id",
    "x-session-subject",
    "x-session-expires",
    "x-session-state",
    "x-session-encoding",
];

/// Every name of a request that a service may read as one of ours, and its value.
pub fn told(request: &Message) -> Vec<(&str, &str)> {
    let is_ours = |name: &str| {
        let plain: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
            .collect();
        plain.contains("x-session-")
    };
    request
        .headers
        .iter()
        .filter(|(name, _)| is_ours(name))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn the_service_is_told_of_a_session_and_of_none() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", r#"{"roles":["clerk"],"n":1}"#, &[]);
    let answer = sidecar.get("/a?b=c", &token);
    assert_eq!((answer.status(), answer.text()), (200, "/a?b=c"));
    assert_eq!(answer.all("set-cookie"), [""; 0]);
    assert_eq!(answer.one("vary").to_ascii_lowercase(), "cookie");
    let request = upstream.last();
    assert_eq!(request.one("x-session-subject"), "alice");
    assert_eq!(request.one("x-session-state"), r#"{"roles":["clerk"],"n":1}"#);
    assert_eq!(request.one("x-session-id").len(), 16);
    assert!(request.one("x-session-expires").ends_with('Z'));
    assert_eq!(request.one("x-session-encoding"), "");
    assert_eq!(request.all("cookie"), [""; 0], "the token stays with the sidecar");
    // Nobody, and whatever is no session.
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    for cookie in ["", "a=b", &format!("__Host-session={forged}"), "__Host-session=x"] {
        assert_eq!(sidecar.ask("GET /", &[("cookie", cookie)]).status(), 200);
        let request = upstream.last();
        for name in NAMES {
            assert_eq!(request.one(name), "", "{cookie} {name}");
        }
    }
}

#[test]
fn what_no_header_holds_is_encoded() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("Ärger", r#"{"name":"Ä\n"}"#, &[]);
    sidecar.get("/", &token);
    let request = upstream.last();
    let text = |name| {
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(request.one(name)).unwrap()).unwrap()
    };
    assert_eq!(request.one("x-session-encoding"), "subject, state");
    assert_eq!(text("x-session-subject"), "Ärger");
    assert_eq!(text("x-session-state"), r#"{"name":"Ä\n"}"#);
}

/// T38: all separators that a name may have, in any case, once and twice, with a session and without, where the service
/// answers and where it does not.
#[test]
fn no_client_tells_the_service_who_it_is() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    let token = sidecar.issue("alice", r#"{"roles":"clerk"}"#, &[]);
    let cookie = format!("__Host-session={token}");
    let mut client = sidecar.connect();
    let mut spellings = Vec::new();
    for separator in b"!#$%&'*+-.^_`|~".iter().copied().map(char::from) {
        let name = format!("X{separator}Session{separator}Subject");
        spellings.extend([name.to_ascii_uppercase(), format!("x-session{separator}subject"), name]);
    }
    for spelling in &spellings {
        for (path, cookie, subject) in
            [("/", "", ""), ("/", &*cookie, "alice"), ("/public/a", &*cookie, "")]
        {
            let headers = [
                (spelling.as_str(), "root"),
                ("cookie", cookie),
                (spelling.as_str(), "root"),
                ("X_Session_State", "{\"roles\":\"admin\"}"),
                ("x-session-set", "1"),
            ];
            assert_eq!(client.ask(&format!("GET {path}"), &headers).status(), 200, "{spelling}");
            let request = upstream.last();
            let mut names: Vec<_> = told(&request).into_iter().map(|(name, _)| name).collect();
            names.sort_unstable();
            let mut expected = NAMES;
            expected.sort_unstable();
            assert_eq!(names, expected, "{spelling} {path}");
            assert_eq!(request.one("x-session-subject"), subject, "{spelling} {path}");
            assert!(!request.one("x-session-state").contains("admin"));
        }
        let asked = upstream.count();
        let refused = client.ask(
            "GET /admin/x",
            &[(spelling, "root"), ("x-session-state", "{\"roles\":\"admin\"}")],
        );
        assert_eq!((refused.status(), upstream.count()), (401, asked), "{spelling}");
    }
}

#[test]
fn a_session_that_has_ended_is_nobodys() {
    let upstream = Upstream::saying("");
    let folder = tempfile::tempdir().unwrap();
    let ring = folder.path().join("ring.json");
    let place = format!("file:{}", ring.display());
    let run = |arguments: &[&str]| {
        let output = saddlebag().args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    run(&["keys", "init", "--ring", &place, "--clock-skew", "0s"]);
    let sidecar = Sidecar::with_ring(&ring, &upstream, &["--rules", "rules.toml"]).ready();
    let issue = ["token", "issue", "--ring", &place, "--subject", "alice", "--lifetime", "2s"];
    let token = run(&issue);
    assert_eq!(sidecar.get("/orders/1", &token).status(), 200);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    assert_eq!(sidecar.get("/orders/1", &token).code(), "unauthenticated");
    let answer = sidecar.get("/", &token);
    assert_eq!((answer.status(), answer.token()), (200, None));
    for name in NAMES {
        assert_eq!(upstream.last().one(name), "", "{name}");
    }
    assert_eq!(upstream.last().all("cookie"), [""; 0]);
    let refused = "saddlebag_tokens_verified_total{outcome=\"refused\",reason=\"expired\"}";
    assert_eq!(sidecar.metric(refused), 2.0);
}

/// T39: `Connection` takes away neither what the service is told nor what tells it.
#[test]
fn connection_names_nothing_of_ours() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &[]).ready();
    let token = sidecar.issue("alice", "{}", &[]);
    let cookie = format!("a=b; __Host-session={token}");
    for names in [
        "close, X-Session-Subject, x-session-id, x-session-state",
        "X_Session_Subject, cookie, host, authorization",
        "x-hop, x-forwarded-for, x-forwarded-proto",
    ] {
        let headers = [
            ("connection", names),
            ("cookie", &*cookie),
            ("x-hop", "1"),
            ("authorization", "Basic x"),
        ];
        assert_eq!(sidecar.ask("GET /", &headers).status(), 200);
        let request = upstream.last();
        for name in NAMES {
            request.one(name);
        }
        assert_eq!(request.one("x-session-subject"), "alice", "{names}");
        assert_eq!(request.one("host"), "shop.example");
        assert_eq!(request.one("cookie"), "a=b");
        assert_eq!(request.one("authorization"), "Basic x");
        assert_eq!(request.one("x-forwarded-for"), "127.0.0.1");
        assert_eq!(request.all("x-hop").len(), usize::from(!names.contains("x-hop")), "{names}");
    }
}
