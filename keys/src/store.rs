//! Where a ring is kept: load it, and save the next generation by compare-and-swap.

mod file;
mod memory;
#[cfg(feature = "vault")]
mod vault;

use std::fmt;
use std::path::PathBuf;

use crate::document::InvalidDocument;
use crate::ring::KeyRing;

pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(feature = "vault")]
pub use vault::{
    InvalidVaultPlace, InvalidVaultSettings, VaultLogin, VaultPlace, VaultSettings, VaultStore,
};

/// A place that keeps one ring.
///
/// Both calls may block (they read files, later networks): verification never makes them, only the
/// [watch](crate::Watch) and the verbs that change a ring do.
pub trait Store: Send + Sync + 'static {
    /// Reads the ring.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where there is none, it cannot be read, or it is not a ring.
    fn load(&self) -> Result<KeyRing, StoreError>;

    /// What a watch asks, again and again: the ring, in whichever way costs the store least. `None` where the
    /// store can tell that what it sees is older than what it gave before, which is no news: a node of a
    /// replicated store that lags behind, say.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    fn look(&self) -> Result<Option<KeyRing>, StoreError> {
        self.load().map(Some)
    }

    /// Saves `ring` if the store still holds generation `expected`; `None` where it must hold nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; a [conflict](StoreError::conflict) where somebody else wrote first. Whatever
    /// happens, the store holds the old ring or the new one, whole.
    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError>;

    /// The place, as `--ring` takes it.
    fn location(&self) -> String;

    /// The folder whose changes tell that the ring may have changed, where there is one.
    fn folder(&self) -> Option<PathBuf> {
        None
    }
}

/// A store chosen while the program runs.
impl Store for Box<dyn Store> {
    fn load(&self) -> Result<KeyRing, StoreError> {
        (**self).load()
    }

    fn look(&self) -> Result<Option<KeyRing>, StoreError> {
        (**self).look()
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        (**self).save(ring, expected)
    }

    fn location(&self) -> String {
        (**self).location()
    }

    fn folder(&self) -> Option<PathBuf> {
        (**self).folder()
    }
}

/// A store that could not give or take a ring.
#[derive(Debug)]
pub struct StoreError {
    location: String,
    kind: StoreErrorKind,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// There is no ring.
    NotFound,
    /// What is there must not be read: its owner, its mode, its kind, its size.
    Unsafe(String),
    /// What is there is no ring.
    Invalid(InvalidDocument),
    /// Somebody else wrote first.
    Conflict {
        /// The generation that is there, `None` where there is none any more.
        found: Option<u64>,
    },
    /// It cannot be reached, does not answer in time, or answers nonsense.
    Unavailable(String),
    /// Who asks may not.
    Denied(String),
    /// What was there was taken back: deleted, destroyed, or begun anew.
    Withdrawn(String),
    /// The place cannot tell whether somebody else writes at the same time.
    Unguarded(String),
    /// It could not be read.
    Read(std::io::Error),
    /// It could not be written.
    Write(std::io::Error),
}

impl StoreError {
    /// An error of the store at `location`; its text must hold no secret.
    pub fn new(location: impl Into<String>, kind: StoreErrorKind) -> Self {
        Self { location: location.into(), kind }
    }

    /// What went wrong.
    pub fn kind(&self) -> &StoreErrorKind {
        &self.kind
    }

    /// The generation that won, where somebody else wrote first (`Some(None)`: the ring is gone).
    pub fn conflict(&self) -> Option<Option<u64>> {
        match self.kind {
            StoreErrorKind::Conflict { found } => Some(found),
            _ => None,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.kind)
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no ring"),
            Self::Unsafe(reason)
            | Self::Unavailable(reason)
            | Self::Denied(reason)
            | Self::Withdrawn(reason)
            | Self::Unguarded(reason) => f.write_str(reason),
            Self::Invalid(invalid) => write!(f, "not a ring: {invalid}"),
            Self::Conflict { found: Some(found) } => {
                write!(f, "somebody else wrote first: generation {found} is there")
            }
            Self::Conflict { found: None } => {
                f.write_str("somebody else wrote first: the ring is gone")
            }
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Write(error) => write!(f, "cannot be written: {error}"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            StoreErrorKind::Invalid(invalid) => Some(invalid),
            StoreErrorKind::Read(error) | StoreErrorKind::Write(error) => Some(error),
            _ => None,
        }
    }
}
