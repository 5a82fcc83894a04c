//! Keeps a handle fresh: a thread that reads the store when its folder changes, when a while has
//! passed, and when somebody met an unknown key. The last good ring survives any failure.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::cache::RingCache;
use crate::clock::{Clock, SystemClock};
use crate::handle::{KeyRingHandle, NotTaken, Source};
use crate::high_water::HighWater;
use crate::ring::KeyRing;
use crate::store::{Store, StoreError};

/// How a ring is watched.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// The time between two looks at the source, up to a fifth more or less at random. 1.5 s, which suits a file;
    /// 60 s suits Vault. While looks fail they come sooner at first: after 1 s, 2 s, 4 s and so on up to this.
    pub refresh_every: Duration,
    /// After how many seconds without a good look a node stops issuing; at most, and by default, the
    /// ring's `publish_ahead`.
    pub stale_after: Option<u64>,
    /// Where the highest generation used is kept across restarts; `None`: in memory only.
    pub high_water: Option<HighWater>,
    /// Takes an older ring too. For a restore from backup, and not for longer.
    pub allow_rollback: bool,
    /// A copy of the last good ring, for a start while the source cannot be reached. Whoever reads it has every
    /// secret in it.
    pub cache: Option<RingCache>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_millis(1_500),
            stale_after: None,
            high_water: None,
            allow_rollback: false,
            cache: None,
        }
    }
}

/// A ring's source, before it is watched.
///
/// The watch ends when the last clone of the handle it feeds is dropped.
pub struct Watch {
    store: Arc<dyn Store>,
    options: WatchOptions,
    clock: Arc<dyn Clock>,
}

impl Watch {
    /// Watches `store` by the machine's clock.
    pub fn new(store: impl Store, options: WatchOptions) -> Self {
        Self::with_clock(store, options, SystemClock)
    }

    /// Watches `store` by another clock, which says when a check was; pauses are real ones.
    pub fn with_clock(store: impl Store, options: WatchOptions, clock: impl Clock) -> Self {
        Self { store: Arc::new(store), options, clock: Arc::new(clock) }
    }

    /// Reads the ring, then goes on watching it.
    ///
    /// # Errors
    ///
    /// Where the first look gives no ring.
    pub fn start(self) -> Result<KeyRingHandle, WatchError> {
        let (handle, first) = self.start_waiting();
        first.map(|()| handle)
    }

    /// Watches a ring that may not be there yet: until it is, the handle is empty, and a service is not
    /// ready. Says how the first look went.
    pub fn start_waiting(self) -> (KeyRingHandle, Result<(), WatchError>) {
        let (wake, woken) = sync_channel(1);
        let WatchOptions { stale_after, high_water, allow_rollback, .. } = self.options.clone();
        let source = Source::new(wake.clone(), stale_after, high_water, allow_rollback);
        let handle = KeyRingHandle::fed_by(source);
        // Before the first look, so that no change between the two is missed.
        let notices = Notices::new(self.store.folder(), wake);
        let first = self.refresh(&handle);
        if first.is_err() {
            self.begin_with_cache(&handle);
        }
        let mut failed = u32::from(first.is_err());
        let first_issues = handle.may_issue(self.clock.now());
        let shared = handle.downgrade();
        let started = thread::Builder::new().name("saddlebag-watch".into()).spawn(move || {
            let mut notices = notices;
            let mut issues = first_issues;
            loop {
                // A folder that is watched anew may have changed just before it was.
                if !notices.arm() {
                    self.pause(&woken, failed);
                }
                let Some(handle) = KeyRingHandle::upgrade(&shared) else {
                    return;
                };
                // Reported where it changes; the handle keeps it.
                failed = match self.refresh(&handle) {
                    Ok(()) => 0,
                    Err(_) => failed.saturating_add(1),
                };
                issues = self.tell_of_issuing(&handle, issues);
            }
        });
        if let Err(error) = started {
            return (handle, Err(WatchError::Thread(error)));
        }
        (handle, first)
    }

