//! The highest generation that this node has used of each ring, kept across restarts.
//!
//! A small file a ring in a folder of the node's own: without it a restart would take an older ring,
//! with keys revoked since alive again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audience::Audience;
use crate::document;
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
        // Two processes in two containers may well have one id.
        let unique = SysRng.try_next_u64().map_err(io::Error::other)?;
        let temporary = path.with_extension(format!("tmp-{unique:016x}"));
        let text = serde_json::to_vec(mark).map_err(io::Error::other)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let write = || {
            let mut file = options.open(&temporary)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| {
            let _ = fs::remove_file(&temporary);
            named(&path, &error)
        })
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
