//! What readers hold: a cheap clone of one ring that is swapped atomically when a newer one comes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use arc_swap::{ArcSwapOption, Guard};

use crate::clock::{self, UnixTime};
use crate::document;
use crate::high_water::{HighWater, Mark};
use crate::ring::KeyRing;

/// A ring as its readers see it. Clones share it; reading never blocks, and a swap is one atomic store.
#[derive(Clone)]
pub struct KeyRingHandle {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    ring: ArcSwapOption<KeyRing>,
    version: AtomicU64,
    /// `None`: nobody refreshes this ring, and it does not go stale.
    source: Option<Source>,
}

/// What a handle knows of the watch that feeds it.
pub(crate) struct Source {
    pub(crate) wake: SyncSender<()>,
    /// Seconds; `u64::MAX` stands for the policy's `publish_ahead`.
    pub(crate) stale_after: u64,
    pub(crate) high_water: Option<HighWater>,
    pub(crate) allow_rollback: bool,
    /// The last check that read a valid ring of the generation held or a higher one; 0: none yet.
    checked_at: AtomicU64,
    /// The same by the clock that nobody sets: a wall clock set back must not keep a node issuing.
    checked_uptime: AtomicU64,
    /// The last refresh that an unknown key id asked for.
    asked_at: AtomicU64,
    /// The ring held has not been marked: the disk was full, say.
    unmarked: AtomicBool,
    failures: AtomicU64,
    last_error: ArcSwapOption<String>,
}

impl Source {
    pub(crate) fn new(
        wake: SyncSender<()>,
        stale_after: Option<u64>,
        high_water: Option<HighWater>,
        allow_rollback: bool,
    ) -> Self {
        Self {
            wake,
            stale_after: stale_after.unwrap_or(u64::MAX),
            high_water,
            allow_rollback,
            checked_at: AtomicU64::new(0),
            checked_uptime: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
            unmarked: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            last_error: ArcSwapOption::empty(),
        }
    }

    /// Seconds without a good look after which nothing is issued under `ring`.
    fn stale_after(&self, ring: &KeyRing) -> u64 {
        self.stale_after.min(ring.policy().publish_ahead)
    }

    /// Writes the high-water mark. One that cannot be written does not keep a newer ring out, with
    /// the revocations in it; the next check tries again.
    fn mark(&self, mark: &Mark) {
        let Some(high_water) = &self.high_water else {
            return;
        };
        let written = high_water.write(mark);
        let was_unmarked = self.unmarked.swap(written.is_err(), Ordering::Relaxed);
        if let Err(error) = written
            && !was_unmarked
        {
            tracing::warn!(%error, "the high-water mark of the ring could not be written");
        }
    }
}

/// The watch, which may be in a long pause, ends with the last handle.
impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.wake.try_send(());
    }
}

impl KeyRingHandle {
    /// A ring that nobody refreshes: for tests, and for programs that make a new handle themselves.
    pub fn fixed(ring: KeyRing) -> Self {
        let ring = ArcSwapOption::from_pointee(ring);
        Self { shared: Arc::new(Shared { ring, version: AtomicU64::new(0), source: None }) }
    }

    pub(crate) fn fed_by(source: Source) -> Self {
        let ring = ArcSwapOption::empty();
        Self { shared: Arc::new(Shared { ring, version: AtomicU64::new(0), source: Some(source) }) }
    }

    pub(crate) fn downgrade(&self) -> std::sync::Weak<Shared> {
        Arc::downgrade(&self.shared)
    }

    pub(crate) fn upgrade(shared: &std::sync::Weak<Shared>) -> Option<Self> {
        shared.upgrade().map(|shared| Self { shared })
    }

    /// The ring, for the moment: takes no lock and counts no reference. `None` before the first ring.
    pub fn load(&self) -> Guard<Option<Arc<KeyRing>>> {
        self.shared.ring.load()
    }

    /// The ring, to keep. `None` before the first one.
    pub fn ring(&self) -> Option<Arc<KeyRing>> {
        self.shared.ring.load_full()
    }

