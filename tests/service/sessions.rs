//! Issue, verify and renew over HTTP.

use serde_json::json;

use crate::support::{Ring, run};

#[test]
fn a_session_is_issued_verified_and_renewed() {
    let ring = Ring::new();
    let server = ring.serve(&["--audience", "shop"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));

    let body = json!({
        "subject": "alice", "state": {"cart": ["apples", 2, 1.5, null, true]},
        "lifetime": 600, "session_lifetime": 3600
    });
    let answer = caller.post("/v1/sessions", &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let issued = answer.json();
    let session = &issued["session"];
    assert!(issued["token"].as_str().unwrap().starts_with("sb1e"));
    assert_eq!(session["id"].as_str().unwrap().len(), 16);
    assert_eq!(session["subject"], "alice");
    assert_eq!(session["audience"], "shop");
    assert_eq!(session["revision"], 0);
    assert_eq!(session["state"], body["state"]);
    let seconds = |name: &str| -> i64 {
        session[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
    };
    assert_eq!(seconds("issued_at"), seconds("started_at"));
    assert_eq!(seconds("expires_at"), seconds("issued_at") + 600);
    assert_eq!(seconds("ends_at"), seconds("started_at") + 3600);

    let token = issued["token"].as_str().unwrap();
    assert_eq!(caller.verify(token), json!({"active": true, "session": session}));

    let renewed = caller.post("/v1/sessions/renew", &json!({"token": token}));
    assert_eq!((renewed.status, renewed.header("cache-control")), (200, Some("no-store")));
    let renewed = renewed.json();
    assert_ne!(renewed["token"], issued["token"]);
    for kept in ["id", "subject", "audience", "started_at", "ends_at", "state"] {
        assert_eq!(renewed["session"][kept], session[kept], "{kept}");
    }
    assert_eq!(renewed["session"]["revision"], 1);
    let verified = caller.verify(renewed["token"].as_str().unwrap());
    assert_eq!(verified["session"], renewed["session"]);
}

#[test]
fn a_session_without_anything_is_a_session() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let session = caller.verify(&caller.issue(&json!({})))["session"].clone();
    assert_eq!(session["subject"], json!(null));
    assert_eq!(session["state"], json!(null));
    assert_eq!(session["audience"], "default");
    // Null is absent, where it is no value of its own.
    let nothing = json!({"audience": null, "subject": null, "state": null, "lifetime": null,
        "session_lifetime": null, "protection": null, "binding": null});
    assert_eq!(caller.post("/v1/sessions", &nothing).status, 201);
}

#[test]
fn what_one_node_issues_another_verifies() {
    let ring = Ring::new();
    let (one, other) = (ring.serve(&[]).ready(), ring.serve(&[]).ready());
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let token = one.caller(&credential).issue(&json!({"subject": "alice"}));
    assert_eq!(other.caller(&credential).verify(&token)["session"]["subject"], "alice");
}

#[test]
fn each_protection_is_issued_verified_and_kept_by_renewal() {
    let ring = Ring::new();
    let server = ring.serve(&["--jwt", "eddsa"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    for (protection, start) in [("signed", "sb1s"), ("sealed", "sb1e"), ("jwt", "eyJ")] {
        let token = caller.issue(&json!({"protection": protection, "state": {"a": [1, 2.5]}}));
        assert!(token.starts_with(start), "{token}");
        assert_eq!(caller.verify(&token)["session"]["state"], json!({"a": [1, 2.5]}));
        let renewed = caller.post("/v1/sessions/renew", &json!({"token": token})).json();
        assert!(renewed["token"].as_str().unwrap().starts_with(start));
    }
}

#[test]
fn renewal_replaces_what_is_named_and_keeps_the_rest() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({"subject": "alice", "state": {"n": 1}}));
    let first = caller.verify(&token)["session"].clone();
    let renew = |more: serde_json::Value| {
        let mut body = json!({"token": token});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        caller.post("/v1/sessions/renew", &body).json()["session"].clone()
    };

    let state = renew(json!({"state": {"n": 2}}));
    assert_eq!((&state["state"], &state["id"]), (&json!({"n": 2}), &first["id"]));
    let null = renew(json!({"state": null}));
    assert_eq!((&null["state"], &null["revision"]), (&json!(null), &json!(1)));
    let same = renew(json!({"subject": "alice"}));
    assert_eq!((&same["id"], &same["revision"]), (&first["id"], &json!(1)));
    // A login must never keep an id that somebody planted.
    for another in [json!({"subject": "bob"}), json!({"subject": null}), json!({"rotate_id": true})]
    {
        let session = renew(another.clone());
        assert_ne!(session["id"], first["id"], "{another}");
        assert_eq!(session["revision"], 0);
        assert_eq!(session["state"], first["state"]);
    }
    assert_eq!(renew(json!({"subject": null}))["subject"], json!(null));
}

/// T33.
#[test]
fn a_binding_must_be_the_same_on_both_sides() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({"binding": "Y2VydA", "subject": "alice"}));
    let verify = |body| caller.post("/v1/sessions/verify", &body).json()["active"].clone();
    assert_eq!(verify(json!({"token": token, "binding": "Y2VydA"})), true);
    assert_eq!(verify(json!({"token": token, "binding": "Y2VyeA"})), false);
    assert_eq!(verify(json!({"token": token})), false);
    let renewed =
        caller.post("/v1/sessions/renew", &json!({"token": token, "binding": "Y2VydA"})).json();
    assert_eq!(verify(json!({"token": renewed["token"], "binding": "Y2VydA"})), true);
    assert_eq!(verify(json!({"token": renewed["token"]})), false);
}

