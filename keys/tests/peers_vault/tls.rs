//! Vault's TLS, asked by curl, whose errors have numbers.

use std::path::Path;
use std::process::Command;

use crate::peers::{Authority, FileVault};

/// The status of `sys/health`, or curl's exit code as a negative number.
fn health(address: &str, options: &[(&str, &Path)]) -> i32 {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}"]);
    for (option, file) in options {
        curl.arg(option).arg(file);
    }
    let output = curl.arg(format!("{address}/v1/sys/health")).output().unwrap_or_else(|error| {
        panic!("curl: {error}: run tests/peers/install");
    });
    match output.status.code() {
        Some(0) => String::from_utf8_lossy(&output.stdout).parse().unwrap(),
        code => -code.unwrap(),
    }
}

#[test]
fn only_who_trusts_the_authority_talks_to_its_vault() {
    let (ours, other) = (Authority::new("ours"), Authority::new("other"));
    let mut vault = FileVault::with_tls(&ours, None);
    let address = vault.tls_address();
    assert_eq!(health(&address, &[("--cacert", &ours.ca())]), 200);
    assert_eq!(health(&address, &[("--cacert", &other.ca())]), UNTRUSTED);
    assert_eq!(health(&address, &[]), UNTRUSTED);
    let by_name = address.replace("127.0.0.1", "localhost");
    assert_eq!(health(&by_name, &[("--cacert", &ours.ca())]), 200);
    vault.kill();
    assert_eq!(health(&address, &[("--cacert", &ours.ca())]), NO_CONNECTION);
    vault.restart();
    assert_eq!(health(&address, &[("--cacert", &ours.ca())]), 200);
}

#[test]
fn a_certificate_for_another_name_is_not_vaults() {
    let ours = Authority::new("ours");
    let vault = FileVault::with_certificate(&ours.server_named("elsewhere.test"), None);
    assert_eq!(health(&vault.tls_address(), &[("--cacert", &ours.ca())]), ANOTHER_NAME);
}

#[test]
fn a_vault_that_wants_clients_certificates_takes_those_of_its_authority() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let vault = FileVault::with_tls(&ours, Some(&clients));
    let address = vault.tls_address();
    let ca = ours.ca();
    let with = |authority: &Authority| {
        let client = authority.client("node");
        let options =
            [("--cacert", ca.as_path()), ("--cert", &client.certificate), ("--key", &client.key)];
        health(&address, &options)
    };
    assert_eq!(with(&clients), 200);
    assert!(with(&ours) < 0);
    assert!(health(&address, &[("--cacert", &ca)]) < 0);
}

const NO_CONNECTION: i32 = -7;
const ANOTHER_NAME: i32 = -60;
const UNTRUSTED: i32 = -60;
