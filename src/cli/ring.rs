//! Where a ring is: `--ring`, and how it is read from there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use saddlebag_keys::{FileStore, KeyRing, Store};

use super::failure::Failure;

/// The ring that a verb works on.
#[derive(Clone, Debug, Args)]
pub(super) struct RingArgs {
    /// The key ring: file:PATH
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
pub(super) struct RingLocation(PathBuf);

impl RingLocation {
    /// The place of a file.
    pub(super) fn file(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Reads `file:PATH`.
    fn parse(text: OsString) -> Result<Self, String> {
        let bytes = text.into_vec();
        if bytes.starts_with(b"vault:") {
            return Err("this build has no Vault: keep the ring in a file, file:PATH".to_owned());
        }
        match bytes.strip_prefix(b"file:") {
            Some(b"") => Err("the path is missing: file:PATH".to_owned()),
            Some(path) => Ok(Self(OsStr::from_bytes(path).into())),
            None => Err("a ring is file:PATH".to_owned()),
        }
    }

    /// The file, where it is one.
    pub(super) fn file_path(&self) -> Option<&Path> {
        Some(&self.0)
    }

    /// What keeps the ring there.
    pub(super) fn store(&self, allow_group_read: bool) -> Result<Box<dyn Store>, Failure> {
        let store = FileStore::new(&self.0);
        Ok(Box::new(if allow_group_read { store.allow_group_read() } else { store }))
    }
}

impl fmt::Display for RingLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "file:{}", self.0.display())
    }
}

pub(super) fn location_parser() -> impl TypedValueParser<Value = RingLocation> {
    OsStringValueParser::new().try_map(RingLocation::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_a_file_and_says_so() {
        assert_eq!(RingLocation::parse("file:a b".into()), Ok(RingLocation::file("a b")));
        for (text, reason) in [
            ("vault:secret/ring", "no Vault"),
            ("file:", "path is missing"),
            ("ring.json", "file:PATH"),
            ("", "file:PATH"),
        ] {
            let refusal = RingLocation::parse(text.into()).unwrap_err();
            assert!(refusal.contains(reason), "{text}: {refusal}");
        }
    }
}
