//! A Vault that is ready at once and keeps everything in memory; KV version 2 is mounted at `secret`.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::client::Client;
use super::ports::Port;
use super::process::{Process, program};

/// Vault in development mode. Its calls are [`Client`]'s.
pub(crate) struct DevVault {
    process: Process,
    client: Client,
    unseal_key: String,
    _port: Port,
    _folder: TempDir,
}

impl DevVault {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::free();
        let root_token = format!("root-of-{}-{}", std::process::id(), port.number);
        let listen = format!("-dev-listen-address={}", port.address());
        let mut process = Process::start(
            &vault(),
            "vault",
            folder.path(),
            &["server", "-dev", "-dev-no-store-token", &listen],
            // OpenBao prefers its own name.
            &[("VAULT_DEV_ROOT_TOKEN_ID", &root_token), ("BAO_DEV_ROOT_TOKEN_ID", &root_token)],
        );
        let client = Client::new(&format!("http://{}", port.address()), &root_token);
        process.wait_until("it is active", || client.health() == Some(200));
        process
            .wait_until("its engine serves", || client.api("GET", "secret/config", None).0 == 200);
        let log = folder.path().join("vault.log");
        process.wait_until("it names its unseal key", || unseal_key(&log).is_some());
        let unseal_key = unseal_key(&log).unwrap();
        Self { process, client, unseal_key, _port: port, _folder: folder }
    }

    /// Unseals what [`Client::seal`] sealed, and waits until it serves.
    pub(crate) fn unseal(&self) {
        unseal(&self.client, &self.unseal_key);
    }

    /// Vault stands still, its connections open.
    pub(crate) fn freeze(&self) {
        self.process.freeze();
    }

    pub(crate) fn thaw(&self) {
        self.process.thaw();
    }
}

impl Deref for DevVault {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// HashiCorp Vault, or OpenBao.
pub(crate) fn vault() -> PathBuf {
    let module = include_str!("../../../tests/peers/vault/go.mod");
    program("VAULT_BIN", &["vault", "bao"], ("vault", module, "github.com/hashicorp/vault"))
}

/// Gives a sealed Vault its one key share, and waits until it is active.
pub(crate) fn unseal(client: &Client, key: &str) {
    let (status, answer) = client.api("PUT", "sys/unseal", Some(json!({ "key": key })));
    assert_eq!(status, 200, "{answer}");
    super::eventually("it is active", || client.health() == Some(200));
}

/// Development mode prints it, and tells it in no other way.
fn unseal_key(log: &Path) -> Option<String> {
    let log = std::fs::read_to_string(log).unwrap();
    let (_, rest) = log.split_once("Unseal Key: ")?;
    rest.split_once('\n').map(|(key, _)| key.trim().to_owned())
}
