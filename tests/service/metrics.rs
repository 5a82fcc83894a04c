//! Metrics: what happens is counted, and nobody makes a series by asking for it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

use serde_json::json;

use crate::support::{Caller, Ring, Server, eventually, replace, run};

/// Samples by name and labels.
fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.admin().get("/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    let samples = answer.text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[test]
fn what_happens_is_counted_by_outcome_and_reason() {
    let ring = Ring::new();
    let server = ring.serve(&["--jwt", "hs256"]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let caller = server.caller(&credential);
    let tokens: Vec<_> = ["signed", "sealed", "sealed", "jwt"]
        .iter()
        .map(|protection| caller.issue(&json!({"protection": protection})))
        .collect();
    caller.verify(&tokens[0]);
    caller.verify("x");
    let mut forged = tokens[1].clone();
    forged.replace_range(60..61, if &forged[60..61] == "A" { "B" } else { "A" });
    caller.post("/v1/sessions/verify-batch", &json!({"tokens": [tokens[1], forged, tokens[3]]}));
    caller.form("/v1/introspect", &format!("token={}", tokens[2]));
    caller.post("/v1/sessions/renew", &json!({"token": tokens[0]}));
    caller.post("/v1/sessions", &json!({"lifetime": 0}));
    caller.post("/v1/sessions", &json!({"subject": "x".repeat(256)}));
    caller.get("/v1/keys");
    caller.get("/v1/nothing");
    Caller { credential: None, ..caller.clone() }.get("/v1/keys");
    Caller { credential: Some("x".into()), ..caller.clone() }.get("/v1/keys");
    let only = server.caller(&ring.credential(&["--role", "issue", "--audience", "shop"]));
    only.post("/v1/sessions", &json!({}));
    let short = server.caller(&ring.credential(&["--role", "admin", "--lifetime", "1d"]));
    short.get("/v1/keys");

    let metrics = scrape(&server);
    for (name, value) in [
        (r#"saddlebag_tokens_issued_total{protection="signed"}"#, 1.0),
        (r#"saddlebag_tokens_issued_total{protection="sealed"}"#, 2.0),
        (r#"saddlebag_tokens_issued_total{protection="jwt"}"#, 1.0),
        (r#"saddlebag_tokens_renewed_total{protection="signed"}"#, 1.0),
        (r#"saddlebag_tokens_not_issued_total{reason="lifetime"}"#, 1.0),
        (r#"saddlebag_tokens_not_issued_total{reason="subject"}"#, 1.0),
        (r#"saddlebag_tokens_verified_total{outcome="active",reason="none"}"#, 5.0),
        (r#"saddlebag_tokens_verified_total{outcome="refused",reason="not_a_token"}"#, 1.0),
        (r#"saddlebag_tokens_verified_total{outcome="refused",reason="bad_tag"}"#, 1.0),
        (r#"saddlebag_token_size_bytes_count{operation="issue"}"#, 4.0),
        (r#"saddlebag_token_size_bytes_count{operation="renew"}"#, 1.0),
        (r#"saddlebag_callers_refused_total{reason="missing"}"#, 1.0),
        (r#"saddlebag_callers_refused_total{reason="not_a_token"}"#, 1.0),
        (r#"saddlebag_callers_refused_total{reason="role"}"#, 1.0),
        (r#"saddlebag_callers_refused_total{reason="audience"}"#, 1.0),
        ("saddlebag_callers_ending_total", 1.0),
        (r#"saddlebag_http_requests_total{route="/v1/sessions",status="2xx"}"#, 4.0),
        (r#"saddlebag_http_requests_total{route="/v1/sessions",status="4xx"}"#, 3.0),
        (r#"saddlebag_http_requests_total{route="/v1/keys",status="4xx"}"#, 3.0),
        (r#"saddlebag_http_requests_total{route="other",status="4xx"}"#, 1.0),
        (r#"saddlebag_http_request_duration_seconds_count{route="/v1/introspect"}"#, 1.0),
        ("saddlebag_http_requests_in_flight", 0.0),
        ("saddlebag_ready", 1.0),
        (r#"saddlebag_ring_generation{ring="sessions"}"#, 1.0),
        (r#"saddlebag_ring_issuing{ring="sessions"}"#, 1.0),
        (r#"saddlebag_ring_keys{ring="sessions",state="active"}"#, 1.0),
        (r#"saddlebag_ring_keys{ring="sessions",state="staged"}"#, 1.0),
        (r#"saddlebag_ring_keys{ring="sessions",state="revoked"}"#, 0.0),
        (r#"saddlebag_ring_load_errors_total{ring="sessions"}"#, 0.0),
        (r#"saddlebag_connections{listener="admin"}"#, 1.0),
        (r#"saddlebag_connections_refused_total{listener="api",reason="full"}"#, 0.0),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}: {metrics:#?}");
    }
    let next = metrics[r#"saddlebag_ring_next_activation_seconds{ring="sessions"}"#];
    assert!((29.0 * 86_400.0..=30.0 * 86_400.0).contains(&next), "{next}");
    assert!(metrics[r#"saddlebag_ring_age_seconds{ring="sessions"}"#] < 60.0);
    assert!(metrics["process_resident_memory_bytes"] > 1e6);
    assert!(!metrics.keys().any(|name| name.contains(r#"ring="credentials""#)));
}

#[test]
fn a_ring_that_breaks_and_changes_is_seen() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let good = std::fs::read(ring.path()).unwrap();
    replace(&ring.path(), b"{");
    eventually("the errors are counted", || {
        scrape(&server)[r#"saddlebag_ring_load_errors_total{ring="sessions"}"#] >= 1.0
    });
    replace(&ring.path(), &good);
    let (code, _, stderr) = run(&["keys", "stage", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    eventually("the generation rises", || {
        scrape(&server)[r#"saddlebag_ring_generation{ring="sessions"}"#] == 2.0
    });
    assert_eq!(scrape(&server)[r#"saddlebag_ring_keys{ring="sessions",state="staged"}"#], 2.0);
}

#[test]
fn a_node_without_a_ring_says_so_and_a_ring_for_callers_is_told_apart() {
    let (ring, callers) = (Ring::missing(), Ring::new());
    let server = ring.serve(&["--credential-ring", &callers.place()]);
    let metrics = scrape(&server);
    assert_eq!(metrics["saddlebag_ready"], 0.0);
    assert!(!metrics.contains_key(r#"saddlebag_ring_generation{ring="sessions"}"#));
    assert_eq!(metrics[r#"saddlebag_ring_generation{ring="credentials"}"#], 1.0);
    assert!(metrics[r#"saddlebag_ring_load_errors_total{ring="sessions"}"#] >= 1.0);
}

/// T65: labels come from closed sets.
#[test]
fn nobody_makes_a_series_by_asking_for_it() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({}));
    let before = scrape(&server).len();
    for n in 0..200 {
        caller.get(&format!("/v1/{n}"));
        caller.send(&format!("M{n}"), "/v1/keys", None, b"");
        // Another key id each: its 4 bytes begin at the fifth character.
        let unknown = format!("sb1e{n:05}{}", &token[9..]);
        caller.verify(&unknown);
        caller
            .post("/v1/sessions", &json!({"audience": format!("a{n}"), "subject": n.to_string()}));
    }
    let after = scrape(&server);
    assert_eq!(after.len(), before, "{after:#?}");
    assert!(after[r#"saddlebag_http_requests_total{route="other",status="4xx"}"#] >= 200.0);
}

/// T65: nor by asking a hundred thousand times: 51,200 key ids, and 50,000 paths.
#[test]
fn a_hundred_thousand_ids_and_paths_make_no_series() {
    let ring = Ring::new();
    let server = ring.serve(&["--log-requests"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({}));
    let before = scrape(&server);
    for batch in 0..200 {
        let unknown = |n: usize| format!("sb1e{:05}{}", batch * 256 + n, &token[9..]);
        let tokens: Vec<_> = (0..256).map(unknown).collect();
        let answer = caller.post("/v1/sessions/verify-batch", &json!({"tokens": tokens}));
        assert_eq!(answer.status, 200);
    }
    let mut stream = crate::support::raw(&server.api);
    let answers = BufReader::new(stream.try_clone().unwrap());
    let counted = std::thread::spawn(move || {
        let lines = answers.split(b'\n').map_while(Result::ok);
        // Each begins where the body of the one before ends.
        lines.filter(|line| line.ends_with(b"HTTP/1.1 404 Not Found\r")).take(50_000).count()
    });
    for hundred in 0..500 {
        let requests = (0..100).map(|n| {
            let path = hundred * 100 + n;
            format!("GET /v1/{path}?x={path} HTTP/1.1\r\nhost: x{path}\r\nx-{path}: {path}\r\n\r\n")
        });
        stream.write_all(requests.collect::<String>().as_bytes()).unwrap();
    }
    assert_eq!(counted.join().unwrap(), 50_000);
    let after = scrape(&server);
    assert_eq!(after.len(), before.len(), "{after:#?}");
    let refused = r#"saddlebag_tokens_verified_total{outcome="refused",reason="unknown_key"}"#;
    assert_eq!(after[refused], 51_200.0, "{after:#?}");
    assert!(after[r#"saddlebag_http_requests_total{route="other",status="4xx"}"#] >= 50_000.0);
}
