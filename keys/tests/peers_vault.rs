//! The harness of Vault's tests, and what Vault itself answers: what the store is written against.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

#[path = "common/peers.rs"]
mod peers;

use peers::DevVault;

#[test]
fn dev() {
    let vault = DevVault::start();
    println!("{:?}", vault.api("GET", "secret/data/nothing", None));
}
