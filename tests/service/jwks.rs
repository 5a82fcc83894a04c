//! The JWK Set: what other software verifies EdDSA tokens with.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::{Caller, Ring, eventually, run};

fn set(caller: &Caller, query: &str) -> Value {
    let answer = caller.get(&format!("/.well-known/jwks.json{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    answer.json()
}

#[test]
fn software_that_speaks_jwt_verifies_with_the_set() {
    let ring = Ring::new();
    let server = ring.serve(&["--jwt", "eddsa", "--audience", "shop"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    let anybody = Caller { credential: None, ..caller.clone() };
    for (audience, query) in [("shop", ""), ("shop", "?audience=shop"), ("blog", "?audience=blog")]
    {
        let body = json!({"protection": "jwt", "subject": "alice", "audience": audience});
        let token = caller.issue(&body);
        let keys: JwkSet = serde_json::from_value(set(&anybody, query)).unwrap();
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(claims["sub"], "alice");
    }
    // An audience's keys are nobody else's.
    let (shop, blog) = (set(&anybody, ""), set(&anybody, "?audience=blog"));
    for (one, other) in
        shop["keys"].as_array().unwrap().iter().zip(blog["keys"].as_array().unwrap())
    {
        assert_ne!(one["kid"], other["kid"]);
        assert_ne!(one["x"], other["x"]);
        let names: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
}

#[test]
fn the_set_has_the_staged_keys_too_and_none_that_is_revoked() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "admin"]));
    let states = |caller: &Caller| -> Vec<String> {
        let keys = caller.get("/v1/keys").json()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(set(&caller, "")["keys"].as_array().unwrap().len(), 2, "active and staged");
    let active = caller.get("/v1/keys").json()["active"].as_str().unwrap().to_owned();
    let before = set(&caller, "");
    let revoked = run(&["keys", "revoke", &active, "--yes", "--ring", &ring.place()], "");
    assert_eq!(revoked.0, 0, "{revoked:?}");
    eventually("the revocation arrives", || {
        // Its own key is gone: another credential is needed to look.
        let credential = ring.credential(&["--role", "admin"]);
        let caller = server.caller(&credential);
        let answer = caller.get("/v1/keys");
        answer.status == 200 && states(&caller).contains(&"revoked".to_owned())
    });
    let after = set(&caller, "");
    assert_eq!(after["keys"].as_array().unwrap().len(), 2, "the standby, and a new one");
    let kids = |set: &Value| -> Vec<Value> {
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    let kept = kids(&before).into_iter().filter(|kid| kids(&after).contains(kid)).count();
    assert_eq!(kept, 1, "the revoked key is gone: {before} {after}");
}

#[test]
fn a_key_that_drains_stays_in_the_set() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "admin"]));
    let keys = || caller.get("/v1/keys").json();
    let before = set(&caller, "");
    let standby = keys()["standby"].as_str().unwrap().to_owned();
    let place = ring.place();
    let activated = run(&["keys", "activate", &standby, "--force", "--yes", "--ring", &place], "");
    assert_eq!(activated.0, 0, "{activated:?}");
    let states = || keys()["keys"].to_string();
    eventually("the first key drains", || states().contains("\"draining\""));
    let after = set(&caller, "");
    for key in before["keys"].as_array().unwrap() {
        assert!(after["keys"].as_array().unwrap().contains(key), "{key} is gone: {after}");
    }
    assert_eq!(after["keys"].as_array().unwrap().len(), 3, "and the next standby");
}

#[test]
fn the_set_may_be_kept_for_half_of_publish_ahead_at_most() {
    for (publish_ahead, max_age) in [("1d", 300), ("600s", 300), ("100s", 50), ("3s", 1)] {
        let ring = Ring::with(&[
            "--publish-ahead",
            publish_ahead,
            "--max-token-lifetime",
            "1h",
            "--rotate-every",
            "30d",
        ]);
        let server = ring.serve(&[]).ready();
        let caller = Caller { url: format!("http://{}", server.api), credential: None };
        let answer = caller.get("/.well-known/jwks.json");
        let expected = format!("public, max-age={max_age}");
        assert_eq!(answer.header("cache-control"), Some(&*expected), "{publish_ahead}");
    }
}

#[test]
fn an_audience_that_is_none_or_out_of_scope_is_refused() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = Caller { url: format!("http://{}", server.api), credential: None };
    for (query, code) in [
        ("audience=Shop", "invalid_query"),
        ("audience=", "invalid_query"),
        ("audience=saddlebag:api", "audience_reserved"),
        ("audience=a&audience=b", "invalid_query"),
    ] {
        let answer = caller.get(&format!("/.well-known/jwks.json?{query}"));
        assert_eq!(answer.problem(), (400, code.into()), "{query}");
    }
    let scoped = ring.folder.path().join("shop.json").display().to_string();
    let place = ring.place();
    let export = ["keys", "export", "--ring", &place, "--audience", "shop", "--out", &scoped];
    assert_eq!(run(&export, "").0, 0);
    let scoped = format!("file:{scoped}");
    let arguments = ["--ring", &scoped, "--audience", "shop", "--credential-ring", &place];
    let server = crate::support::Server::start(&arguments, |_| {}).ready();
    let of_scope = Caller { url: format!("http://{}", server.api), credential: None };
    assert_eq!(set(&of_scope, ""), set(&caller, "?audience=shop"));
    let other = of_scope.get("/.well-known/jwks.json?audience=blog");
    assert_eq!(other.problem(), (400, "audience_out_of_scope".into()));

    let missing = Ring::missing();
    let server = missing.serve(&[]);
    let caller = Caller { url: format!("http://{}", server.api), credential: None };
    assert_eq!(caller.get("/.well-known/jwks.json").problem(), (503, "not_ready".into()));
}