    fn refresh(&self, handle: &KeyRingHandle) -> Result<(), WatchError> {
        let error = match self.store.look() {
            // Behind what is in use: neither a failure, nor a look that keeps a node issuing.
            Ok(None) => {
                tracing::debug!("the source is behind what it showed before");
                return Ok(());
            }
            Ok(Some(ring)) => {
                let facts = (ring.name().to_owned(), ring.generation());
                self.warn_of_slow_refresh(&ring, handle);
                match handle.offer(ring, self.clock.now()) {
                    Ok(false) => {
                        self.keep_copy(handle, false);
                        return Ok(());
                    }
                    Ok(true) => {
                        self.keep_copy(handle, true);
                        tracing::info!(ring = facts.0, generation = facts.1, "ring taken");
                        return Ok(());
                    }
                    Err(reason) => WatchError::NotTaken(self.store.location(), reason),
                }
            }
            Err(error) => WatchError::Store(error),
        };
        if handle.failed(error.to_string()) {
            match *handle.load() {
                Some(_) => {
                    tracing::error!(%error, "the ring was not refreshed; the last good one stays in use")
                }
                None => tracing::error!(%error, "there is no ring yet"),
            }
        }
        Err(error)
    }

    /// Keeps the copy as new as the ring that is held, and says in it that this is so.
    fn keep_copy(&self, handle: &KeyRingHandle, changed: bool) {
        if let Some(cache) = &self.options.cache
            && let Some(ring) = &*handle.load()
            && let Err(error) = cache.keep(ring, self.clock.now(), changed)
        {
            tracing::warn!(%error, "the ring's copy was not written");
        }
    }

    /// A node whose source cannot be reached begins with the copy, as old as that is.
    fn begin_with_cache(&self, handle: &KeyRingHandle) {
        let Some(cache) = &self.options.cache else { return };
        match cache.read(self.clock.now()) {
            Ok((ring, checked_at)) => {
                let generation = ring.generation();
                match handle.offer_copy(ring, checked_at, self.clock.now()) {
                    Ok(()) => tracing::warn!(
                        generation, %checked_at,
                        "the ring's source cannot be read: its copy is in use"
                    ),
                    Err(reason) => tracing::error!(%reason, "the ring's copy was not taken"),
                }
            }
            Err(error) => tracing::error!(%error, "the ring's copy cannot be read either"),
        }
    }

    /// Says so where a node stops issuing, or begins to.
    fn tell_of_issuing(&self, handle: &KeyRingHandle, before: bool) -> bool {
        let issues = handle.may_issue(self.clock.now());
        match (before, issues) {
            (true, false) => {
                tracing::error!("the ring is stale: nothing is issued until it is read again")
            }
            (false, true) => tracing::info!("the ring is fresh: tokens are issued"),
            _ => {}
        }
        issues
    }

    /// A key must reach every node before it issues.
    fn warn_of_slow_refresh(&self, ring: &KeyRing, handle: &KeyRingHandle) {
        let policy = ring.policy();
        let needed = self.options.refresh_every.as_secs_f64() * 2.0 + policy.clock_skew as f64;
        if handle.load().is_none() && (policy.publish_ahead as f64) < needed {
            tracing::warn!(
                publish_ahead = policy.publish_ahead,
                needed,
                "publish_ahead is below twice the refresh interval and clock_skew: a key may issue \
                 before every node knows it"
            );
        }
    }

    /// Waits for a notice or for the next look, whichever is first.
    fn pause(&self, woken: &Receiver<()>, failed: u32) {
        let pause = pause_after(self.options.refresh_every, failed);
        // So that a thousand nodes that started together do not ask together.
        let random = SysRng.try_next_u64().unwrap_or(0);
        match woken.recv_timeout(spread(pause, random)) {
            Ok(()) => {
                // One save is several notices, and others may write to the folder all the time.
                thread::sleep(SETTLE);
                while woken.try_recv().is_ok() {}
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The handle and the notices are gone; the loop sees the former and ends.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("store", &self.store.location()).finish_non_exhaustive()
    }
}

/// A ring could not be read for the first time.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchError {
    /// The store gave none.
    Store(StoreError),
    /// The store at this place gave one that must not be used here.
    NotTaken(String, NotTaken),
    /// No thread could be started.
    Thread(std::io::Error),
}

impl std::fmt::Display for WatchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::NotTaken(location, reason) => write!(f, "{location}: {reason}"),
            Self::Thread(error) => write!(f, "no thread to watch the ring: {error}"),
        }
    }
}

impl std::error::Error for WatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => error.source(),
            Self::NotTaken(_, reason) => Some(reason),
            Self::Thread(error) => Some(error),
        }
    }
}

