//! What is refused, and how it is told.

use saddlebag::keys::{Audience, FileStore, Store};
use serde_json::{Value, json};

use crate::forge;
use crate::support::{Ring, run};

#[test]
fn a_body_that_is_wrong_is_refused_with_the_path() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let deep = format!("{{\"state\":{}{}}}", "[".repeat(33), "]".repeat(33));
    for (body, code, path) in [
        ("", "invalid_body", "$"),
        ("{", "invalid_body", "$"),
        ("{} {}", "invalid_body", "$"),
        ("\u{feff}{}", "invalid_body", "$"),
        (r#"{"colour":1}"#, "invalid_body", "$.colour"),
        (r#"{"subject":"a","subject":"b"}"#, "invalid_body", "$.subject"),
        (r#"{"subject":"a","\u0073ubject":"b"}"#, "invalid_body", "$.subject"),
        (r#"{"subject":1}"#, "invalid_body", "$.subject"),
        (r#"{"subject":""}"#, "invalid_body", "$.subject"),
        (r#"{"lifetime":"15m"}"#, "invalid_body", "$.lifetime"),
        (r#"{"lifetime":1.5}"#, "invalid_body", "$.lifetime"),
        (r#"{"lifetime":1e300}"#, "invalid_body", "$.lifetime"),
        (r#"{"lifetime":-1}"#, "invalid_body", "$.lifetime"),
        (r#"{"protection":"none"}"#, "invalid_body", "$.protection"),
        (r#"{"audience":"Shop"}"#, "invalid_body", "$.audience"),
        (r#"{"binding":"a+b/"}"#, "invalid_body", "$.binding"),
        (r#"{"binding":"YQ=="}"#, "invalid_body", "$.binding"),
        (r#"{"state":{"a":{"b":1,"\u0062":2}}}"#, "invalid_state", "$.state.a.b"),
        (r#"{"state":[1e400]}"#, "invalid_state", "$.state"),
        (r#"{"state":["\ud800"]}"#, "invalid_", "$"),
        (&deep, "invalid_state", "$.state"),
    ] {
        let answer = caller.send("POST", "/v1/sessions", Some("application/json"), body.as_bytes());
        let (status, told) = answer.problem();
        // 422: JSON as it should be, and no token can hold it.
        assert_eq!(status, if body == deep { 422 } else { 400 }, "{body}: {answer:?}");
        assert!(told.starts_with(code), "{body}: {answer:?}");
        assert!(answer.json()["path"].as_str().unwrap().starts_with(path), "{body}: {answer:?}");
    }
    let missing = caller.post("/v1/sessions/verify", &json!({}));
    assert_eq!(missing.problem(), (400, "invalid_body".into()));
    assert!(missing.json()["detail"].as_str().unwrap().contains("token"), "{missing:?}");
    for body in [
        json!({"token": null}),
        json!({"token": "x", "rotate_id": null}),
        // Whatever the token is.
        json!({"token": "x", "subject": ""}),
    ] {
        assert_eq!(
            caller.post("/v1/sessions/renew", &body).problem(),
            (400, "invalid_body".into())
        );
    }
}

/// T46.
#[test]
fn sizes_and_kinds_of_bodies_are_bounded() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    let send = |kind, body: &str| caller.send("POST", "/v1/sessions", kind, body.as_bytes());
    assert_eq!(send(Some("application/json"), &padded(65_536)).status, 201);
    let large = send(Some("application/json"), &padded(65_537));
    assert_eq!(large.problem(), (413, "body_too_large".into()));
    assert_eq!(send(Some("Application/JSON; charset=utf-8"), "{}").status, 201);
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json")]
    {
        assert_eq!(send(kind, "{}").problem(), (415, "not_json".into()), "{kind:?}");
    }
    // A million brackets are no stack overflow.
    let answer = send(Some("application/json"), &format!("{{\"state\":{}", "[".repeat(60_000)));
    assert_eq!(answer.status, 400);
    assert_eq!(send(Some("application/json"), "{}").status, 201, "and the server lives");
}

#[test]
fn paths_and_methods_that_are_not_there_are_problems_too() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "admin"]));
    assert_eq!(caller.get("/v1/nothing").problem(), (404, "not_found".into()));
    assert_eq!(caller.get("/healthz").problem(), (404, "not_found".into()), "not on this listener");
    assert_eq!(server.admin().get("/v1/keys").problem(), (404, "not_found".into()));
    for (method, path) in [("GET", "/v1/sessions"), ("PUT", "/v1/sessions"), ("POST", "/v1/keys")] {
        let answer = caller.send(method, path, None, b"");
        assert_eq!(answer.problem(), (405, "method_not_allowed".into()), "{method} {path}");
        assert!(answer.header("allow").is_some());
    }
}

#[test]
fn the_policy_bounds_what_may_be_asked_for() {
    let ring = Ring::with(&["--max-token-lifetime", "1h", "--max-session-lifetime", "2h"]);
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    for (body, path) in [
        (json!({"lifetime": 3601}), "$.lifetime"),
        (json!({"lifetime": 0}), "$.lifetime"),
        (json!({"session_lifetime": 7201}), "$.session_lifetime"),
    ] {
        let answer = caller.post("/v1/sessions", &body);
        assert_eq!(answer.problem(), (422, "lifetime_not_allowed".into()), "{body}");
        assert_eq!(answer.json()["path"], path);
    }
    assert_eq!(caller.post("/v1/sessions", &json!({"lifetime": 3600})).status, 201);
    let usual = caller.post("/v1/sessions", &json!({})).json();
    let ends = usual["session"]["ends_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let started =
        usual["session"]["started_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(ends.as_second() - started.as_second(), 7_200, "nobody typed 24 h: shortened");
}

#[test]
fn a_token_that_would_be_too_long_is_refused_with_what_weighs_most() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    let body = json!({"state": {"small": 1, "history": "x".repeat(4_000)}});
    let answer = caller.post("/v1/sessions", &body);
    assert_eq!(answer.problem(), (422, "token_too_long".into()));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("more than 4000") && detail.contains("history (4011 bytes)"),
        "{detail}"
    );
}

#[test]
fn jwt_is_refused_where_it_is_not_configured() {
    let ring = Ring::new();
    let (without, with) = (ring.serve(&[]).ready(), ring.serve(&["--jwt", "hs256"]).ready());
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let body = json!({"protection": "jwt"});
    let answer = without.caller(&credential).post("/v1/sessions", &body);
    assert_eq!(answer.problem(), (422, "jwt_not_possible".into()));
    let token = with.caller(&credential).issue(&body);
    assert_eq!(without.caller(&credential).verify(&token), json!({"active": false}));
    let bound = json!({"protection": "jwt", "binding": "Y2VydA"});
    let answer = with.caller(&credential).post("/v1/sessions", &bound);
    assert_eq!(answer.problem(), (422, "jwt_not_possible".into()));
}

/// A signed token over any claims, made with the ring's active key.
fn signed(ring: &Ring, claims: &[u8]) -> String {
    let ring = FileStore::new(ring.path()).load().unwrap();
    let now = saddlebag::keys::UnixTime::now();
    let id = ring.active(now).unwrap().id();
    let keys = ring.audience(&Audience::new("default").unwrap()).unwrap();
    let (_, key) = keys.iter().find(|(key, _)| *key == id).unwrap();
    forge::signed(id, key, claims)
}

fn claims(started: u64, state: &[u8]) -> Vec<u8> {
    forge::claims(started, None, state)
}

/// T28.
#[test]
fn every_invalid_token_has_the_same_answer_to_the_byte() {
    let (ring, foreign) = (Ring::new(), Ring::new());
    let server = ring.serve(&["--audience", "default"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let other = foreign.serve(&[]).ready();
    let other = other.caller(&foreign.credential(&["--role", "issue"]));
    let good = caller.issue(&json!({}));
    let now = saddlebag::keys::UnixTime::now().as_secs();
    assert_eq!(caller.verify(&signed(&ring, &claims(now, &[0xf6])))["active"], true);

    let mut forged = good.clone().into_bytes();
    forged[60] = if forged[60] == b'A' { b'B' } else { b'A' };
    let cases: Vec<(&str, String)> = vec![
        ("empty", String::new()),
        ("no token", "hello".into()),
        ("too long", format!("sb1e{}", "A".repeat(5_000))),
        ("too short", "sb1eAAAA".into()),
        ("padding", format!("{good}=")),
        ("forged", String::from_utf8(forged).unwrap()),
        ("unknown key", other.issue(&json!({}))),
        ("another audience", caller.issue(&json!({"audience": "shop"}))),
        ("expired", signed(&ring, &claims(now - 2_000, &[0xf6]))),
        ("not yet valid", signed(&ring, &claims(now + 2_000, &[0xf6]))),
        ("bad claims", signed(&ring, &[0xf6; 30])),
        // Verifies, and its state does not decode: whoever would be handed it gets none.
        (
            "state with two equal keys",
            signed(&ring, &claims(now, &[0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02])),
        ),
        ("bytes after the state", signed(&ring, &claims(now, &[0xf6, 0xf6]))),
        ("a jwt", "eyJ.eyJ.AAAA".into()),
    ];
    let mut answers = Vec::new();
    for (name, token) in &cases {
        for path in ["/v1/sessions/verify", "/v1/sessions/renew"] {
            let answer = caller.post(path, &json!({"token": token}));
            assert_eq!(
                (answer.status, answer.json()),
                (200, json!({"active": false})),
                "{name} {path}"
            );
            let mut headers = answer.headers.clone();
            headers.retain(|(name, _)| name != "date");
            answers.push((answer.text, headers));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[test]
fn a_wrong_start_is_told_with_what_to_do() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let place = ring.place();
    let taken = run(
        &["serve", "--ring", &place, "--listen", &server.api, "--admin-listen", "127.0.0.1:0"],
        "",
    );
    assert_eq!(taken.0, 1, "{taken:?}");
    assert!(taken.2.contains(&format!("cannot listen on {}", server.api)), "{}", taken.2);
    assert!(taken.2.contains("help: something else listens there"), "{}", taken.2);
    for (arguments, reason) in [
        (&["serve"][..], "--ring"),
        (&["serve", "--ring", &place, "--listen", "nowhere"], "neither host:port, unix:PATH nor"),
        (&["serve", "--ring", &place, "--jwt", "none"], "hs256"),
        (&["serve", "--ring", &place, "--audience", "Shop"], "\"Shop\" is not an audience"),
        (&["serve", "--ring", &place, "--audience", "saddlebag:api"], "reserved"),
        (&["serve", "--ring", &place, "--log", "a=b=c"], "is no filter"),
    ] {
        let (code, _, stderr) = run(arguments, "");
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(reason), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_scoped_ring_needs_another_for_credentials() {
    let ring = Ring::new();
    let place = ring.place();
    let scoped = ring.folder.path().join("shop.json");
    let api = ring.folder.path().join("api.json");
    for (audience, out) in [("shop", &scoped), ("saddlebag:api", &api)] {
        let out = out.display().to_string();
        let (code, _, stderr) =
            run(&["keys", "export", "--ring", &place, "--audience", audience, "--out", &out], "");
        assert_eq!(code, 0, "{stderr}");
    }
    let (scoped, api) = (format!("file:{}", scoped.display()), format!("file:{}", api.display()));
    let (code, _, stderr) = run(&["serve", "--ring", &scoped, "--audience", "shop"], "");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("--credential-ring"), "{stderr}");

    let arguments = ["--ring", &scoped, "--audience", "shop", "--credential-ring", &api];
    let server = crate::support::Server::start(&arguments, |_| {}).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({"subject": "alice"}));
    assert_eq!(caller.verify(&token)["session"]["subject"], "alice");
    let answer = caller.post("/v1/sessions", &json!({"audience": "admin"}));
    assert_eq!(answer.problem(), (400, "audience_out_of_scope".into()));
    // What the scoped node issued is the root ring's too.
    let root = ring.serve(&["--audience", "shop"]).ready();
    let root = root.caller(caller.credential.as_deref().unwrap());
    assert_eq!(root.verify(&token)["session"]["subject"], Value::from("alice"));
}
