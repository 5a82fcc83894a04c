//! The gateway listener: what proxies are told of the requests that they ask about (threats T38 to T40).

use std::path::PathBuf;

use serde_json::json;

use crate::support::{Answer, Ring, Server, run};

const RULES: &str = r#"
login = "/login"

[[rule]]
path = "/assets/**"
session = "public"

[[rule]]
path = "/"
session = "optional"

[[rule]]
path = "/admin/**"
role = "admin"
"#;

struct Gateway {
    server: Server,
    url: String,
    token: String,
    ring: Ring,
}

impl Gateway {
    fn new(arguments: &[&str]) -> Self {
        Self::with(arguments, &json!({"roles": ["clerk"]}), "alice")
    }

    fn with(arguments: &[&str], state: &serde_json::Value, subject: &str) -> Self {
        let ring = Ring::new();
        let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
        let listen = ["--gateway-listen", "127.0.0.1:0"];
        let mut server = ring.serve(&[&listen, arguments].concat());
        let url = format!("http://{}", server.line("gateway listening on "));
        let server = server.ready();
        let token = server.caller(&credential).issue(&json!({"subject": subject, "state": state}));
        Self { server, url, token, ring }
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_by("GET", path, headers)
    }

    fn ask_by(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .build()
            .into();
        let request =
            ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut response = agent.run(request.body(()).unwrap()).unwrap();
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: response.body_mut().read_to_string().unwrap(),
        }
    }

    fn cookie(&self) -> String {
        format!("__Host-session={}", self.token)
    }
}

fn rules(ring_folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = ring_folder.path().join("rules.toml");
    std::fs::write(&path, text).unwrap();
    path
}

const NAMES: [&str; 5] = [
    "x-session-id",
    "x-session-subject",
    "x-session-expires",
    "x-session-state",
    "x-session-encoding",
];

fn count(answer: &Answer, name: &str) -> usize {
    answer.headers.iter().filter(|(header, _)| header == name).count()
}

