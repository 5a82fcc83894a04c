//! Rotates a ring whenever something is due, for as long as the program runs: `keys watch` and
//! `serve --rotate`.
//!
//! Any number may run on one ring. A save is a compare-and-swap: one wins, and the others read again and
//! find nothing due.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SysRng;
use saddlebag_keys::rotation::{self, Due, Plan, Refused};
use saddlebag_keys::{
    KeyRing, KeyRingHandle, Store, StoreError, StoreErrorKind, UnixTime, document,
};

use super::failure::Failure;
use super::ring::RingLocation;
use super::until_told::{backoff, up_to};

/// A ring that is rotated.
pub(super) struct Rotator {
    store: Arc<dyn Store>,
    /// The newest ring that was met. A rotation of an older one would bring nodes to take that for newer.
    newest: Option<Arc<KeyRing>>,
    /// What the node has taken, where it is one that rotates.
    taken: Option<KeyRingHandle>,
    failures: u32,
}

/// What came of a look at the ring.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is rotated.
    Rotated(Box<Plan>),
    /// Somebody else was first.
    Lost,
    /// Nothing is due before this time.
    Waits(Box<KeyRing>, UnixTime),
    /// The ring was not read or saved.
    Failed(StoreError),
    /// An older generation is there than was before, or another of the same number.
    WentBack { found: u64, newest: u64 },
    /// This node has taken no ring yet; its watch tells why.
    NotTaken,
    /// This ring cannot be rotated.
    Refused(Refused),
}

impl Rotator {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self { store: Arc::from(store), newest: None, taken: None, failures: 0 }
    }

    /// Rotates no ring that this node does not take.
    pub(super) fn of_node(self, taken: KeyRingHandle) -> Self {
        Self { taken: Some(taken), ..self }
    }

    /// Does what is due, and says what came of it and how long to wait for the next turn.
    pub(super) async fn turn(&mut self) -> (Turn, Duration) {
        let turn = self.look().await;
        match &turn {
            Turn::Rotated(plan) => self.newest = Some(Arc::new(plan.ring.clone())),
            Turn::Waits(ring, _) => self.newest = Some(Arc::new((**ring).clone())),
            _ => {}
        }
        self.failures = match turn {
            Turn::Rotated(_) | Turn::Lost | Turn::Waits(..) => 0,
            _ => self.failures.saturating_add(1),
        };
        let pause = pause(&turn, self.failures, UnixTime::now());
        (turn, pause)
    }

    async fn look(&self) -> Turn {
        let taken = self.taken.as_ref().map(KeyRingHandle::ring);
        let known = Known { newest: self.newest.clone(), taken };
        let store = Arc::clone(&self.store);
        let look = move || look(&*store, &known, UnixTime::now());
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|bug| {
            let error = StoreErrorKind::Read(io::Error::other(bug.to_string()));
            Turn::Failed(StoreError::new(self.store.location(), error))
        })
    }
}

impl Turn {
    /// What to tell where nothing came of it.
    pub(super) fn failure(&self, ring: &RingLocation) -> Option<Failure> {
        match self {
            Self::Failed(error) => Some(Failure::store(error, ring)),
            Self::Refused(refused) => Some(Failure::rotation(refused, ring)),
            Self::WentBack { found, newest } => Some(Failure::conflict(
                format!(
                    "{ring}: generation {found} is there, where generation {newest} was before"
                ),
                "a ring never goes back: bring the newest generation; where this is meant, start this again",
            )),
            Self::Rotated(_) | Self::Lost | Self::Waits(..) | Self::NotTaken => None,
        }
    }
}

/// What a ring must not be older than.
#[derive(Default)]
struct Known {
    newest: Option<Arc<KeyRing>>,
    /// Of a node, what it has taken, if anything.
    taken: Option<Option<Arc<KeyRing>>>,
}

impl Known {
    /// The generation that `ring` is older than, or another one of.
    fn newer_than(&self, ring: &KeyRing) -> Option<u64> {
        let known = self.newest.iter().chain(self.taken.iter().flatten());
        let same =
            known.filter(|known| (known.name(), known.scope()) == (ring.name(), ring.scope()));
        let newest = same.max_by_key(|known| known.generation())?;
        let goes_on = ring.generation() > newest.generation()
            || document::digest(ring) == document::digest(newest);
        (!goes_on).then(|| newest.generation())
    }
}

