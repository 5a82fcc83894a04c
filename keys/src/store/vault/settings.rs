//! Where Vault is, who we are there, and whom we believe: the variables that every Vault client knows, and a few
//! of our own.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use zeroize::Zeroizing;

use super::login::{VaultLogin, is_header_safe};

/// How to reach a Vault and log in to it.
///
/// ```
/// use saddlebag_keys::{VaultLogin, VaultSettings, VaultStore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let login = VaultLogin::TokenFile("/run/vault/token".into());
/// let settings = VaultSettings::new("https://vault.example:8200", login)?.namespace("shop")?;
/// let store = VaultStore::new("secret/shop/ring".parse()?, settings)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct VaultSettings {
    pub(super) hosts: Vec<Url>,
    pub(super) login: VaultLogin,
    pub(super) namespace: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) client_certificate: Option<(PathBuf, PathBuf)>,
    pub(super) timeout: Duration,
    pub(super) verify: bool,
}

impl VaultSettings {
    /// A Vault at `address` (`https://HOST:PORT`), with the machine's certificate authorities.
    ///
    /// # Errors
    ///
    /// Where the address is none, or the token can be none.
    pub fn new(address: &str, login: VaultLogin) -> Result<Self, InvalidVaultSettings> {
        let hosts = vec![address_of(address)?];
        let login = match login {
            VaultLogin::Token(mut token) => token_of(std::mem::take(&mut *token))?,
            other => other,
        };
        Ok(Self {
            hosts,
            login,
            namespace: None,
            ca_file: None,
            client_certificate: None,
            timeout: TIMEOUT,
            verify: true,
        })
    }

    /// Another node of the same Vault: asked where those before it cannot be reached, and the only kind of host
    /// that a redirect is followed to.
    ///
    /// # Errors
    ///
    /// Where the address is none.
    pub fn also_at(mut self, address: &str) -> Result<Self, InvalidVaultSettings> {
        let address = address_of(address)?;
        if !self.hosts.contains(&address) {
            self.hosts.push(address);
        }
        Ok(self)
    }

    /// The namespace, which Vault Enterprise and OpenBao have.
    ///
    /// # Errors
    ///
    /// Where it cannot stand in a header.
    pub fn namespace(self, namespace: &str) -> Result<Self, InvalidVaultSettings> {
        match is_header_safe(namespace) {
            true => Ok(Self { namespace: Some(namespace.to_owned()), ..self }),
            false => Err(invalid(format!("the namespace {namespace:?} is none"))),
        }
    }

    /// Believes the certificate authorities of this file (PEM), and no others.
    #[must_use]
    pub fn ca_file(self, path: impl Into<PathBuf>) -> Self {
        Self { ca_file: Some(path.into()), ..self }
    }

    /// Shows this certificate, of this key (PEM both).
    #[must_use]
    pub fn client_certificate(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { client_certificate: Some((chain.into(), key.into())), ..self }
    }