#[test]
fn without_rules_every_request_needs_a_session_and_is_told_whose() {
    let gateway = Gateway::new(&[]);
    let cookie = gateway.cookie();
    for (method, path) in
        [("GET", "/v1/authorize"), ("POST", "/v1/authorize/a/b?c=d"), ("PATCH", "/v1/authorize/")]
    {
        let answer = gateway.ask_by(method, path, &[("cookie", &cookie)]);
        assert_eq!(answer.status, 200, "{method} {path}");
        assert_eq!(answer.header("x-session-subject"), Some("alice"));
        assert_eq!(answer.header("x-session-id").unwrap().len(), 16);
        assert!(answer.header("x-session-expires").unwrap().ends_with('Z'));
        // The state is sealed, and stays so.
        assert_eq!(answer.header("x-session-state"), Some(""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for name in NAMES {
            assert_eq!(count(&answer, name), 1, "{name}");
        }
        let answer = gateway.ask_by(method, path, &[]);
        assert_eq!(answer.status, 401);
        assert_eq!(answer.text, "");
        assert_eq!(answer.header("x-session-subject"), None);
    }
    for (cookie, what) in
        [("__Host-session=x", "no token"), (&*cookie.replace("sb1e", "sb1s"), "forged")]
    {
        assert_eq!(gateway.ask("/v1/authorize", &[("cookie", cookie)]).status, 401, "{what}");
    }
    assert_eq!(gateway.ask("/v1/authorized", &[("cookie", &cookie)]).status, 404);
    assert_eq!(gateway.ask("/v1/sessions", &[("cookie", &cookie)]).status, 404);
    let metrics = gateway.server.admin().get("/metrics").text;
    for line in [
        r#"saddlebag_gateway_answers_total{outcome="known"} 3"#,
        r#"saddlebag_gateway_answers_total{outcome="unauthenticated"} 5"#,
        r#"saddlebag_tokens_verified_total{outcome="active",reason="none"} 3"#,
        r#"saddlebag_tokens_verified_total{outcome="refused",reason="bad_tag"} 1"#,
        r#"saddlebag_connections_max{listener="gateway"}"#,
    ] {
        assert!(metrics.contains(line), "{line}");
    }
}

/// T38: whatever a client calls its headers, what a service is told is the session's.
#[test]
fn an_identity_that_a_client_brings_is_not_echoed() {
    let gateway = Gateway::new(&["--gateway-state"]);
    let cookie = gateway.cookie();
    let forged = [
        ("x-session-subject", "root"),
        ("x_session_subject", "root"),
        ("X-Session-Id", "root"),
        ("x-session-state", "{}"),
        ("cookie", &cookie),
    ];
    let answer = gateway.ask("/v1/authorize", &forged);
    assert_eq!(answer.header("x-session-subject"), Some("alice"));
    assert_eq!(answer.header("x-session-state"), Some(r#"{"roles":["clerk"]}"#));
    for name in NAMES {
        assert_eq!(count(&answer, name), 1, "{name}");
    }
    assert_eq!(count(&answer, "x_session_subject"), 0);
}

/// T48: a subject with line ends makes no header.
#[test]
fn what_a_header_cannot_hold_is_encoded() {
    let gateway = Gateway::with(&["--gateway-state"], &json!({"name": "ä"}), "a\r\nX-Admin: yes");
    let answer = gateway.ask("/v1/authorize", &[("cookie", &gateway.cookie())]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-admin"), None);
    assert_eq!(answer.header("x-session-encoding"), Some("subject, state"));
    assert_eq!(answer.header("x-session-subject"), Some("YQ0KWC1BZG1pbjogeWVz"));
}

#[test]
fn rules_decide_by_the_request_that_a_believed_proxy_tells_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = rules(&folder, RULES);
    let file = file.to_str().unwrap();
    let common = ["--gateway-rules", file, "--gateway-trust", "127.0.0.0/8", "--gateway-original"];
    let headers = |names: [&'static str; 2], method: &'static str, uri: &'static str| {
        vec![(names[0], method), (names[1], uri)]
    };
    for (kind, names) in [
        ("forwarded", ["x-forwarded-method", "x-forwarded-uri"]),
        ("original", ["x-original-method", "x-original-uri"]),
    ] {
        let gateway = Gateway::new(&[&common[..], &[kind]].concat());
        let cookie = gateway.cookie();
        for (uri, with, without) in [
            ("/assets/a.css", 200, 200),
            ("/", 200, 200),
            ("/?a=b", 200, 200),
            ("/cart", 200, 401),
            ("/admin/a", 403, 401),
            ("/%61dmin/a", 403, 401),
            ("/assets/../admin", 403, 403),
            ("/assets/..%2fadmin", 403, 403),
            ("//admin/a", 403, 403),
            ("/admin;x/a", 403, 403),
            ("/admin%00", 403, 403),
            ("admin", 403, 403),
        ] {
            let mut headers = headers(names, "GET", uri);
            assert_eq!(gateway.ask("/v1/authorize", &headers).status, without, "{uri}");
            headers.push(("cookie", &cookie));
            let answer = gateway.ask("/v1/authorize", &headers);
            assert_eq!(answer.status, with, "{uri}");
            if with == 200 {
                // On a public path nobody is asked who they are.
                let subject = if uri.starts_with("/assets") { "" } else { "alice" };
                assert_eq!(answer.header("x-session-subject"), Some(subject), "{uri}");
            }
        }
        // Untold, told twice, or in another proxy's words: nobody passes.
        let other = if kind == "original" { "x-forwarded-uri" } else { "x-original-uri" };
        for told in [
            vec![],
            vec![(names[0], "GET")],
            vec![(names[1], "/assets/a")],
            vec![(names[0], "GET"), (other, "/assets/a")],
            vec![(names[0], "GET"), (names[1], "/admin"), (names[1], "/assets/a")],
        ] {
            let told: Vec<_> = told.into_iter().chain([("cookie", &*cookie)]).collect();
            assert_eq!(gateway.ask("/v1/authorize", &told).status, 403, "{told:?}");
        }
        // A path behind its own is no path of the request's.
        let told = headers(names, "GET", "/admin");
        assert_eq!(gateway.ask("/v1/authorize/assets/a", &told).status, 401);
    }
    let gateway =
        Gateway::with(&[&common[..], &["path"]].concat(), &json!({"roles": "admin"}), "eve");
    let cookie = gateway.cookie();
    for (path, status) in [
        ("/v1/authorize/admin/a?b=c", 200),
        ("/v1/authorize/assets/a", 200),
        ("/v1/authorize", 200),
        ("/v1/authorize/cart", 200),
        ("/v1/authorize/assets/%2e%2e/admin", 403),
        ("/v1/authorize//admin", 403),
    ] {
        assert_eq!(gateway.ask(path, &[("cookie", &cookie)]).status, status, "{path}");
    }
    // T40: what Envoy's client says of itself counts for nothing.
    let forged = [
        ("x-forwarded-uri", "/assets/a"),
        ("x-original-uri", "/assets/a"),
        ("x-envoy-original-path", "/assets/a"),
    ];
    assert_eq!(gateway.ask("/v1/authorize/cart", &forged).status, 401);
}

/// T40: `X-Forwarded-*` is believed of the proxies that are named, and of nobody else.
#[test]
fn a_proxy_that_is_not_named_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let file = rules(&folder, RULES);
    let file = file.to_str().unwrap();
    let gateway = Gateway::new(&[
        "--gateway-rules",
        file,
        "--gateway-original",
        "forwarded",
        "--gateway-trust",
        "10.0.0.0/8,::2,unix",
    ]);
    let told = [("x-forwarded-method", "GET"), ("x-forwarded-uri", "/assets/a")];
    assert_eq!(gateway.ask("/v1/authorize", &told).status, 403);
    let metrics = gateway.server.admin().get("/metrics").text;
    assert!(metrics.contains(r#"saddlebag_gateway_answers_total{outcome="unbelieved"} 1"#));
    drop(gateway);
    // Nobody is named unless somebody names them.
    let ring = Ring::new();
    let start = |arguments: &[&str]| {
        let place = ring.place();
        let all = [&["serve", "--ring", &place], arguments].concat();
        let (code, _, stderr) = run(&all, "");
        assert_eq!(code, 2, "{stderr}");
        stderr
    };
    let listen = ["--gateway-listen", "127.0.0.1:0"];
    for (arguments, told) in [
        (vec!["--gateway-rules", file], "--gateway-listen"),
        ([&listen[..], &["--gateway-rules", file]].concat(), "--gateway-original"),
        (
            [&listen[..], &["--gateway-rules", file, "--gateway-original", "path"]].concat(),
            "--gateway-trust",
        ),
        ([&listen[..], &["--gateway-rules", "/nonexistent"]].concat(), "/nonexistent"),
        ([&listen[..], &["--gateway-trust", "everybody"]].concat(), "everybody"),
        ([&listen[..], &["--gateway-cookie", "a b"]].concat(), "a b"),
    ] {
        let stderr = start(&arguments);
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
}

#[test]
fn a_session_that_has_ended_does_not_pass() {
    let ring = Ring::with(&["--clock-skew", "0s"]);
    let issue = ["token", "issue", "--ring", &ring.place(), "--lifetime", "2s"];
    let mut server = ring.serve(&["--gateway-listen", "127.0.0.1:0"]);
    let url = format!("http://{}", server.line("gateway listening on "));
    let server = server.ready();
    let (code, token, stderr) = run(&issue, "");
    assert_eq!(code, 0, "{stderr}");
    let gateway = Gateway { server, url, token: token.trim().to_owned(), ring };
    let cookie = gateway.cookie();
    assert_eq!(gateway.ask("/v1/authorize", &[("cookie", &cookie)]).status, 200);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let answer = gateway.ask("/v1/authorize", &[("cookie", &cookie)]);
    assert_eq!((answer.status, answer.header("x-session-subject")), (401, None));
    assert_eq!(answer.header("set-cookie"), None);
    let metrics = gateway.server.admin().get("/metrics").text;
    let line = r#"saddlebag_tokens_verified_total{outcome="refused",reason="expired"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
}

/// It speaks no TLS: what is beyond this machine is warned of, as at `--listen`.
#[test]
fn a_gateway_beyond_this_machine_is_warned_of() {
    let ring = Ring::new();
    for (place, is_beyond) in [("127.0.0.1:0", false), ("localhost:0", false), ("0.0.0.0:0", true)]
    {
        let server = ring.serve(&["--gateway-listen", place]).ready();
        let log = std::fs::read_to_string(&server.log).unwrap();
        let warning = format!("--gateway-listen {place} is beyond this machine, and without TLS");
        assert_eq!(log.contains(&warning), is_beyond, "{log}");
        let check = ["serve", "--check", "--ring", &ring.place(), "--gateway-listen", place];
        let (code, told, _) = run(&check, "");
        assert_eq!((code, told.contains(&warning)), (0, is_beyond), "{told}");
    }
}

#[test]
fn browsers_are_sent_to_the_login_and_programs_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = rules(&folder, RULES);
    let common = [
        "--gateway-rules",
        file.to_str().unwrap(),
        "--gateway-trust",
        "127.0.0.1",
        "--gateway-original",
        "path",
    ];
    let path = "/v1/authorize/cart";
    for (redirect, status) in [(vec![], 401), (vec!["--gateway-redirect"], 302)] {
        let gateway = Gateway::new(&[&common[..], &redirect].concat());
        for (headers, sent) in [
            (vec![("accept", "text/html,*/*")], true),
            (vec![("sec-fetch-mode", "navigate")], true),
            (vec![("accept", "text/html"), ("sec-fetch-mode", "cors")], false),
            (vec![("accept", "application/json")], false),
            (vec![], false),
        ] {
            let answer = gateway.ask(path, &headers);
            assert_eq!(answer.header("location"), sent.then_some("/login"), "{headers:?}");
            assert_eq!(answer.status, if sent { status } else { 401 });
        }
    }
}

#[test]
fn a_bearer_is_taken_where_it_is_asked_for() {
    let gateway = Gateway::new(&["--gateway-bearer"]);
    let bearer = format!("Bearer {}", gateway.token);
    let answer = gateway.ask("/v1/authorize", &[("authorization", &bearer)]);
    assert_eq!(answer.status, 200);
    assert_eq!(gateway.ask("/v1/authorize", &[]).header("www-authenticate"), Some("Bearer"));
    let cookie = gateway.cookie();
    assert_eq!(gateway.ask("/v1/authorize", &[("cookie", &cookie)]).status, 200);
    let gateway = Gateway::new(&[]);
    let bearer = format!("Bearer {}", gateway.token);
    assert_eq!(gateway.ask("/v1/authorize", &[("authorization", &bearer)]).status, 401);
}

/// A renewed cookie comes with the answer, once, for the proxy to hand on.
#[test]
fn a_session_that_is_due_is_renewed_in_the_answer() {
    let gateway = Gateway::new(&["--gateway-cookie", "cart"]);
    let (code, token, stderr) =
        run(&["token", "issue", "--ring", &gateway.ring.place(), "--lifetime", "4s"], "");
    assert_eq!(code, 0, "{stderr}");
    let cookie = format!("__Host-cart={}", token.trim());
    assert_eq!(count(&gateway.ask("/v1/authorize", &[("cookie", &cookie)]), "set-cookie"), 0);
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    let answer = gateway.ask("/v1/authorize", &[("cookie", &cookie)]);
    assert_eq!(answer.status, 200);
    assert_eq!(count(&answer, "set-cookie"), 1);
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-cart=sb1e"), "{set}");
    assert!(set.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=4"), "{set}");
}
