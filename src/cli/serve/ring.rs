//! The ring that a server reads: from where, how often, and with which copy.

use std::path::PathBuf;
use std::time::Duration;

use saddlebag_keys::{HighWater, KeyRingHandle, RingCache, Store, Watch, WatchError, WatchOptions};

use super::Serve;
use crate::cli::failure::Failure;
use crate::cli::ring::{Opening, RingLocation};

impl Serve {
    /// A handle that is kept fresh. A ring that cannot be read yet is waited for: the service is not
    /// ready until then, and says so.
    pub(super) fn watch(
        &self,
        place: &RingLocation,
        cache: Option<&PathBuf>,
    ) -> Result<KeyRingHandle, Failure> {
        let refresh_every = self.refresh_every.map(Duration::from);
        if refresh_every.is_some_and(|pause| pause.is_zero()) {
            return Err(Failure::usage(
                "--refresh-every 0s: the ring's source is looked at every second at most",
                "say a second or more",
            ));
        }
        if let (Some(cache), Some(_)) = (cache, place.file_path()) {
            return Err(Failure::usage(
                format!("--ring-cache {}: {place} is on this machine already", cache.display()),
                "leave it out: a copy is for a ring in Vault",
            ));
        }
        let options = WatchOptions {
            refresh_every: refresh_every.unwrap_or_else(|| place.usual_refresh()),
            cache: cache.map(RingCache::new),
            stale_after: self.stale_after.map(|span| span.0),
            high_water: self.state_dir.clone().map(HighWater::new),
            allow_rollback: self.allow_rollback,
        };
        if self.state_dir.is_none() && !self.dev {
            tracing::warn!(
                "without --state-dir a restart takes an older ring than the one used before"
            );
        }
        let (handle, first) = Watch::new(self.open(place)?, options).start_waiting();
        // What went wrong is in the log already, and in /readyz; what to do about it is not.
        if let Err(WatchError::Store(error)) = &first {
            let help = Failure::store(error, place);
            tracing::error!(ring = %place, "the ring is waited for; help: {}", help.help());
        }
        Ok(handle)
    }

    /// The store of a ring, with what this server's flags allow.
    pub(super) fn open(&self, place: &RingLocation) -> Result<Box<dyn Store>, Failure> {
        place.open(Opening {
            group_read: self.allow_group_read,
            unverified_vault: self.dev,
            rollback: self.allow_rollback,
            unguarded_writes: false,
        })
    }
}
