//! Many tokens in one request.

use serde_json::{Value, json};

use crate::support::Ring;

#[test]
fn each_token_is_answered_in_its_place_as_it_would_be_alone() {
    let ring = Ring::new();
    let server = ring.serve(&["--jwt", "eddsa"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let mut tokens: Vec<String> = ["signed", "sealed", "jwt"]
        .iter()
        .map(|kind| caller.issue(&json!({"protection": kind, "subject": kind, "state": [kind]})))
        .collect();
    tokens.insert(1, "no token".into());
    tokens.insert(3, tokens[2].replacen("sb1e", "sb1s", 1));
    tokens.push(caller.issue(&json!({"audience": "shop"})));
    let answer = caller.post("/v1/sessions/verify-batch", &json!({ "tokens": tokens }));
    assert_eq!(answer.status, 200, "{answer:?}");
    let alone: Vec<Value> = tokens.iter().map(|token| caller.verify(token)).collect();
    assert_eq!(answer.json(), json!({ "results": alone }));
    let active: Vec<_> = alone.iter().map(|answer| answer["active"] == true).collect();
    assert_eq!(active, [true, false, true, false, true, false]);

    let body = json!({"tokens": tokens, "audience": "shop"});
    let results = caller.post("/v1/sessions/verify-batch", &body).json()["results"].clone();
    assert_eq!(results.as_array().unwrap().iter().filter(|r| r["active"] == true).count(), 1);
    let none = caller.post("/v1/sessions/verify-batch", &json!({"tokens": []}));
    assert_eq!(none.text, r#"{"results":[]}"#);
}

/// T46.
#[test]
fn a_batch_has_256_tokens_and_2_mib_at_most() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({"state": "x".repeat(2_900)}));
    let send = |count: usize| {
        caller.post("/v1/sessions/verify-batch", &json!({"tokens": vec![&token; count]}))
    };
    let answer = send(256);
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 256);
    assert!(results.iter().all(|result| result["active"] == true));
    let many = send(257);
    assert_eq!(many.problem(), (400, "invalid_body".into()));
    assert_eq!(many.json()["path"], "$.tokens");
    assert!(many.text.contains("a batch may have 256 tokens"), "{many:?}");

    let padded = |length: usize| format!("{{\"tokens\":[]{}}}", " ".repeat(length - 13));
    let send = |body: &str| {
        let kind = Some("application/json");
        caller.send("POST", "/v1/sessions/verify-batch", kind, body.as_bytes())
    };
    assert_eq!(send(&padded(2 << 20)).status, 200);
    let large = send(&padded((2 << 20) + 1));
    assert_eq!(large.problem(), (413, "body_too_large".into()));
    assert!(large.text.contains("2097152 bytes"), "{large:?}");
}
