//! The highest generation that this node has used of each ring, kept across restarts.
//!
//! A small file a ring in a folder of the node's own: without it a restart would take an older ring,
//! with keys revoked since alive again.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audience::Audience;
use crate::document;
use crate::handle::{NotTaken, not_older};
use crate::ring::KeyRing;

/// A folder of high-water marks (`--state-dir`).
#[derive(Clone, Debug)]
pub struct HighWater {
    folder: PathBuf,
}

/// What is known of a ring that was used before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    ring: String,
    audience: Option<String>,
    pub(crate) generation: u64,
    pub(crate) digest: String,
}

impl Mark {
    pub(crate) fn of(ring: &KeyRing) -> Self {
        Self {
            ring: ring.name().to_owned(),
            audience: ring.scope().map(Audience::to_string),
            generation: ring.generation(),
            digest: BASE64_URL_SAFE_NO_PAD.encode(document::digest(ring)),
        }
    }
}

impl HighWater {
    /// Marks kept in `folder`, which is made when the first is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Whether a node that starts may take `ring`: it has used no newer one.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] where it has, or where its mark cannot be read.
    pub fn admits(&self, ring: &KeyRing) -> Result<(), NotTaken> {
        let mark = Mark::of(ring);
        let known = self.read(&mark);
        let known = known.map_err(|error| NotTaken::HighWater { error: error.to_string() })?;
        match known.filter(|known| known.digest != mark.digest) {
            Some(known) => not_older(known.generation, ring),
            None => Ok(()),
        }
    }

    /// The mark of the ring that `mark` is one of, `None` where it was never used here.
    pub(crate) fn read(&self, mark: &Mark) -> io::Result<Option<Mark>> {
        let path = self.path(mark);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(named(&path, &error)),
        };
        let mark = serde_json::from_slice(&text).map_err(|error| named(&path, &error))?;
        Ok(Some(mark))
    }

    pub(crate) fn write(&self, mark: &Mark) -> io::Result<()> {
        let mut folder = DirBuilder::new();
        let made = folder.recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|error| named(&self.folder, &error))?;
        let path = self.path(mark);
        let text = serde_json::to_vec(mark).map_err(io::Error::other)?;
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error: io::Error| named(&path, &error))
    }

    /// One file a ring: its name and scope hashed, since a name may hold any character.
    fn path(&self, mark: &Mark) -> PathBuf {
        let scope = mark.audience.as_deref().unwrap_or_default();
        let hash = Sha256::new().chain_update(&mark.ring).chain_update("\0").chain_update(scope);
        let short: String =
            BASE64_URL_SAFE_NO_PAD.encode(hash.finalize()).chars().take(16).collect();
        self.folder.join(format!("ring-{short}.json"))
    }
}

fn named(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
