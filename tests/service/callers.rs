//! Who may call what.

use serde_json::{Value, json};

use crate::support::{Caller, Ring};

/// T37.
#[test]
fn every_endpoint_wants_its_role_and_takes_no_other() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let everything = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = everything.issue(&json!({}));
    for role in ["issue", "verify", "admin"] {
        let caller = server.caller(&ring.credential(&["--role", role]));
        for (path, body, wanted) in [
            ("/v1/sessions", Some(json!({})), "issue"),
            ("/v1/sessions/renew", Some(json!({"token": token})), "issue"),
            ("/v1/sessions/verify", Some(json!({"token": token})), "verify"),
            ("/v1/sessions/verify-batch", Some(json!({"tokens": [token]})), "verify"),
            ("/v1/keys", None, "admin"),
        ] {
            let answer = match body {
                Some(body) => caller.post(path, &body),
                None => caller.get(path),
            };
            if role == wanted {
                assert!([200, 201].contains(&answer.status), "{role} {path}: {answer:?}");
            } else {
                assert_eq!(answer.problem(), (403, "role_required".into()), "{role} {path}");
            }
        }
    }
}

/// T37.
#[test]
fn nothing_is_done_for_a_caller_without_a_valid_credential() {
    let (ring, foreign) = (Ring::new(), Ring::new());
    let server = ring.serve(&[]).ready();
    let good = ring.credential(&["--role", "issue", "--role", "verify", "--role", "admin"]);
    let session = server.caller(&good).issue(&json!({
        "state": {"name": "mallory", "roles": ["issue", "verify", "admin"], "audiences": null}
    }));
    let mut forged = good.clone();
    forged.pop();
    forged.push(if good.ends_with('A') { 'B' } else { 'A' });
    let mut bodies = Vec::new();
    for credential in [
        None,
        Some(String::new()),
        Some("x".into()),
        Some(forged),
        // A session is no credential, whatever its state says.
        Some(session),
        Some(foreign.credential(&["--role", "issue", "--role", "verify", "--role", "admin"])),
    ] {
        let caller = Caller { url: format!("http://{}", server.api), credential };
        for answer in [
            caller.post("/v1/sessions", &json!({})),
            caller.post("/v1/sessions/verify", &json!({"token": "x"})),
            caller.post("/v1/sessions/renew", &json!({"token": "x"})),
            caller.post("/v1/sessions/verify-batch", &json!({"tokens": ["x"]})),
            caller.get("/v1/keys"),
        ] {
            assert_eq!(answer.problem(), (401, "unauthenticated".into()));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            bodies.push(answer.text);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "every cause has the same answer: {bodies:?}");
}

/// T37.
#[test]
fn a_credential_for_some_audiences_is_for_no_other() {
    let ring = Ring::new();
    let server = ring.serve(&["--audience", "shop"]).ready();
    let roles = ["--role", "issue", "--role", "verify", "--audience", "shop", "--audience", "blog"];
    let caller = server.caller(&ring.credential(&roles));
    let all = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    for (audience, allowed) in [
        (json!(null), true),
        (json!("shop"), true),
        (json!("blog"), true),
        (json!("admin"), false),
        (json!("shop2"), false),
        (json!("sho"), false),
    ] {
        let body = json!({"audience": audience});
        let answer = caller.post("/v1/sessions", &body);
        if allowed {
            assert_eq!(answer.status, 201, "{audience}");
        } else {
            assert_eq!(answer.problem(), (403, "audience_not_allowed".into()), "{audience}");
            let token = all.issue(&body);
            let body = json!({"audience": audience, "token": token});
            for path in ["/v1/sessions/verify", "/v1/sessions/renew"] {
                assert_eq!(
                    caller.post(path, &body).problem(),
                    (403, "audience_not_allowed".into())
                );
            }
        }
    }
}

/// T43.
#[test]
fn a_token_for_one_audience_is_none_for_another() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let audiences = ["default", "shop", "shop.eu", "blog"];
    for one in audiences {
        for protection in ["signed", "sealed"] {
            let token = caller.issue(&json!({"audience": one, "protection": protection}));
            for other in audiences {
                let body = json!({"audience": other, "token": token});
                let active = caller.post("/v1/sessions/verify", &body).json()["active"].clone();
                assert_eq!(active, Value::from(one == other), "{one} at {other}");
            }
        }
    }
}

/// T37.
#[test]
fn the_systems_own_audience_is_out_of_every_callers_reach() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let caller = server.caller(&credential);
    for audience in ["saddlebag:api", "saddlebag:", "saddlebag:x"] {
        for (path, body) in [
            ("/v1/sessions", json!({"audience": audience})),
            ("/v1/sessions/verify", json!({"audience": audience, "token": credential})),
            ("/v1/sessions/renew", json!({"audience": audience, "token": credential})),
            ("/v1/sessions/verify-batch", json!({"audience": audience, "tokens": [credential]})),
        ] {
            assert_eq!(caller.post(path, &body).problem(), (400, "audience_reserved".into()));
        }
    }
    assert_eq!(caller.verify(&credential), json!({"active": false}));
    let introspected = caller.form("/v1/introspect", &format!("token={credential}"));
    assert_eq!(introspected.text, r#"{"active":false}"#);
    for audience in ["saddlebag:api", "saddlebag%3Aapi"] {
        let form = format!("token={credential}&audience={audience}");
        let answer = caller.form("/v1/introspect", &form);
        assert_eq!(answer.problem(), (400, "audience_reserved".into()));
        let keys = caller.get(&format!("/.well-known/jwks.json?audience={audience}"));
        assert_eq!(keys.problem(), (400, "audience_reserved".into()));
    }
}