#[test]
fn a_rotation_under_a_running_server_loses_no_session() {
    let ring = Ring::with(&[
        // Also what a node may be without a look at its ring and still issue.
        "--publish-ahead",
        "5s",
        "--rotate-every",
        "1h",
        "--max-token-lifetime",
        "1h",
    ]);
    let server = ring.serve(&[]).ready();
    let caller = server
        .caller(&ring.credential(&["--role", "issue", "--role", "verify", "--role", "admin"]));
    let token = caller.issue(&json!({"subject": "alice"}));
    let keys = caller.get("/v1/keys").json();
    let standby =
        keys["keys"].as_array().unwrap().iter().find(|key| key["state"] == "staged").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(5));
    let standby = standby["id"].as_str().unwrap();
    let place = ring.place();
    let (code, _, stderr) = run(&["keys", "activate", standby, "--ring", &place], "");
    assert_eq!(code, 0, "{stderr}");
    crate::support::eventually("the new key is active here", || {
        let keys = caller.get("/v1/keys").json();
        keys["keys"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["id"] == standby && key["state"] == "active")
    });
    assert_eq!(caller.verify(&token)["session"]["subject"], "alice");
    let renewed = caller.post("/v1/sessions/renew", &json!({"token": token})).json();
    assert_eq!(caller.verify(renewed["token"].as_str().unwrap())["active"], true);

    // A revocation is in use within 2 s, and takes its sessions with it.
    let old = keys["keys"].as_array().unwrap().iter().find(|key| key["state"] == "active").unwrap();
    let old = old["id"].as_str().unwrap();
    let (code, _, stderr) = run(&["keys", "revoke", old, "--yes", "--ring", &place], "");
    assert_eq!(code, 0, "{stderr}");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(
        caller.post("/v1/sessions", &json!({})).status,
        401,
        "the credential was under it too"
    );
}

/// JSON has one kind of number: what a schema calls an integer may be written as 600.0.
#[test]
fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    let kind = Some("application/json");
    let body = br#"{"lifetime":600.0,"session_lifetime":3.6e3}"#;
    let answer = caller.send("POST", "/v1/sessions", kind, body);
    assert_eq!(answer.status, 201, "{answer:?}");
    let session = answer.json()["session"].clone();
    let seconds = |name: &str| {
        session[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
    };
    assert_eq!(seconds("expires_at") - seconds("issued_at"), 600);
    assert_eq!(seconds("ends_at") - seconds("started_at"), 3_600);
}
