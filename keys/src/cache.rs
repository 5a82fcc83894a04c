//! A copy of the last good ring on a node's own disk, for a start while the source cannot be reached.
//!
//! Off unless asked for: the copy has every secret of the ring in it, on every node that keeps one.

use std::fs::{File, FileTimes};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::UnixTime;
use crate::ring::KeyRing;
use crate::store::{FileStore, Store, StoreError, StoreErrorKind};

/// A file (`--ring-cache`) with the last good ring, kept as a [`FileStore`] keeps a ring. When it was last known to
/// be good is the time of the file's last change.
#[derive(Clone, Debug)]
pub struct RingCache {
    store: FileStore,
}

impl RingCache {
    /// The copy at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { store: FileStore::new(path) }
    }

    /// Writes `ring` where it `changed`, and that it was good at `now`, if that is worth a write.
    pub(crate) fn keep(
        &self,
        ring: &KeyRing,
        now: UnixTime,
        changed: bool,
    ) -> Result<(), StoreError> {
        if !changed && self.kept_at().is_ok_and(|at| now >= at && now.since(at) < WORTH_A_WRITE) {
            return Ok(());
        }
        let known = match self.store.load() {
            Ok(known) => Some(known.generation()),
            Err(error) if matches!(error.kind(), StoreErrorKind::NotFound) => None,
            Err(error) => return Err(error),
        };
        if known != Some(ring.generation()) || changed {
            self.store.save(ring, known)?;
        }
        self.touch(now).map_err(|error| self.error(StoreErrorKind::Write(error)))
    }

    /// The copy, and when it was last known to be good.
    pub(crate) fn read(&self, now: UnixTime) -> Result<(KeyRing, UnixTime), StoreError> {
        let ring = self.store.load()?;
        let kept_at = self.kept_at().map_err(|error| self.error(StoreErrorKind::Read(error)))?;
        // A file from the future makes no node issue for longer.
        Ok((ring, kept_at.min(now)))
    }

    fn touch(&self, now: UnixTime) -> std::io::Result<()> {
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(now.as_secs()));
        let at = at.ok_or_else(|| std::io::Error::other("no time for a file"))?;
        File::options()
            .append(true)
            .open(self.store.path())?
            .set_times(FileTimes::new().set_modified(at))
    }

    fn kept_at(&self) -> std::io::Result<UnixTime> {
        let modified = std::fs::metadata(self.store.path())?.modified()?;
        let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(UnixTime::from_secs(since_epoch.as_secs()))
    }

    fn error(&self, kind: StoreErrorKind) -> StoreError {
        StoreError::new(self.store.location(), kind)
    }
}

/// Seconds.
const WORTH_A_WRITE: u64 = 30;
