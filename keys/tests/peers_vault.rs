//! The harness of Vault's tests, and what Vault itself answers: what the store is written against.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod peers;

#[path = "peers_vault/answers.rs"]
mod answers;
#[path = "peers_vault/cluster.rs"]
mod cluster;
#[path = "peers_vault/faults.rs"]
mod faults;
#[path = "peers_vault/tls.rs"]
mod tls;

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use peers::process::Process;
use peers::{Client, DevVault, FileVault, eventually};
use serde_json::json;

#[test]
fn a_vault_is_sealed_and_unsealed_with_what_it_holds() {
    let vault = DevVault::start();
    vault.must("POST", "secret/data/a", Some(json!({ "data": { "x": 1 } })));
    assert_eq!(vault.health(), Some(200));
    vault.seal();
    assert_eq!(vault.health(), Some(503));
    vault.unseal();
    assert_eq!(vault.must("GET", "secret/data/a", None)["data"]["data"], json!({ "x": 1 }));
}

#[test]
fn a_vault_that_was_killed_or_stopped_is_back_at_its_address_with_its_data() {
    let mut vault = FileVault::start();
    vault.mount_kv("secret", 2);
    vault.must("POST", "secret/data/a", Some(json!({ "data": { "x": 1 } })));
    vault.kill();
    assert_eq!(vault.health(), None);
    vault.restart();
    assert_eq!(vault.must("GET", "secret/data/a", None)["data"]["data"], json!({ "x": 1 }));
    vault.stop();
    assert_eq!(vault.health(), None);
    vault.restart_sealed();
    assert_eq!(vault.health(), Some(503));
    vault.unseal();
    assert_eq!(vault.must("GET", "secret/data/a", None)["data"]["metadata"]["version"], 1);
}

#[test]
fn a_vault_that_stands_still_answers_once_it_goes_on() {
    let vault = DevVault::start();
    vault.freeze();
    assert_eq!(vault.within(Duration::from_millis(300)).health(), None);
    vault.thaw();
    assert_eq!(vault.health(), Some(200));
}

#[test]
fn a_vault_outlives_the_thread_that_started_it() {
    let vault = std::thread::spawn(DevVault::start).join().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(vault.health(), Some(200));
}

#[test]
fn a_test_that_panics_leaves_no_server_behind() {
    let panics = std::thread::spawn(|| {
        let vault = DevVault::start();
        std::panic::panic_any(vault.address().to_owned());
    });
    let address: Box<String> = panics.join().unwrap_err().downcast().unwrap();
    assert_eq!(Client::new(&address, "").health(), None);
}

#[test]
fn a_test_that_is_killed_leaves_no_server_behind() {
    const PART: &str = "SADDLEBAG_TEST_PART";
    if let Some(folder) = std::env::var_os(PART).map(PathBuf::from) {
        let vault = DevVault::start();
        fs::write(folder.join("draft"), vault.address()).unwrap();
        fs::rename(folder.join("draft"), folder.join("address")).unwrap();
        loop {
            std::thread::park();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    // What finds a Vault for this process finds it for the part.
    let variables: Vec<(&str, String)> = ["HOME", "XDG_CACHE_HOME", "VAULT_BIN"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| (name, value)))
        .chain([(PART, folder.path().display().to_string())])
        .collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut part = Process::start(
        &std::env::current_exe().unwrap(),
        "part",
        folder.path(),
        &["a_test_that_is_killed_leaves_no_server_behind", "--exact", "--nocapture"],
        &variables,
    );
    let address = folder.path().join("address");
    part.wait_until("its Vault runs", || address.exists());
    let address = fs::read_to_string(address).unwrap();
    let address = address.strip_prefix("http://").unwrap();
    assert!(TcpStream::connect(address).is_ok());
    part.kill();
    eventually("its Vault is gone", || TcpStream::connect(address).is_err());
}