    /// Goes up after every ring that is taken. Cheaper to look at than the ring: what was made of a ring
    /// that was loaded after this number was read is current for as long as the number is the same.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// Whether a node may issue at `now`: its source was read within `stale_after`, which is at most the
    /// ring's `publish_ahead`. Verification goes on regardless.
    pub fn may_issue(&self, now: UnixTime) -> bool {
        self.load().as_ref().is_some_and(|ring| self.may_issue_under(ring, now))
    }

    /// [`may_issue`](Self::may_issue) under a ring of this handle that the caller has loaded already.
    pub fn may_issue_under(&self, ring: &KeyRing, now: UnixTime) -> bool {
        let Some(source) = &self.shared.source else {
            return true;
        };
        let stale_after = source.stale_after(ring);
        let checked_at = UnixTime::from_secs(source.checked_at.load(Ordering::Acquire));
        let since = source.checked_uptime.load(Ordering::Acquire);
        // Both count whole seconds: the second one may be a second short, and never longer.
        now < checked_at.saturating_add(stale_after)
            && clock::uptime().saturating_sub(since) <= stale_after
    }

    /// Reports a token of a key that the ring does not have: at most one refresh per 10 s follows,
    /// however many tokens carry such ids.
    pub fn unknown_key(&self, now: UnixTime) {
        let Some(source) = &self.shared.source else {
            return;
        };
        let asked_at = source.asked_at.load(Ordering::Relaxed);
        let now = now.as_secs();
        // A clock that was set back must not silence the question for as long as it was wrong.
        if now >= asked_at && now.saturating_sub(asked_at) < REFRESH_PAUSE {
            return;
        }
        let won =
            source.asked_at.compare_exchange(asked_at, now, Ordering::Relaxed, Ordering::Relaxed);
        if won.is_ok() {
            // Full: the watch has been asked already. Gone: nobody to ask.
            let _ = source.wake.try_send(());
        }
    }

    /// How fresh the ring is, for readiness and reports.
    pub fn freshness(&self, now: UnixTime) -> Freshness {
        let source = self.shared.source.as_ref();
        let checked_at = source.map(|source| source.checked_at.load(Ordering::Acquire));
        let last_error = source.and_then(|source| source.last_error.load_full());
        let ring = self.load();
        let stale_after = ring.as_ref().zip(source).map(|(ring, source)| source.stale_after(ring));
        Freshness {
            generation: ring.as_ref().map(|ring| ring.generation()),
            checked_at: checked_at.filter(|at| *at > 0).map(UnixTime::from_secs),
            issuing: self.may_issue(now),
            stale_after,
            failures: source.map_or(0, |source| source.failures.load(Ordering::Relaxed)),
            last_error: last_error.map(|error| error.to_string()),
        }
    }

    /// Takes the copy of a ring that was last known to be good at `checked_at`: fresh since then, and not since now.
    pub(crate) fn offer_copy(
        &self,
        ring: KeyRing,
        checked_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), NotTaken> {
        let error = self.shared.source.as_ref().and_then(|source| source.last_error.load_full());
        self.offer(ring, now)?;
        if let Some(source) = &self.shared.source {
            let age = now.since(checked_at);
            source.checked_at.store(checked_at.as_secs(), Ordering::Release);
            source.checked_uptime.store(clock::uptime().saturating_sub(age), Ordering::Release);
            // The source is as unreadable as before.
            source.last_error.store(error);
        }
        Ok(())
    }

