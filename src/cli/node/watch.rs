//! The ring that a node reads: from where, how often, and with which copy.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use saddlebag_keys::{HighWater, KeyRingHandle, RingCache, Store, Watch, WatchError, WatchOptions};

use crate::cli::duration::Duration as Span;
use crate::cli::failure::Failure;
use crate::cli::ring::{Opening, RingLocation};

/// How a node reads its ring.
#[derive(Debug, Args)]
pub(in crate::cli) struct WatchArgs {
    /// Where the highest generation used is kept, so that no restart takes an older ring
    #[arg(long, env = "SADDLEBAG_STATE_DIR", value_name = "DIR")]
    pub(in crate::cli) state_dir: Option<PathBuf>,

    /// Takes an older ring than the one used before: after a restore from backup, and not for longer
    #[arg(long)]
    pub(in crate::cli) allow_rollback: bool,

    /// Takes ring files that their owner's group may read too
    #[arg(long, env = "SADDLEBAG_ALLOW_GROUP_READ")]
    pub(in crate::cli) allow_group_read: bool,

    /// Looks at the ring's source so often, a fifth more or less [default: 1.5 s for a file, 60s for Vault]
    #[arg(long, env = "SADDLEBAG_REFRESH_EVERY", value_name = "DURATION")]
    refresh_every: Option<Span>,

    /// Keeps a copy of the ring, all its secrets in it, to start with while Vault cannot be reached
    #[arg(long, env = "SADDLEBAG_RING_CACHE", value_name = "FILE")]
    pub(in crate::cli) ring_cache: Option<PathBuf>,

    /// Stops issuing so long after the last good look at the ring [default: its publish_ahead]
    #[arg(long, env = "SADDLEBAG_STALE_AFTER", value_name = "DURATION")]
    pub(in crate::cli) stale_after: Option<Span>,
}

impl WatchArgs {
    /// A handle that is kept fresh. A ring that cannot be read yet is waited for: the node is not ready until then, and
    /// says so. `dev`: a node to try things on, which keeps nothing.
    pub(in crate::cli) fn watch(
        &self,
        place: &RingLocation,
        cache: Option<&PathBuf>,
        dev: bool,
    ) -> Result<KeyRingHandle, Failure> {
        if let Some(failure) = self.misplaced(place, cache) {
            return Err(failure);
        }
        let refresh_every = self.refresh_every.map(Duration::from);
        let options = WatchOptions {
            refresh_every: refresh_every.unwrap_or_else(|| place.usual_refresh()),
            cache: cache.map(RingCache::new),
            stale_after: self.stale_after.map(|span| span.0),
            high_water: self.state_dir.clone().map(HighWater::new),
            allow_rollback: self.allow_rollback,
        };
        if self.state_dir.is_none() && !dev {
            tracing::warn!(
                "without --state-dir a restart takes an older ring than the one used before"
            );
        }
        let (handle, first) = Watch::new(self.open(place, dev)?, options).start_waiting();
        // What went wrong is in the log already, and in /readyz; what to do about it is not.
        if let Err(WatchError::Store(error)) = &first {
            let help = Failure::store(error, place);
            tracing::error!(ring = %place, "the ring is waited for; help: {}", help.help());
        }
        Ok(handle)
    }

    /// Flags that do not go with each other, or with this ring.
    pub(in crate::cli) fn misplaced(
        &self,
        place: &RingLocation,
        cache: Option<&PathBuf>,
    ) -> Option<Failure> {
        if self.refresh_every.is_some_and(|pause| pause.0 == 0) {
            return Some(Failure::usage(
                "--refresh-every 0s: the ring's source is looked at every second at most",
                "say a second or more",
            ));
        }
        let (cache, _) = cache.zip(place.file_path())?;
        Some(Failure::usage(
            format!("--ring-cache {}: {place} is on this machine already", cache.display()),
            "leave it out: a copy is for a ring in Vault",
        ))
    }

    /// The store of a ring, with what this node's flags allow.
    pub(in crate::cli) fn open(
        &self,
        place: &RingLocation,
        dev: bool,
    ) -> Result<Box<dyn Store>, Failure> {
        place.open(Opening {
            group_read: self.allow_group_read,
            unverified_vault: dev,
            rollback: self.allow_rollback,
            unguarded_writes: false,
        })
    }
}
