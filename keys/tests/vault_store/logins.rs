//! Tokens: got, renewed before they end, got again after; and what a 403 is told to mean.

use std::fs;

use serde_json::json;

use super::*;
use crate::common::ring;
use crate::peers::{DevVault, FaultProxy, eventually};

const READER: &str = include_str!("../../../deploy/vault/reader.hcl");
const ROTATOR: &str = include_str!("../../../deploy/vault/rotator.hcl");

/// A Vault with a ring and the two policies as they are shipped.
fn vault_with_policies() -> DevVault {
    let vault = DevVault::start();
    vault.policy("saddlebag-reader", READER);
    vault.policy("saddlebag-rotator", ROTATOR);
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    vault
}

#[test]
fn the_shipped_policies_let_readers_read_and_the_rotator_rotate() {
    let vault = vault_with_policies();
    let reader = store(vault.address(), &vault.token(&["saddlebag-reader"], "1h", true));
    let rotator = store(vault.address(), &vault.token(&["saddlebag-rotator"], "1h", true));
    for _ in 0..2 {
        assert_eq!(reader.look().unwrap(), Some(ring(1)));
    }
    let words = refused(reader.save(&ring(2), Some(1)), denied);
    assert!(words.contains("saddlebag-reader") && words.contains("do not allow"), "{words}");
    assert_eq!(rotator.load().unwrap(), ring(1));
    rotator.save(&ring(2), Some(1)).unwrap();
    assert_eq!(reader.look().unwrap(), Some(ring(2)));
    // Neither may take a ring back, nor touch another secret.
    for token in
        ["saddlebag-reader", "saddlebag-rotator"].map(|policy| vault.token(&[policy], "1h", true))
    {
        for (method, path) in [
            ("DELETE", "secret/data/shop/ring"),
            ("DELETE", "secret/metadata/shop/ring"),
            ("GET", "secret/data/shop/other"),
            ("PUT", "secret/destroy/shop/ring"),
        ] {
            let (status, _) = vault.api_as(&token, method, path, Some(json!({"versions": [1]})));
            assert_eq!(status, 403, "{method} {path}");
        }
    }
}

#[test]
fn a_403_says_whether_to_look_at_the_token_or_at_the_policy() {
    let vault = vault_with_policies();
    let unknown = store(vault.address(), "hvs.nobody-made-this-one");
    let words = refused(unknown.load(), denied);
    assert!(words.contains("does not know the token") && words.contains("VAULT_TOKEN"), "{words}");
    assert!(!words.contains("nobody-made"), "{words}");
    let other = store(vault.address(), &vault.token(&["default"], "1h", true));
    let words = refused(other.load(), denied);
    assert!(words.contains("the token is good, and its policies (default)"), "{words}");
}

#[test]
fn a_token_that_may_be_renewed_outlives_its_first_end() {
    let vault = vault_with_policies();
    let proxy = FaultProxy::start(vault.address());
    let token = vault.token(&["saddlebag-reader"], "3s", true);
    let store = store(&proxy.address(), &token);
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    eventually("it is renewed three times, without anybody asking for the ring", || {
        proxy.requests("POST", "/v1/auth/token/renew-self") >= 3
    });
    assert_eq!(store.look().unwrap(), Some(ring(1)));
}

#[test]
fn a_token_that_ended_is_told_by_name() {
    let vault = vault_with_policies();
    let token = vault.token(&["saddlebag-reader"], "1h", false);
    let store = store(vault.address(), &token);
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    vault.must("POST", "auth/token/revoke", Some(json!({ "token": token })));
    let words = refused(store.look(), denied);
    assert!(words.contains("it has ended"), "{words}");
}

