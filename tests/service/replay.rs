//! T33, T35: how long a captured token works, and what ends it.

use std::time::Duration;

use serde_json::json;

use crate::support::{Ring, eventually, run};

/// T33: as often as anybody likes until its end, at every node; never after.
#[test]
fn a_replayed_token_works_until_its_end_and_not_after() {
    let ring = Ring::with(&["--clock-skew", "0s"]);
    let nodes = [ring.serve(&[]).ready(), ring.serve(&[]).ready()];
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let nodes = nodes.each_ref().map(|node| node.caller(&credential));
    let issued = nodes[0].post("/v1/sessions", &json!({"subject": "alice", "lifetime": 20})).json();
    let token = issued["token"].as_str().unwrap();
    let end = issued["session"]["expires_at"].as_str().unwrap();
    let end: saddlebag::keys::UnixTime = end.parse().unwrap();
    for _ in 0..10 {
        for node in &nodes {
            assert_eq!(node.verify(token)["session"]["subject"], "alice");
        }
    }
    let renewed = nodes[1].post("/v1/sessions/renew", &json!({"token": token})).json();
    assert!(renewed["token"].is_string(), "who has the token renews it");
    assert_eq!(nodes[0].verify(token)["active"], true, "which does not end the one before");
    while saddlebag::keys::UnixTime::now() <= end {
        std::thread::sleep(Duration::from_millis(100));
    }
    for node in &nodes {
        assert_eq!(node.verify(token), json!({"active": false}));
        let renewed = node.post("/v1/sessions/renew", &json!({"token": token}));
        assert_eq!(renewed.json(), json!({"active": false}));
        let introspected = node.form("/v1/introspect", &format!("token={token}"));
        assert_eq!(introspected.text, r#"{"active":false}"#);
    }
}

/// T33: a bound token is of no use to who has it and not what it is bound to.
#[test]
fn a_bound_token_without_its_proof_is_none() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    for protection in ["signed", "sealed"] {
        let token = caller.issue(&json!({"binding": "Y2VydA", "protection": protection}));
        for (binding, active) in [
            (json!("Y2VydA"), true),
            (json!(null), false),
            (json!(""), false),
            (json!("Y2Vy"), false),
            (json!("Y2VydDI"), false),
        ] {
            let body = json!({"token": token, "binding": binding});
            let answer = caller.post("/v1/sessions/verify", &body);
            assert_eq!(answer.json()["active"], active, "{binding}");
            let renewed = caller.post("/v1/sessions/renew", &body).json();
            assert_eq!(renewed["token"].is_string(), active, "{binding}");
        }
    }
}

/// T35: what a logout can do here. There is no list of sessions that ended: the one thing that ends a token
/// early is its key's revocation, which every node that watches the ring takes by itself; and the documents
/// say so.
#[test]
fn a_revoked_key_ends_its_sessions_at_every_node_and_nothing_else_does() {
    let ring = Ring::new();
    let nodes = [ring.serve(&[]).ready(), ring.serve(&[]).ready()];
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let callers = nodes.each_ref().map(|node| node.caller(&credential));
    let token = callers[0].issue(&json!({"subject": "alice"}));
    for caller in &callers {
        assert_eq!(caller.verify(&token)["active"], true);
        // No endpoint ends a session.
        for path in ["/v1/sessions", "/v1/sessions/revoke", "/v1/sessions/logout", "/v1/revoke"] {
            let status = caller.send("DELETE", path, None, b"").status;
            assert!([404, 405].contains(&status), "{path}: {status}");
        }
    }
    let (code, _, stderr) = run(&["keys", "revoke", "--all", "--yes", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    // Callers' credentials are of that ring as well: somebody makes new ones.
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    for node in &nodes {
        let caller = node.caller(&credential);
        let verify = || caller.post("/v1/sessions/verify", &json!({"token": token}));
        eventually("the new ring is there", || verify().status == 200);
        assert_eq!(verify().json(), json!({"active": false}));
        let renewed = caller.post("/v1/sessions/renew", &json!({"token": token}));
        assert_eq!(renewed.json(), json!({"active": false}));
        let old = node.caller(callers[0].credential.as_deref().unwrap());
        assert_eq!(old.post("/v1/sessions", &json!({})).status, 401);
    }
    let told = include_str!("../../docs/threat-model.md").split_whitespace();
    let told = told.collect::<Vec<_>>().join(" ");
    assert!(told.contains("No logout of one session before its token ends."));
}
