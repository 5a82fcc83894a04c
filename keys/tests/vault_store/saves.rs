//! Saves: guarded by the version that was read, and never repeated.

use serde_json::json;

use super::*;
use crate::common::{ring, ring_of};
use crate::peers::{DevVault, Fault, FaultProxy, When};

const DATA: &str = "/v1/secret/data/shop/ring";

#[test]
fn a_save_names_the_version_that_was_read() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let store = store(&proxy.address(), vault.root_token());
    store.save(&ring(1), None).unwrap();
    assert_eq!(store.load().unwrap().generation(), 1);
    store.save(&ring(2), Some(1)).unwrap();
    let guards: Vec<serde_json::Value> = proxy
        .seen()
        .iter()
        .filter(|seen| seen.method == "POST" && seen.target == DATA)
        .map(|seen| {
            serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap()["options"].clone()
        })
        .collect();
    assert_eq!(guards, [json!({"cas": 0}), json!({"cas": 1})]);
    // The document is the secret, for any client to read.
    let secret = vault.must("GET", "secret/data/shop/ring", None);
    assert_eq!(secret["data"]["data"]["format"], "saddlebag-ring/1");
    assert_eq!(secret["data"]["metadata"]["version"], 2);
}

#[test]
fn a_ring_that_came_in_between_is_a_conflict_that_names_it() {
    let vault = DevVault::start();
    let one = store(vault.address(), vault.root_token());
    let other = store(vault.address(), vault.root_token());
    one.save(&ring(1), None).unwrap();
    assert_eq!(one.load().unwrap().generation(), 1);
    assert_eq!(other.load().unwrap().generation(), 1);
    other.save(&ring(2), Some(1)).unwrap();
    let error = one.save(&ring_of("mine", 2), Some(1)).unwrap_err();
    assert_eq!(error.conflict(), Some(Some(2)), "{error}");
    assert_eq!(one.load().unwrap(), ring(2));
}

/// A generation that came back under another version is another ring: whoever planned for the first one must
/// not save over the second.
#[test]
fn the_same_generation_under_another_version_is_a_conflict() {
    let vault = DevVault::start();
    let store = store(vault.address(), vault.root_token());
    store.save(&ring(1), None).unwrap();
    assert_eq!(store.load().unwrap().generation(), 1);
    let text = saddlebag_keys::document::to_json(&ring_of("other", 1));
    let document: serde_json::Value = serde_json::from_slice(&text).unwrap();
    vault.must("POST", "secret/data/shop/ring", Some(json!({ "data": document })));
    let error = store.save(&ring(2), Some(1)).unwrap_err();
    assert_eq!(error.conflict(), Some(Some(1)), "{error}");
}

#[test]
fn a_save_whose_answer_was_lost_is_found_and_not_repeated() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let store = store(&proxy.address(), vault.root_token());
    store.save(&ring(1), None).unwrap();
    for (n, fault) in
        [Fault::LoseAnswer, Fault::Drip(Duration::from_millis(500))].into_iter().enumerate()
    {
        let generation = store.load().unwrap().generation();
        proxy.forget();
        proxy.fault(When::next(1).method("POST").path(DATA), fault);
        store.save(&ring(generation + 1), Some(generation)).unwrap();
        assert_eq!(proxy.requests("POST", DATA), 1);
        let secret = vault.must("GET", "secret/data/shop/ring", None);
        assert_eq!(secret["data"]["metadata"]["version"], n + 2);
        assert_eq!(store.load().unwrap().generation(), generation + 1);
    }
}

#[test]
fn a_save_that_never_arrived_is_told_and_left_to_the_caller() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let store = store(&proxy.address(), vault.root_token());
    store.save(&ring(1), None).unwrap();
    for fault in [Fault::HangUp, Fault::Stall, Fault::status(500), Fault::status(502)] {
        proxy.clear();
        proxy.forget();
        proxy.fault(When::next(1).method("POST").path(DATA), fault);
        let words = refused(store.save(&ring(2), Some(1)), unavailable);
        assert!(words.contains("it was not saved as yet"), "{words}");
        assert_eq!(proxy.requests("POST", DATA), 1);
        assert_eq!(store.load().unwrap().generation(), 1);
    }
    store.save(&ring(2), Some(1)).unwrap();
}

#[test]
fn a_lost_answer_to_another_writers_win_is_a_conflict() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let mine = store(&proxy.address(), vault.root_token());
    let theirs = store(vault.address(), vault.root_token());
    mine.save(&ring(1), None).unwrap();
    assert_eq!(mine.load().unwrap().generation(), 1);
    theirs.save(&ring_of("theirs", 2), Some(1)).unwrap();
    // The refusal of the check-and-set is what gets lost.
    proxy.fault(When::next(1).method("POST").path(DATA), Fault::LoseAnswer);
    let error = mine.save(&ring_of("mine", 2), Some(1)).unwrap_err();
    assert_eq!(error.conflict(), Some(Some(2)), "{error}");
    assert_eq!(theirs.load().unwrap(), ring_of("theirs", 2));
}

#[test]
fn version_1_of_the_engine_is_read_and_saved_to_only_where_told() {
    let vault = DevVault::start();
    vault.mount_kv("old", 1);
    let place: saddlebag_keys::VaultPlace = "old/ring".parse().unwrap();
    let settings = || settings(vault.address(), vault.root_token());
    let guarded = VaultStore::new(place.clone(), settings()).unwrap();
    let error = guarded.load().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::NotFound), "{error}");
    let words =
        refused(guarded.save(&ring(1), None), |kind| matches!(kind, StoreErrorKind::Unguarded(_)));
    assert!(words.contains("no check-and-set"), "{words}");
    let told = VaultStore::allowing_unguarded_writes(place, settings()).unwrap();
    told.save(&ring(1), None).unwrap();
    told.save(&ring(2), Some(1)).unwrap();
    assert_eq!(told.save(&ring(3), Some(1)).unwrap_err().conflict(), Some(Some(2)));
    assert_eq!(guarded.load().unwrap(), ring(2));
    assert_eq!(guarded.look().unwrap(), Some(ring(2)));
}

#[test]
fn a_mount_may_have_a_slash_in_its_name() {
    let vault = DevVault::start();
    vault.mount_kv("teams/shop", 2);
    let place = "teams/shop/prod/ring".parse().unwrap();
    let store = VaultStore::new(place, settings(vault.address(), vault.root_token())).unwrap();
    store.save(&ring(1), None).unwrap();
    assert_eq!(store.load().unwrap(), ring(1));
    let secret = vault.must("GET", "teams/shop/data/prod/ring", None);
    assert_eq!(secret["data"]["data"]["generation"], 1);
    let place = "sys/policies".parse().unwrap();
    let other = VaultStore::new(place, settings(vault.address(), vault.root_token())).unwrap();
    let words = refused(other.load(), denied);
    assert!(words.contains("KV engine"), "{words}");
}