    /// Gives up on a request after so long, all hosts together. 10 s.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// What the environment says, by way of `var`:
    ///
    /// | variable | what |
    /// |---|---|
    /// | `VAULT_ADDR` | `https://127.0.0.1:8200` unless said |
    /// | `VAULT_TOKEN` | a token, where none of the logins below is configured |
    /// | `VAULT_NAMESPACE`, `VAULT_CACERT`, `VAULT_CLIENT_CERT`, `VAULT_CLIENT_KEY` | as for every client |
    /// | `VAULT_CLIENT_TIMEOUT` | seconds, 10 unless said |
    /// | `VAULT_SKIP_VERIFY` | refused where it is true |
    /// | `SADDLEBAG_VAULT_ALSO` | more addresses of the same Vault, between commas |
    /// | `SADDLEBAG_VAULT_TOKEN_FILE` | a file with the token |
    /// | `SADDLEBAG_VAULT_ROLE_ID`, `SADDLEBAG_VAULT_SECRET_ID_FILE` | AppRole |
    /// | `SADDLEBAG_VAULT_KUBERNETES_ROLE`, `SADDLEBAG_VAULT_KUBERNETES_TOKEN_FILE` | Kubernetes; the file is the pod's own unless said |
    /// | `SADDLEBAG_VAULT_AUTH_MOUNT` | where AppRole or Kubernetes is mounted, unless at its own name |
    ///
    /// Where none of them says how to log in, `~/.vault-token` does, as for Vault's own command line.
    ///
    /// # Errors
    ///
    /// [`InvalidVaultSettings`], which names the variable.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidVaultSettings> {
        Self::read(&|name| var(name).filter(|value| !value.is_empty()), false)
    }

    /// The same, with `VAULT_SKIP_VERIFY` obeyed: a Vault whose certificate nobody checks can be anybody, so this
    /// is for `--dev`.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_env_in_dev(
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidVaultSettings> {
        Self::read(&|name| var(name).filter(|value| !value.is_empty()), true)
    }

    fn read(var: &dyn Fn(&str) -> Option<String>, dev: bool) -> Result<Self, InvalidVaultSettings> {
        let address = var("VAULT_ADDR").unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let mut settings =
            Self::new(&address, login_of(var)?).map_err(|error| error.of("VAULT_ADDR"))?;
        for other in var("SADDLEBAG_VAULT_ALSO").iter().flat_map(|list| list.split(',')) {
            settings =
                settings.also_at(other.trim()).map_err(|error| error.of("SADDLEBAG_VAULT_ALSO"))?;
        }
        if let Some(namespace) = var("VAULT_NAMESPACE") {
            settings =
                settings.namespace(&namespace).map_err(|error| error.of("VAULT_NAMESPACE"))?;
        }
        settings.ca_file = var("VAULT_CACERT").map(PathBuf::from);
        settings.client_certificate = match (var("VAULT_CLIENT_CERT"), var("VAULT_CLIENT_KEY")) {
            (Some(chain), Some(key)) => Some((chain.into(), key.into())),
            (None, None) => None,
            _ => {
                return Err(invalid(
                    "VAULT_CLIENT_CERT and VAULT_CLIENT_KEY go together, and one of them is missing",
                ));
            }
        };
        if let Some(seconds) = var("VAULT_CLIENT_TIMEOUT") {
            settings.timeout = timeout_of(&seconds)?;
        }
        settings.verify = match var("VAULT_SKIP_VERIFY").as_deref().map(truth).transpose()? {
            Some(true) if !dev => {
                return Err(invalid(
                    "VAULT_SKIP_VERIFY is set: a Vault whose certificate nobody checks can be anybody; \
                     give its authority in VAULT_CACERT instead",
                ));
            }
            skip => !skip.unwrap_or(false),
        };
        Ok(settings)
    }
}

