//! T47: whom a store believes to be Vault, and to whom it shows itself.

use super::*;
use crate::common::ring;
use crate::peers::{Authority, FileVault};

fn secure(address: &str, token: &str) -> VaultSettings {
    settings(address, token)
}

fn load(settings: VaultSettings) -> Result<saddlebag_keys::KeyRing, saddlebag_keys::StoreError> {
    VaultStore::new(PLACE.parse().unwrap(), settings).unwrap().load()
}

#[test]
fn only_the_named_authority_is_believed() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let vault = FileVault::with_tls(&ours, None);
    vault.mount_kv("secret", 2);
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let address = vault.tls_address();
    let to_vault = || secure(&address, vault.root_token());
    assert_eq!(load(to_vault().ca_file(ours.ca())).unwrap(), ring(1));
    // Another authority, and the machine's own.
    for settings in [to_vault().ca_file(others.ca()), to_vault()] {
        let words = refused(load(settings), unavailable);
        assert!(words.contains("certificate"), "{words}");
        assert!(!words.contains(vault.root_token()), "{words}");
    }
    // Under another name than its certificate has.
    let by_another_name = address.replace("127.0.0.1", "127.0.0.2");
    let words =
        refused(load(secure(&by_another_name, vault.root_token()).ca_file(ours.ca())), unavailable);
    assert!(words.contains("127.0.0.2"), "{words}");
    // What VAULT_SKIP_VERIFY does where it may.
    let skipping = VaultSettings::from_env_in_dev(|name| match name {
        "VAULT_ADDR" => Some(address.clone()),
        "VAULT_TOKEN" => Some(vault.root_token().to_owned()),
        "VAULT_SKIP_VERIFY" => Some("true".to_owned()),
        _ => None,
    });
    assert_eq!(load(skipping.unwrap()).unwrap(), ring(1));
}

#[test]
fn a_certificate_is_shown_where_vault_asks_for_one() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let vault = FileVault::with_tls(&servers, Some(&clients));
    vault.mount_kv("secret", 2);
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let to_vault = || secure(&vault.tls_address(), vault.root_token()).ca_file(servers.ca());
    refused(load(to_vault()), unavailable);
    let own = clients.client("shop");
    let shown = to_vault().client_certificate(&own.certificate, &own.key);
    assert_eq!(load(shown).unwrap(), ring(1));
    let foreign = servers.client("stranger");
    refused(load(to_vault().client_certificate(&foreign.certificate, &foreign.key)), unavailable);
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let absent = folder.path().join("absent.pem");
    for settings in [
        secure("https://127.0.0.1:1", "t").ca_file(&empty),
        secure("https://127.0.0.1:1", "t").ca_file(&absent),
        secure("https://127.0.0.1:1", "t").client_certificate(&empty, &empty),
        secure("https://127.0.0.1:1", "t").client_certificate(&absent, &absent),
    ] {
        let invalid = VaultStore::new(PLACE.parse().unwrap(), settings).unwrap_err().to_string();
        assert!(invalid.contains(".pem: "), "{invalid}");
    }
}
