//! The store in Vault against a real one: what it asks, what it makes of answers, and what it never does.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod faults;
mod logins;
mod outages;
#[path = "../peers/mod.rs"]
mod peers;
mod saves;
mod tls;
mod toxics;
mod versions;

use std::time::Duration;

use saddlebag_keys::{Store, StoreErrorKind, VaultLogin, VaultSettings, VaultStore};

/// Where the tests keep a ring.
const PLACE: &str = "secret/shop/ring";

fn settings(address: &str, token: &str) -> VaultSettings {
    VaultSettings::new(address, VaultLogin::Token(token.to_owned().into()))
        .unwrap()
        .timeout(Duration::from_secs(3))
}

/// A store that asks at `address` with `token`.
fn store(address: &str, token: &str) -> VaultStore {
    VaultStore::new(PLACE.parse().unwrap(), settings(address, token)).unwrap()
}

/// A failure's words, where it is of the kind that `expected` tells.
#[track_caller]
fn refused<T: std::fmt::Debug>(
    result: Result<T, saddlebag_keys::StoreError>,
    expected: fn(&StoreErrorKind) -> bool,
) -> String {
    let error = result.unwrap_err();
    assert!(expected(error.kind()), "{error:?}");
    error.to_string()
}

fn unavailable(kind: &StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Unavailable(_))
}

fn denied(kind: &StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Denied(_))
}

fn withdrawn(kind: &StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Withdrawn(_))
}

#[test]
fn a_place_and_a_store_show_no_secret() {
    let store = store("http://127.0.0.1:1", "hvs.canary");
    assert_eq!(store.location(), "vault:secret/shop/ring");
    assert!(!format!("{store:?}").contains("canary"));
    let words = refused(store.load(), unavailable);
    assert!(words.starts_with("vault:secret/shop/ring: http://127.0.0.1:1: "), "{words}");
}