/// An address of Vault's: a scheme, a host and a port.
fn address_of(text: &str) -> Result<Url, InvalidVaultSettings> {
    let not_one = |why: &str| invalid(format!("{text:?} is no address of a Vault: {why}"));
    let url: Url = text.parse().map_err(|error| not_one(&format!("{error}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(not_one("it begins with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated: what stands there is a secret.
        return Err(invalid("an address of a Vault has no user and no password in it"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err(not_one("nothing follows its host and port"));
    }
    Ok(url)
}

fn login_of(var: &dyn Fn(&str) -> Option<String>) -> Result<VaultLogin, InvalidVaultSettings> {
    let file = var("SADDLEBAG_VAULT_TOKEN_FILE").map(|path| VaultLogin::TokenFile(path.into()));
    let approle = match (var("SADDLEBAG_VAULT_ROLE_ID"), var("SADDLEBAG_VAULT_SECRET_ID_FILE")) {
        (Some(role_id), Some(path)) => Some(VaultLogin::AppRole {
            mount: auth_mount(var, "approle")?,
            role_id,
            secret_id_file: path.into(),
        }),
        (None, None) => None,
        _ => {
            return Err(invalid(
                "SADDLEBAG_VAULT_ROLE_ID and SADDLEBAG_VAULT_SECRET_ID_FILE go together, and one of them is missing",
            ));
        }
    };
    let kubernetes = match var("SADDLEBAG_VAULT_KUBERNETES_ROLE") {
        Some(role) => {
            let path = var("SADDLEBAG_VAULT_KUBERNETES_TOKEN_FILE");
            Some(VaultLogin::Kubernetes {
                mount: auth_mount(var, "kubernetes")?,
                role,
                token_file: path.unwrap_or_else(|| SERVICE_ACCOUNT_TOKEN.to_owned()).into(),
            })
        }
        None => None,
    };
    let mut logins = [file, approle, kubernetes].into_iter().flatten();
    match (logins.next(), logins.next()) {
        (Some(login), None) => Ok(login),
        (Some(one), Some(other)) => Err(invalid(format!(
            "two ways to log in to Vault are configured, {} and {}: choose one",
            one.told(),
            other.told()
        ))),
        (None, _) => match (var("VAULT_TOKEN"), var("HOME")) {
            (Some(token), _) => token_of(token).map_err(|error| error.of("VAULT_TOKEN")),
            (None, Some(home)) => {
                Ok(VaultLogin::TokenFile(PathBuf::from(home).join(".vault-token")))
            }
            (None, None) => Err(invalid("nothing says how to log in to Vault: set VAULT_TOKEN")),
        },
    }
}

fn token_of(token: String) -> Result<VaultLogin, InvalidVaultSettings> {
    let token = Zeroizing::new(token);
    match is_header_safe(&token) {
        true => Ok(VaultLogin::Token(token)),
        // Not repeated: it may be a token but for its last character.
        false => Err(invalid("it is empty, or has characters that no token of Vault's has")),
    }
}

fn auth_mount(
    var: &dyn Fn(&str) -> Option<String>,
    usual: &str,
) -> Result<String, InvalidVaultSettings> {
    let mount = var("SADDLEBAG_VAULT_AUTH_MOUNT").unwrap_or_else(|| usual.to_owned());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    match mount.chars().all(fits) && mount.split('/').all(|part| !matches!(part, "" | "." | "..")) {
        true => Ok(mount),
        false => Err(invalid(format!(
            "SADDLEBAG_VAULT_AUTH_MOUNT: {mount:?} is no mount of a login: approle, say"
        ))),
    }
}

/// Seconds, as a number or with their unit.
fn timeout_of(text: &str) -> Result<Duration, InvalidVaultSettings> {
    match text.strip_suffix('s').unwrap_or(text).parse::<u64>() {
        Ok(seconds @ 1..=300) => Ok(Duration::from_secs(seconds)),
        _ => Err(invalid(format!(
            "VAULT_CLIENT_TIMEOUT: {text:?} is no number of seconds from 1 to 300"
        ))),
    }
}

/// As Vault's own clients read it.
fn truth(text: &str) -> Result<bool, InvalidVaultSettings> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(invalid(format!("VAULT_SKIP_VERIFY: {text:?} is neither true nor false"))),
    }
}

/// Settings that no Vault can be reached with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidVaultSettings(String);

impl InvalidVaultSettings {
    fn of(self, variable: &str) -> Self {
        Self(format!("{variable}: {}", self.0))
    }

    pub(super) fn file(path: &std::path::Path, why: &dyn fmt::Display) -> Self {
        Self(format!("{}: {why}", path.display()))
    }

    pub(super) fn thread(error: std::io::Error) -> Self {
        Self(format!("no thread to talk to Vault: {error}"))
    }

    pub(super) fn client(error: &dyn fmt::Display) -> Self {
        Self(format!("no client to talk to Vault: {error}"))
    }
}

impl fmt::Display for InvalidVaultSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidVaultSettings {}

fn invalid(text: impl Into<String>) -> InvalidVaultSettings {
    InvalidVaultSettings(text.into())
}

const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
