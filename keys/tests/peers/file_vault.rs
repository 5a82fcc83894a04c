//! A Vault whose data outlives it: it can be stopped, killed and started again at the same address. With TLS it
//! listens on one more address, so that the tests' own calls stay plain.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::certificates::{Authority, Certificate};
use super::client::Client;
use super::dev_vault::{unseal, vault};
use super::ports::Port;
use super::process::Process;

/// Vault with its data in files, initialised and unsealed, and without any KV engine. Its calls are
/// [`Client`]'s. The files are those of a Raft cluster of one: a Vault built with the tag `minimal` has no other
/// storage that lasts.
pub(crate) struct FileVault {
    process: Option<Process>,
    client: Client,
    unseal_key: String,
    tls: Option<Port>,
    _port: Port,
    folder: TempDir,
}

impl FileVault {
    pub(crate) fn start() -> Self {
        Self::listening(None)
    }

    /// With a certificate for 127.0.0.1 from `authority`. Where `clients` is another authority, only clients
    /// with a certificate from that one get through.
    pub(crate) fn with_tls(authority: &Authority, clients: Option<&Authority>) -> Self {
        Self::with_certificate(&authority.server(), clients)
    }

    pub(crate) fn with_certificate(certificate: &Certificate, clients: Option<&Authority>) -> Self {
        let mut listener = json!({
            "tls_cert_file": certificate.certificate,
            "tls_key_file": certificate.key,
        });
        if let Some(clients) = clients {
            listener["tls_require_and_verify_client_cert"] = true.into();
            listener["tls_client_ca_file"] = json!(clients.ca());
        }
        Self::listening(Some(listener))
    }

    fn listening(tls: Option<Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::free();
        let address = format!("http://{}", port.address());
        let mut listeners =
            vec![json!({ "tcp": { "address": port.address(), "tls_disable": true } })];
        let tls = tls.map(|mut listener| {
            let port = Port::free();
            listener["address"] = port.address().into();
            listeners.push(json!({ "tcp": listener }));
            port
        });
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let raft = json!({ "path": data, "node_id": "alone", "performance_multiplier": 1 });
        let configuration = json!({
            "api_addr": address,
            "cluster_addr": format!("https://{}", port.cluster_address()),
            "listener": listeners,
            "storage": { "raft": raft },
            "disable_mlock": true,
        });
        configure(folder.path(), &configuration);
        let client = Client::new(&address, "");
        let process = start(folder.path(), &client);
        let (unseal_key, root_token) = initialise(&client);
        let client = Client::new(&address, &root_token);
        unseal(&client, &unseal_key);
        Self { process: Some(process), client, unseal_key, tls, _port: port, folder }
    }

    /// `https://127.0.0.1:PORT`.
    pub(crate) fn tls_address(&self) -> String {
        let port = self.tls.as_ref().expect("this Vault was started without TLS");
        format!("https://{}", port.address())
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(&mut self) {
        self.process.take().expect("it runs").stop();
    }

    /// Starts it again, with the data that it had, and unseals it.
    pub(crate) fn restart(&mut self) {
        self.restart_sealed();
        self.unseal();
    }

    pub(crate) fn restart_sealed(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        self.process = Some(start(self.folder.path(), &self.client));
    }

    pub(crate) fn unseal(&self) {
        unseal(&self.client, &self.unseal_key);
    }
}

impl Deref for FileVault {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Writes the server's configuration to its folder.
pub(crate) fn configure(folder: &Path, configuration: &Value) {
    fs::write(folder.join("vault.json"), configuration.to_string()).unwrap();
}

/// Starts the server that the folder's configuration describes, and waits until it answers.
pub(crate) fn start(folder: &Path, client: &Client) -> Process {
    let arguments = ["server", "-config=vault.json"];
    let mut process = Process::start(&vault(), "vault", folder, &arguments, &[]);
    process.wait_until("it answers", || client.health().is_some());
    process
}

/// The one key share of a new Vault, and its root token.
pub(crate) fn initialise(client: &Client) -> (String, String) {
    let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let answer = client.must("PUT", "sys/init", Some(shares));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["keys_base64"][0]), text(&answer["root_token"]))
}