#[test]
fn an_approle_logs_in_again_after_its_token_is_gone() {
    let vault = vault_with_policies();
    let folder = tempfile::tempdir().unwrap();
    let (role_id, secret_id) = vault.approle("shop", &["saddlebag-reader"], "3s");
    let secret_id_file = folder.path().join("secret-id");
    fs::write(&secret_id_file, format!("{secret_id}\n")).unwrap();
    let login = VaultLogin::AppRole {
        mount: "approle".into(),
        role_id,
        secret_id_file: secret_id_file.clone(),
    };
    let proxy = FaultProxy::start(vault.address());
    let store = VaultStore::new(
        PLACE.parse().unwrap(),
        VaultSettings::new(&proxy.address(), login).unwrap(),
    )
    .unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    let logins = || proxy.requests("POST", "/v1/auth/approle/login");
    assert_eq!(logins(), 1);
    // Somebody revokes what it holds.
    let token =
        proxy.seen().iter().rev().find_map(|seen| seen.header("x-vault-token").map(str::to_owned));
    vault.must("POST", "auth/token/revoke", Some(json!({ "token": token.unwrap() })));
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    assert_eq!(logins(), 2);
    // It stays logged in past the end of every token it had.
    eventually("it renews", || proxy.requests("POST", "/v1/auth/token/renew-self") >= 2);
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    // A secret id that Vault does not know.
    fs::write(&secret_id_file, "nonsense").unwrap();
    let login =
        VaultLogin::AppRole { mount: "approle".into(), role_id: "nobody".into(), secret_id_file };
    let settings = VaultSettings::new(vault.address(), login).unwrap();
    let words = refused(VaultStore::new(PLACE.parse().unwrap(), settings).unwrap().load(), denied);
    assert!(
        words.contains("AppRole login at auth/approle") && !words.contains("nonsense"),
        "{words}"
    );
}

#[test]
fn a_token_file_is_read_again_and_again() {
    let vault = vault_with_policies();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let settings =
        VaultSettings::new(vault.address(), VaultLogin::TokenFile(path.clone())).unwrap();
    let store = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap();
    let words = refused(store.look(), denied);
    assert!(words.contains("/token: "), "{words}");
    let first = vault.token(&["saddlebag-reader"], "1h", true);
    fs::write(&path, format!("{first}\n")).unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    vault.must("POST", "auth/token/revoke", Some(json!({ "token": first })));
    let words = refused(store.look(), denied);
    assert!(words.contains("the token in "), "{words}");
    fs::write(&path, vault.token(&["saddlebag-reader"], "1h", true)).unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(1)));
}

/// Vault's own Kubernetes login wants a cluster: this stands in for its one call, and the rest is real.
#[test]
fn a_pod_logs_in_with_its_service_account() {
    use crate::peers::{Fault, When};
    let vault = vault_with_policies();
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, "the.pods.jwt").unwrap();
    let proxy = FaultProxy::start(vault.address());
    let auth = json!({"auth": {
        "client_token": vault.token(&["saddlebag-reader"], "1h", true),
        "accessor": "a", "policies": [], "token_policies": [], "metadata": null, "lease_duration": 3600,
        "renewable": true, "entity_id": "", "token_type": "service", "orphan": true,
    }});
    proxy.fault(When::next(1).path("/v1/auth/k8s-eu/login"), Fault::answer(200, auth.to_string()));
    let login = VaultLogin::Kubernetes { mount: "k8s-eu".into(), role: "shop".into(), token_file };
    let settings = VaultSettings::new(&proxy.address(), login).unwrap();
    let store = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    let seen = proxy.seen();
    let asked = seen.iter().find(|seen| seen.target == "/v1/auth/k8s-eu/login").unwrap();
    let body: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body, json!({"role": "shop", "jwt": "the.pods.jwt"}));
}

#[test]
fn the_namespace_goes_along() {
    let vault = vault_with_policies();
    let proxy = FaultProxy::start(vault.address());
    let settings = settings(&proxy.address(), vault.root_token()).namespace("shop/eu").unwrap();
    let store = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap();
    // This Vault has no namespaces, and ignores or refuses them; what is sent is what counts here.
    let _ = store.load();
    let seen = proxy.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|seen| seen.header("x-vault-namespace") == Some("shop/eu")));
}
