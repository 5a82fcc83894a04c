//! No token, credential, secret, subject or state in logs, answers or the process list (T64, T66).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use saddlebag::keys::{Audience, FileStore, Store, derive};
use serde_json::json;

use crate::support::Ring;

/// T64, T66.
#[test]
fn nothing_secret_is_logged_or_listed_at_the_most_talkative_level() {
    let ring = Ring::new();
    let server = ring.serve(&["--log", "trace", "--jwt", "hs256"]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify", "--role", "admin"]);
    let caller = server.caller(&credential);
    let mut canaries = vec![credential.clone(), "canary-subject".into(), "canary-state".into()];
    for protection in ["signed", "sealed", "jwt"] {
        let body =
            json!({"subject": "canary-subject", "state": "canary-state", "protection": protection});
        let token = caller.issue(&body);
        caller.verify(&token);
        let mut forged = token.clone();
        forged.truncate(token.len() - 3);
        caller.verify(&forged);
        caller.verify(&format!("{forged}AAA"));
        canaries.push(
            caller.post("/v1/sessions/renew", &json!({"token": token})).json()["token"].to_string(),
        );
        canaries.push(token);
    }
    caller.post("/v1/sessions", &json!({"subject": "canary-subject", "lifetime": "canary-state"}));
    caller.post(
        "/v1/sessions",
        &json!({"subject": "canary-subject".repeat(50), "state": "canary-state"}),
    );
    let keys = caller.get("/v1/keys");
    assert_eq!(keys.status, 200);

    let held = FileStore::new(ring.path()).load().unwrap();
    let document = std::fs::read_to_string(ring.path()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let mut secrets = Vec::new();
    for key in document["keys"].as_array().unwrap() {
        let secret = key["secret"].as_str().unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(secret).unwrap();
        secrets.push(secret.to_owned());
        secrets.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    for audience in ["default", "saddlebag:api"] {
        for (_, key) in held.audience(&Audience::new(audience).unwrap()).unwrap() {
            for derived in
                [derive::signed(&key), derive::sealed(&key), derive::jwt_hs256(&key), key]
            {
                secrets.push(BASE64_URL_SAFE_NO_PAD.encode(derived.expose()));
            }
        }
    }
    let log = server.read_log();
    assert!(log.contains("token refused"), "the log is as talkative as can be:\n{log}");
    let process = server.process();
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap();
    let environment = match std::fs::read(format!("/proc/{process}/environ")) {
        // Closed to others than root (T63).
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Vec::new(),
        seen => seen.unwrap(),
    };
    let listed = String::from_utf8_lossy(&[command, environment].concat()).into_owned();
    for canary in canaries.iter().chain(&secrets) {
        let canary = canary.trim_matches('"');
        // The end of a token alone would betray it as well.
        let tail = &canary[canary.len().saturating_sub(20)..];
        assert!(!log.contains(tail), "{tail} is in the log:\n{log}");
        assert!(!listed.contains(tail), "{tail} is in the process list");
    }
    for secret in &secrets {
        assert!(!keys.text.contains(&secret[..20]), "{}", keys.text);
    }
}
