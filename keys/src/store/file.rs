//! A ring in a file: read only where nobody else can have written it, replaced only whole.

mod open;
mod replace;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, StoreErrorKind};
use crate::document;
use crate::ring::KeyRing;

/// Keeps a ring in one file, with a lock file beside it (`.NAME.lock`).
///
/// A file is read where it belongs to root or to this user, gives others no access and the group no
/// write (and no read, unless root owns it or the store [allows it](Self::allow_group_read)), and is
/// reached without leaving its folder. It is written with mode 0600 under another name in the same
/// folder, synced, and renamed.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
    group_may_read: bool,
}

impl FileStore {
    /// The store at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), group_may_read: false }
    }

    /// Reads a file that its owner's group may read too.
    #[must_use]
    pub fn allow_group_read(self) -> Self {
        Self { group_may_read: true, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, kind: StoreErrorKind) -> StoreError {
        StoreError::new(self.location(), kind)
    }

    /// The folder and the name in it, made absolute by nothing but the current folder.
    fn parts(&self) -> Result<(&Path, &Path), StoreError> {
        let invalid =
            || self.error(StoreErrorKind::Unsafe("the path does not name a file".to_owned()));
        let name = self.path.file_name().ok_or_else(invalid)?;
        let folder = match self.path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) => folder,
            None => return Err(invalid()),
        };
        Ok((folder, Path::new(name)))
    }

    fn read_error(&self, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::NotFound => self.error(StoreErrorKind::NotFound),
            _ => self.error(StoreErrorKind::Read(error)),
        }
    }
}

impl Store for FileStore {
    fn load(&self) -> Result<KeyRing, StoreError> {
        let (folder, name) = self.parts()?;
        let text = match open::read(folder, name, self.group_may_read) {
            Ok(text) => text,
            Err(open::Failed::Unsafe(reason)) => {
                return Err(self.error(StoreErrorKind::Unsafe(reason)));
            }
            Err(open::Failed::Io(error)) => return Err(self.read_error(error)),
        };
        document::parse(&text).map_err(|invalid| self.error(StoreErrorKind::Invalid(invalid)))
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        let (folder, name) = self.parts()?;
        // Before the lock, which a mount that can only be read would refuse with less to go by.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.is_symlink()) {
            let reason =
                "it is a symbolic link, a mounted ring: change it at its source".to_owned();
            return Err(self.error(StoreErrorKind::Unsafe(reason)));
        }
        let write_error = |error| self.error(StoreErrorKind::Write(error));
        let _lock = replace::lock(folder, name).map_err(write_error)?;
        let found = match self.load() {
            Ok(found) => Some(found.generation()),
            Err(error) if matches!(error.kind, StoreErrorKind::NotFound) => None,
            Err(error) => return Err(error),
        };
        if found != expected {
            return Err(self.error(StoreErrorKind::Conflict { found }));
        }
        let written = replace::replace(folder, name, &document::to_json(ring), expected.is_none());
        match written {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let found = Some(self.load()?.generation());
                Err(self.error(StoreErrorKind::Conflict { found }))
            }
            other => other.map_err(write_error),
        }
    }

    fn location(&self) -> String {
        format!("file:{}", self.path.display())
    }

    fn folder(&self) -> Option<PathBuf> {
        self.parts().ok().map(|(folder, _)| folder.to_owned())
    }
}
