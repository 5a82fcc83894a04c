//! What is news: versions that move, standbys that lag, secrets that are taken back or begin anew.

use serde_json::json;

use super::*;
use crate::common::{ring, ring_of};
use crate::peers::{DevVault, Fault, FaultProxy, When};

const DATA: &str = "/v1/secret/data/shop/ring";
const METADATA: &str = "/v1/secret/metadata/shop/ring";

#[test]
fn the_secret_is_read_only_where_its_version_moved() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(1), None).unwrap();
    let reader = store(&proxy.address(), vault.root_token());
    for _ in 0..5 {
        assert_eq!(reader.look().unwrap(), Some(ring(1)));
    }
    assert_eq!((proxy.requests("GET", METADATA), proxy.requests("GET", DATA)), (4, 1));
    writer.save(&ring(2), Some(1)).unwrap();
    for _ in 0..3 {
        assert_eq!(reader.look().unwrap(), Some(ring(2)));
    }
    assert_eq!((proxy.requests("GET", METADATA), proxy.requests("GET", DATA)), (7, 2));
    // A reader asks for nothing that changes anything.
    assert!(proxy.seen().iter().all(|seen| seen.method == "GET"));
}

/// T51.
#[test]
fn an_older_version_is_no_news() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(1), None).unwrap();
    let behind = metadata(&vault);
    let old_data = vault.must("GET", "secret/data/shop/ring", None);
    writer.save(&ring(2), Some(1)).unwrap();
    let reader = store(&proxy.address(), vault.root_token());
    assert_eq!(reader.look().unwrap(), Some(ring(2)));
    // A standby that lags behind answers: 2, 1, 2.
    proxy.fault(When::next(1).path(METADATA), Fault::answer(200, behind.to_string()));
    assert_eq!(reader.look().unwrap(), None);
    assert_eq!(reader.look().unwrap(), Some(ring(2)));
    // One answers for the metadata, and another for the secret.
    writer.save(&ring(3), Some(2)).unwrap();
    proxy.fault(When::next(1).path(DATA), Fault::answer(200, old_data.to_string()));
    assert_eq!(reader.look().unwrap(), None);
    assert_eq!(reader.look().unwrap(), Some(ring(3)));
}

#[test]
fn a_secret_that_began_anew_is_refused_unless_allowed() {
    let vault = DevVault::start();
    let writer = store(vault.address(), vault.root_token());
    for generation in 1..=3 {
        writer.save(&ring(generation), (generation > 1).then(|| generation - 1)).unwrap();
    }
    let reader = store(vault.address(), vault.root_token());
    let allowing = VaultStore::allowing_rollback(
        PLACE.parse().unwrap(),
        settings(vault.address(), vault.root_token()),
    )
    .unwrap();
    assert_eq!(reader.look().unwrap(), Some(ring(3)));
    assert_eq!(allowing.look().unwrap(), Some(ring(3)));
    vault.must("DELETE", "secret/metadata/shop/ring", None);
    let gone = reader.look().unwrap_err();
    assert!(matches!(gone.kind(), StoreErrorKind::NotFound), "{gone}");
    // Up to the version that was in use, and past it.
    for generation in 1..=3 {
        let fresh = store(vault.address(), vault.root_token());
        let expected = (generation > 1).then(|| generation - 1);
        fresh.save(&ring_of("anew", generation), expected).unwrap();
        let words = refused(reader.look(), withdrawn);
        assert!(words.contains("began anew"), "{words}");
        assert_eq!(allowing.look().unwrap(), Some(ring_of("anew", generation)));
    }
}

#[test]
fn a_version_that_was_deleted_or_destroyed_is_refused_and_comes_back() {
    let vault = DevVault::start();
    let writer = store(vault.address(), vault.root_token());
    writer.save(&ring(1), None).unwrap();
    let reader = store(vault.address(), vault.root_token());
    let newcomer = || store(vault.address(), vault.root_token());
    assert_eq!(reader.look().unwrap(), Some(ring(1)));
    vault.must("DELETE", "secret/data/shop/ring", None);
    for words in [
        refused(reader.look(), withdrawn),
        refused(reader.load(), withdrawn),
        refused(newcomer().look(), withdrawn),
        // Nobody makes a ring over one that may come back.
        refused(newcomer().save(&ring(1), None), withdrawn),
    ] {
        assert!(words.contains("version 1 of the secret was deleted"), "{words}");
    }
    vault.must("POST", "secret/undelete/shop/ring", Some(json!({"versions": [1]})));
    assert_eq!(reader.look().unwrap(), Some(ring(1)));
    vault.must("PUT", "secret/destroy/shop/ring", Some(json!({"versions": [1]})));
    for words in [refused(reader.look(), withdrawn), refused(newcomer().load(), withdrawn)] {
        assert!(words.contains("version 1 of the secret was destroyed"), "{words}");
    }
}

#[test]
fn what_is_no_ring_is_refused_and_not_repeated() {
    let vault = DevVault::start();
    let canary = "canary-of-somebody-elses-secret";
    vault.must("POST", "secret/data/shop/ring", Some(json!({"data": {"password": canary}})));
    let reader = store(vault.address(), vault.root_token());
    for result in [reader.load().map(Some), reader.look()] {
        let words = refused(result, |kind| matches!(kind, StoreErrorKind::Invalid(_)));
        assert!(!words.contains(canary), "{words}");
    }
    // A number with a fraction, a member too many: a ring is as strict here as in a file.
    let text = saddlebag_keys::document::to_json(&ring(1));
    let mut document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    document["more"] = json!(1);
    vault.must("POST", "secret/data/shop/ring", Some(json!({ "data": document })));
    refused(reader.load(), |kind| matches!(kind, StoreErrorKind::Invalid(_)));
}

fn metadata(vault: &DevVault) -> serde_json::Value {
    vault.must("GET", "secret/metadata/shop/ring", None)
}
