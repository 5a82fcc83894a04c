//! T62: answers that Vault, or whatever stands before it, may give, at the start and later; each with recovery.

use super::*;
use crate::common::ring;
use crate::peers::{DevVault, Fault, FaultProxy, When};

#[test]
fn every_bad_answer_is_told_and_passes() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    type Told = fn(&StoreErrorKind) -> bool;
    let faults: [(Fault, Told, &str); 16] = [
        (Fault::status(400), denied, "400"),
        (Fault::status(403), denied, "403"),
        (Fault::answer(404, "<html>no such page</html>"), unavailable, "VAULT_ADDR"),
        (Fault::status(412), unavailable, "412"),
        (Fault::status(429), unavailable, "429"),
        (Fault::status(473), unavailable, "standby"),
        (Fault::status(500), unavailable, "500"),
        (Fault::status(503), unavailable, "sealed"),
        (Fault::answer(418, "teapot"), unavailable, "418"),
        (Fault::malformed(), unavailable, "makes no sense"),
        (Fault::answer(200, ""), unavailable, "makes no sense"),
        (Fault::answer(200, "[]"), unavailable, "makes no sense"),
        (Fault::answer(200, r#"{"data": null}"#), unavailable, "makes no sense"),
        (Fault::Oversize(2 * 1024 * 1024), unavailable, "more than"),
        (Fault::Endless, unavailable, ""),
        (Fault::HangUp, unavailable, ""),
    ];
    let running = store(&proxy.address(), vault.root_token());
    assert_eq!(running.look().unwrap(), Some(ring(1)));
    for (fault, told, word) in faults {
        // A node that runs.
        proxy.fault(When::always(), fault.clone());
        let words = refused(running.look(), told);
        assert!(words.contains(word), "{fault:?}: {words}");
        // One that starts.
        let starting = store(&proxy.address(), vault.root_token());
        let words = refused(starting.look(), told);
        assert!(words.contains(word), "{fault:?}: {words}");
        assert!(!words.contains(vault.root_token()), "{words}");
        proxy.clear();
        assert_eq!(running.look().unwrap(), Some(ring(1)), "{fault:?}");
        assert_eq!(starting.look().unwrap(), Some(ring(1)), "{fault:?}");
    }
}

#[test]
fn a_vault_that_never_answers_is_given_up_on() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let settings = settings(&proxy.address(), vault.root_token()).timeout(Duration::from_secs(1));
    let store = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(1)));
    for fault in [Fault::Stall, Fault::Drip(Duration::from_millis(200))] {
        proxy.fault(When::always(), fault);
        let words = refused(store.look(), unavailable);
        assert!(words.contains("no answer in time"), "{words}");
        proxy.clear();
        assert_eq!(store.look().unwrap(), Some(ring(1)));
    }
}

/// T42.
#[test]
fn a_redirect_is_followed_to_a_named_host_alone() {
    let vault = DevVault::start();
    let front = FaultProxy::start(vault.address());
    let other = FaultProxy::start(vault.address());
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let path = "/v1/secret/data/shop/ring";
    let to_other = Fault::redirect(format!("{}{path}", other.address()));
    front.fault(When::always().path(path), to_other);
    let alone = store(&front.address(), vault.root_token());
    let words = refused(alone.load(), unavailable);
    assert!(words.contains("no host of this Vault"), "{words}");
    assert_eq!(other.seen().len(), 0, "nothing was asked of a host that nobody named");
    let named = settings(&front.address(), vault.root_token()).also_at(&other.address()).unwrap();
    let both = VaultStore::new(PLACE.parse().unwrap(), named).unwrap();
    assert_eq!(both.load().unwrap(), ring(1));
    assert_eq!(other.requests("GET", path), 1);
    front.clear();
    for elsewhere in [
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://vault.invalid/v1/x".to_owned(),
        format!("{}/v1/secret/data/other", other.address()),
        format!("{}{path}", other.address().replace("http:", "https:")),
        "//".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        front.fault(When::next(1).path(path), Fault::redirect(elsewhere.clone()));
        let before = other.seen().len();
        let words = refused(alone.load(), unavailable);
        assert!(words.contains("redirect"), "{elsewhere}: {words}");
        assert_eq!(other.seen().len(), before, "{elsewhere}");
        front.clear();
    }
    // Two that send each other on.
    front.fault(When::always().path(path), Fault::redirect(format!("{}{path}", other.address())));
    other.fault(When::always().path(path), Fault::redirect(format!("{}{path}", front.address())));
    let words = refused(both.load(), unavailable);
    assert!(words.contains("more than 3 redirects"), "{words}");
}

#[test]
fn the_other_hosts_are_asked_where_one_is_gone() {
    let vault = DevVault::start();
    let second = FaultProxy::start(vault.address());
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let settings = settings("http://127.0.0.1:1", vault.root_token());
    let settings = settings.also_at(&second.address()).unwrap();
    let store = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap();
    assert_eq!(store.load().unwrap(), ring(1));
    store.save(&ring(2), Some(1)).unwrap();
    assert_eq!(store.look().unwrap(), Some(ring(2)));
    drop(second);
    let words = refused(store.look(), unavailable);
    assert!(words.contains("127.0.0.1:1: "), "{words}");
}