fn look(store: &dyn Store, known: &Known, now: UnixTime) -> Turn {
    let ring = match store.load() {
        Ok(ring) => ring,
        Err(error) => return Turn::Failed(error),
    };
    if known.taken == Some(None) {
        return Turn::NotTaken;
    }
    if let Some(newest) = known.newer_than(&ring) {
        return Turn::WentBack { found: ring.generation(), newest };
    }
    match rotation::rotate(&ring, now, &mut SysRng) {
        Err(refused) => Turn::Refused(refused),
        Ok(Due::At(at)) => Turn::Waits(Box::new(ring), at),
        Ok(Due::Now(plan)) => match store.save(&plan.ring, Some(ring.generation())) {
            Ok(()) => Turn::Rotated(plan),
            Err(error) if error.conflict().is_some() => Turn::Lost,
            Err(error) => Turn::Failed(error),
        },
    }
}

/// Never shorter than it takes others to do the same, and never so long that a clock that was set, or a ring
/// that somebody else changed, goes unseen.
fn pause(turn: &Turn, failures: u32, now: UnixTime) -> Duration {
    match turn {
        Turn::Rotated(_) => A_SECOND,
        Turn::Lost => SHORTEST.saturating_add(up_to(SHORTEST)),
        Turn::Waits(_, at) => match Duration::from_secs(at.since(now).max(1)) {
            // All who wait for it would come in the same instant.
            until if until < LONGEST => until.saturating_add(up_to(SHORTEST)),
            _ => LONGEST.saturating_sub(up_to(FIFTH)),
        },
        Turn::Failed(_) | Turn::WentBack { .. } | Turn::NotTaken | Turn::Refused(_) => {
            backoff(failures)
        }
    }
}

const A_SECOND: Duration = Duration::from_secs(1);
const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(60);
const FIFTH: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests {
    use saddlebag_keys::{MemoryStore, Policy};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + seconds)
    }

    fn ring() -> KeyRing {
        rotation::init("shop", Policy::default(), at(0), &mut SysRng).unwrap().ring
    }

    #[test]
    fn a_rotator_waits_until_something_is_due_and_a_minute_at_most() {
        for (due, shortest, longest) in
            [(0, 1_000, 1_200), (10, 10_000, 10_200), (60, 48_000, 60_000), (9_999, 48_000, 60_000)]
        {
            let pause = pause(&Turn::Waits(Box::new(ring()), at(due)), 0, at(0));
            let expected = Duration::from_millis(shortest)..=Duration::from_millis(longest);
            assert!(expected.contains(&pause), "{due}: {pause:?}");
        }
        assert!(pause(&Turn::Lost, 0, at(0)) >= SHORTEST, "who lost does not spin");
    }

    #[test]
    fn what_is_due_is_done_once() {
        let store = MemoryStore::new();
        store.save(&ring(), None).unwrap();
        let Turn::Waits(_, due) = look(&store, &Known::default(), at(0)) else {
            panic!("nothing is due yet")
        };
        let Turn::Rotated(plan) = look(&store, &Known::default(), due) else { panic!("it is due") };
        assert_eq!(store.load().unwrap(), plan.ring);
        let Turn::Waits(ring, next) = look(&store, &Known::default(), due) else {
            panic!("it is done")
        };
        assert_eq!((*ring, next), (plan.ring, plan.next_due));
    }

    #[test]
    fn a_ring_that_cannot_be_rotated_is_told_with_its_remedy() {
        let store = MemoryStore::new();
        let here = RingLocation::file("ring.json");
        let turn = look(&store, &Known::default(), at(0));
        assert!(turn.failure(&here).unwrap().error().contains("there is no ring"));
        let shop = "shop".parse().unwrap();
        store.save(&ring().scoped_to(&shop).unwrap(), None).unwrap();
        let turn = look(&store, &Known::default(), at(0));
        assert!(turn.failure(&here).unwrap().error().contains("the ring is scoped to shop"));
    }

    /// A rotation of it would be newer than what nodes have, without the revocations in that.
    #[test]
    fn a_ring_that_went_back_is_not_rotated() {
        let store = MemoryStore::new();
        let old = ring();
        store.save(&old, None).unwrap();
        let newer = rotation::revoke(&old, rotation::Revoke::All, at(9), &mut SysRng).unwrap().ring;
        let long_after = at(99_999_999);
        let newest = Some(Arc::new(newer));
        for known in [
            Known { newest: newest.clone(), taken: None },
            Known { newest: None, taken: Some(newest) },
        ] {
            let turn = look(&store, &known, long_after);
            let told = turn.failure(&RingLocation::file("ring.json")).unwrap();
            assert_eq!(
                told.error(),
                "file:ring.json: generation 1 is there, where generation 2 was before"
            );
        }
        let turn = look(&store, &Known { newest: None, taken: Some(None) }, long_after);
        assert!(matches!(turn, Turn::NotTaken), "a node waits for what it takes: {turn:?}");
        assert_eq!(store.load().unwrap(), old);
    }
}