/// Notices of changes in the ring's folder. A Kubernetes mount swaps a link there; an editor renames.
/// Where notices cannot be had, looking often enough does it.
struct Notices {
    folder: Option<std::path::PathBuf>,
    wake: SyncSender<()>,
    watcher: Option<(RecommendedWatcher, FolderId)>,
    /// Something happened to the folder itself: what watches it may watch nothing any more, and a
    /// folder made in its place may well have its inode number.
    disturbed: Arc<AtomicBool>,
}

/// Tells a folder from another one that has taken its name.
type FolderId = Option<(u64, u64)>;

impl Notices {
    fn new(folder: Option<std::path::PathBuf>, wake: SyncSender<()>) -> Self {
        let mut notices = Self { folder, wake, watcher: None, disturbed: Arc::default() };
        notices.arm();
        notices
    }

    /// Watches the folder, again where it was replaced. Says whether it is watched anew.
    fn arm(&mut self) -> bool {
        let Some(folder) = &self.folder else {
            return false;
        };
        let disturbed = self.disturbed.swap(false, Ordering::AcqRel);
        let id = folder_id(folder);
        if id.is_none() {
            self.watcher = None;
            return false;
        }
        let watched = self.watcher.as_ref().map(|(_, watched)| *watched);
        if watched == Some(id) && !disturbed {
            return false;
        }
        let wake = self.wake.clone();
        let disturbed = Arc::clone(&self.disturbed);
        // As the notices name it.
        let itself = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too, and would have the watch chase its own reads.
            if event.as_ref().is_ok_and(|event| event.kind.is_access()) {
                return;
            }
            if event.map_or(true, |event| event.paths.contains(&itself)) {
                disturbed.store(true, Ordering::Release);
            }
            let _ = wake.try_send(());
        });
        self.watcher = watcher
            .and_then(|mut watcher| {
                watcher.watch(folder, RecursiveMode::NonRecursive)?;
                Ok((watcher, id))
            })
            .inspect_err(|error| tracing::debug!(%error, "no notices of changes; looking instead"))
            .ok();
        self.watcher.is_some()
    }
}

/// The pause before the next look, after so many that failed one after the other.
fn pause_after(refresh_every: Duration, failed: u32) -> Duration {
    let pause = match failed.checked_sub(1) {
        None => refresh_every,
        Some(more) => {
            let factor = 1_u32.checked_shl(more).unwrap_or(u32::MAX);
            refresh_every.min(FIRST_RETRY.saturating_mul(factor))
        }
    };
    pause.max(SHORTEST_PAUSE)
}

/// `pause`, up to a fifth more or less.
fn spread(pause: Duration, random: u64) -> Duration {
    let parts = u32::try_from(random.checked_rem(401).unwrap_or(200)).unwrap_or(200);
    pause.checked_div(1_000).unwrap_or(pause).saturating_mul(parts.saturating_add(800))
}

fn folder_id(folder: &Path) -> FolderId {
    use std::os::unix::fs::MetadataExt;
    let facts = std::fs::metadata(folder).ok()?;
    Some((facts.dev(), facts.ino()))
}

/// From a look that failed to the next.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// However often somebody asks for it, the watch must not spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// From a notice to the look it causes.
const SETTLE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_fail_come_again_soon_and_then_seldom() {
        let minute = Duration::from_secs(60);
        let pauses: Vec<_> = (0..8).map(|failed| pause_after(minute, failed).as_secs()).collect();
        assert_eq!(pauses, [60, 1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(pause_after(minute, u32::MAX), minute);
        let short = Duration::from_millis(1_500);
        assert_eq!(
            [0, 1, 2, 9].map(|failed| pause_after(short, failed).as_millis()),
            [1_500, 1_000, 1_500, 1_500]
        );
        assert_eq!(pause_after(Duration::ZERO, 0), SHORTEST_PAUSE);
    }

    #[test]
    fn a_pause_is_a_fifth_more_or_less() {
        let minute = Duration::from_secs(60);
        let spreads: Vec<_> = (0..401).map(|random| spread(minute, random)).collect();
        assert_eq!(spreads.iter().min(), Some(&Duration::from_secs(48)));
        assert_eq!(spreads.iter().max(), Some(&Duration::from_secs(72)));
    }
}
