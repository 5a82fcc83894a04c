//! Where a ring is: `--ring`, and how it is read from there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use saddlebag_keys::{FileStore, KeyRing, Store, VaultPlace, VaultSettings, VaultStore};

use super::failure::Failure;

/// The ring that a verb works on.
#[derive(Clone, Debug, Args)]
pub(super) struct RingArgs {
    /// The key ring: file:PATH or vault:MOUNT/PATH
    #[arg(
        long = "ring",
        env = "SADDLEBAG_RING",
        value_name = "RING",
        value_parser = location_parser()
    )]
    pub(super) location: RingLocation,

    /// Takes a ring file that its owner's group may read too
    #[arg(long, env = "SADDLEBAG_ALLOW_GROUP_READ")]
    pub(super) allow_group_read: bool,
}

impl RingArgs {
    /// The store that keeps the ring.
    pub(super) fn store(&self) -> Result<Box<dyn Store>, Failure> {
        self.location.store(self.allow_group_read)
    }

    /// Reads the ring.
    pub(super) fn load(&self) -> Result<KeyRing, Failure> {
        self.store()?.load().map_err(|error| Failure::store(&error, &self.location))
    }
}

/// A place that keeps a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RingLocation {
    /// `file:PATH`.
    File(PathBuf),
    /// `vault:MOUNT/PATH`. Which Vault, and who asks, is said by the environment.
    Vault(VaultPlace),
}

/// What is allowed for once where a ring is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    /// A file that its owner's group may read.
    pub(super) group_read: bool,
    /// A Vault whose certificate is not checked, where the environment says so.
    pub(super) unverified_vault: bool,
    /// A secret of Vault's whose versions began anew.
    pub(super) rollback: bool,
    /// A save where two writers may not notice each other.
    pub(super) unguarded_writes: bool,
}

impl RingLocation {
    /// The place of a file.
    pub(super) fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// Reads `file:PATH` or `vault:MOUNT/PATH`.
    fn parse(text: OsString) -> Result<Self, String> {
        let bytes = text.into_vec();
        if let Some(place) = bytes.strip_prefix(b"vault:") {
            let place = std::str::from_utf8(place).map_err(|error| error.to_string())?;
            return place.parse().map(Self::Vault).map_err(|invalid| format!("{invalid}"));
        }
        match bytes.strip_prefix(b"file:") {
            Some(b"") => Err("the path is missing: file:PATH".to_owned()),
            Some(path) => Ok(Self::File(OsStr::from_bytes(path).into())),
            None => Err("a ring is file:PATH or vault:MOUNT/PATH".to_owned()),
        }
    }

    /// The file, where it is one.
    pub(super) fn file_path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Vault(_) => None,
        }
    }

    /// What the ring is called unless somebody says: the last part of its place.
    pub(super) fn usual_name(&self) -> Option<String> {
        match self {
            Self::File(path) => path.file_stem().map(|stem| stem.to_string_lossy().into_owned()),
            Self::Vault(place) => place.as_str().rsplit('/').next().map(ToOwned::to_owned),
        }
    }

    /// Between two looks at it, unless somebody says. A file costs nothing to look at; Vault is asked by every node.
    pub(super) fn usual_refresh(&self) -> Duration {
        match self {
            Self::File(_) => Duration::from_millis(1_500),
            Self::Vault(_) => Duration::from_secs(60),
        }
    }

    /// What keeps the ring there.
    pub(super) fn store(&self, allow_group_read: bool) -> Result<Box<dyn Store>, Failure> {
        self.open(Opening { group_read: allow_group_read, ..Opening::default() })
    }

    /// The same, with what else is allowed.
    pub(super) fn open(&self, opening: Opening) -> Result<Box<dyn Store>, Failure> {
        let place = match self {
            Self::File(path) => {
                let store = FileStore::new(path);
                let store = if opening.group_read { store.allow_group_read() } else { store };
                return Ok(Box::new(store));
            }
            Self::Vault(place) => place.clone(),
        };
        let var = |name: &str| std::env::var(name).ok();
        let settings = match opening.unverified_vault {
            true => VaultSettings::from_env_in_dev(var),
            false => VaultSettings::from_env(var),
        };
        let store = settings.and_then(|settings| match opening {
            Opening { rollback: true, .. } => VaultStore::allowing_rollback(place, settings),
            Opening { unguarded_writes: true, .. } => {
                VaultStore::allowing_unguarded_writes(place, settings)
            }
            _ => VaultStore::new(place, settings),
        });
        match store {
            Ok(store) => Ok(Box::new(store)),
            Err(invalid) => Err(Failure::usage(
                format!("{self}: {invalid}"),
                "VAULT_ADDR and its family say which Vault, and how to log in: docs/operations.md, Vault",
            )),
        }
    }
}

impl fmt::Display for RingLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Vault(place) => place.fmt(f),
        }
    }
}

pub(super) fn location_parser() -> impl TypedValueParser<Value = RingLocation> {
    OsStringValueParser::new().try_map(RingLocation::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_a_file_or_a_secret_and_says_so() {
        assert_eq!(RingLocation::parse("file:a b".into()), Ok(RingLocation::file("a b")));
        let vault = RingLocation::parse("vault:secret/shop/ring".into()).unwrap();
        assert_eq!(vault.to_string(), "vault:secret/shop/ring");
        assert_eq!(vault.usual_name().as_deref(), Some("ring"));
        for (text, reason) in [
            ("vault:secret", "vault:MOUNT/PATH"),
            ("vault:", "vault:MOUNT/PATH"),
            ("vault:secret/a?b", "'?'"),
            ("file:", "path is missing"),
            ("ring.json", "file:PATH"),
            ("", "file:PATH"),
        ] {
            let refusal = RingLocation::parse(text.into()).unwrap_err();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
    }
}