    /// Takes `ring` where it is newer than what is held. `Ok(false)`: it is the same one.
    pub(crate) fn offer(&self, ring: KeyRing, now: UnixTime) -> Result<bool, NotTaken> {
        let source = self.shared.source.as_ref();
        let allow_rollback = source.is_some_and(|source| source.allow_rollback);
        let mark = Mark::of(&ring);
        if let Some(held) = &*self.load() {
            if held.name() != ring.name() || held.scope() != ring.scope() {
                return Err(NotTaken::OtherRing { name: ring.name().to_owned() });
            }
            if document::digest(held) == document::digest(&ring) {
                if let Some(source) =
                    source.filter(|source| source.unmarked.load(Ordering::Relaxed))
                {
                    source.mark(&mark);
                }
                self.checked(now);
                return Ok(false);
            }
            if !allow_rollback {
                not_older(held.generation(), &ring)?;
            }
        }
        if let Some(high_water) = source.and_then(|source| source.high_water.as_ref())
            && !allow_rollback
        {
            high_water.admits(&ring)?;
        }
        if let Some(source) = source {
            source.mark(&mark);
        }
        self.shared.ring.store(Some(Arc::new(ring)));
        // After the ring: who reads the version first never thinks an older ring the newest.
        self.shared.version.fetch_add(1, Ordering::Release);
        self.checked(now);
        Ok(true)
    }

    /// Remembers why the last refresh gave nothing. Says whether that is news.
    pub(crate) fn failed(&self, error: String) -> bool {
        let Some(source) = &self.shared.source else {
            return false;
        };
        source.failures.fetch_add(1, Ordering::Relaxed);
        let news = source.last_error.load().as_deref() != Some(&error);
        if news {
            source.last_error.store(Some(Arc::new(error)));
        }
        news
    }

    fn checked(&self, now: UnixTime) {
        if let Some(source) = &self.shared.source {
            source.checked_at.store(now.as_secs(), Ordering::Release);
            source.checked_uptime.store(clock::uptime(), Ordering::Release);
            if source.last_error.load().is_some() {
                source.last_error.store(None);
            }
        }
    }
}

impl fmt::Debug for KeyRingHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.load();
        f.debug_struct("KeyRingHandle")
            .field("ring", &ring.as_ref().map(|ring| ring.name()))
            .field("generation", &ring.as_ref().map(|ring| ring.generation()))
            .finish()
    }
}

/// How fresh a node's ring is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The generation in use, `None` before the first ring.
    pub generation: Option<u64>,
    /// The last check that read a valid ring of this generation or a higher one.
    pub checked_at: Option<UnixTime>,
    /// Whether this node issues: it has a ring, and it is not stale.
    pub issuing: bool,
    /// Seconds after `checked_at` at which it stops; `None` where nobody refreshes the ring.
    pub stale_after: Option<u64>,
    /// How many looks at the source gave no ring that could be taken, since this process began.
    pub failures: u64,
    /// Why the last refresh failed, if it did.
    pub last_error: Option<String>,
}

/// A valid ring that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotTaken {
    /// It is older than one in use here, now or before a restart.
    Rollback {
        /// The generation that was used.
        used: u64,
        /// The one that was offered.
        offered: u64,
    },
    /// It is another ring of the same generation.
    SameGeneration {
        /// The generation.
        generation: u64,
    },
    /// It has another name or another scope than the one in use.
    OtherRing {
        /// Its name.
        name: String,
    },
    /// The high-water mark cannot be read.
    HighWater {
        /// Why.
        error: String,
    },
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rollback { used, offered } => write!(
                f,
                "generation {offered} is older than generation {used}, which was in use here; \
                 --allow-rollback takes it all the same"
            ),
            Self::SameGeneration { generation } => write!(
                f,
                "it has the generation {generation} of the ring in use, and another content; \
                 --allow-rollback takes it all the same"
            ),
            Self::OtherRing { name } => {
                write!(f, "it is another ring, {name:?}; a restart takes it")
            }
            Self::HighWater { error } => write!(
                f,
                "the high-water mark cannot be read: {error}; --allow-rollback writes a new one"
            ),
        }
    }
}

impl std::error::Error for NotTaken {}

pub(crate) fn not_older(used: u64, ring: &KeyRing) -> Result<(), NotTaken> {
    let offered = ring.generation();
    if offered < used {
        return Err(NotTaken::Rollback { used, offered });
    }
    if offered == used {
        return Err(NotTaken::SameGeneration { generation: used });
    }
    Ok(())
}

/// Seconds between two refreshes that unknown key ids cause.
const REFRESH_PAUSE: u64 = 10;
