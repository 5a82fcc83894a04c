//! How a store proves to Vault who it is.

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// How to get a token of Vault's.
///
/// Secrets are redacted in `Debug` and wiped when dropped. What is read from files is read again at each login,
/// so that files may be replaced.
#[derive(Clone)]
#[non_exhaustive]
pub enum VaultLogin {
    /// A token that somebody made. It is renewed while Vault lets it be; after its end there is no other.
    Token(Zeroizing<String>),
    /// A file that holds the token, kept fresh by somebody else: Vault Agent, say.
    TokenFile(PathBuf),
    /// AppRole: the role's id, and a file with the secret id.
    AppRole {
        /// Where the method is mounted: `approle`.
        mount: String,
        /// The role's id.
        role_id: String,
        /// The file with the secret id.
        secret_id_file: PathBuf,
    },
    /// Kubernetes: the service account's token, which the kubelet keeps fresh.
    Kubernetes {
        /// Where the method is mounted: `kubernetes`.
        mount: String,
        /// The role.
        role: String,
        /// The file with the service account's token.
        token_file: PathBuf,
    },
}

impl VaultLogin {
    /// What to look at where Vault does not take it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Token(_) => "the token that was given (VAULT_TOKEN)".to_owned(),
            Self::TokenFile(path) => format!("the token in {}", path.display()),
            Self::AppRole { mount, .. } => format!("the AppRole login at auth/{mount}"),
            Self::Kubernetes { mount, role, .. } => {
                format!("the Kubernetes login at auth/{mount} as {role}")
            }
        }
    }
}

impl fmt::Debug for VaultLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VaultLogin({})", self.told())
    }
}

/// A secret in a file, without the line's end.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, String> {
    let named = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| named(&error))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if !is_header_safe(secret) {
        return Err(named(&"it does not hold a secret of one line"));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

/// Whether a token, or a namespace, can stand in a header.
pub(super) fn is_header_safe(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
