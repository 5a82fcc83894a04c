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
use saddlebag_keys::{KeyRing, Store, StoreError, StoreErrorKind, UnixTime};

use super::failure::Failure;
use super::ring::RingLocation;
use super::until_told::{backoff, up_to};

/// A ring that is rotated.
pub(super) struct Rotator {
    store: Arc<dyn Store>,
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
    /// This ring cannot be rotated.
    Refused(Refused),
}

impl Rotator {
    pub(super) fn new(store: Box<dyn Store>) -> Self {
        Self { store: Arc::from(store), failures: 0 }
    }

    /// Does what is due, and says what came of it and how long to wait for the next turn.
    pub(super) async fn turn(&mut self) -> (Turn, Duration) {
        let store = Arc::clone(&self.store);
        let turn = tokio::task::spawn_blocking(move || look(&*store, UnixTime::now())).await;
        let turn = turn.unwrap_or_else(|bug| {
            let error = StoreErrorKind::Read(io::Error::other(bug.to_string()));
            Turn::Failed(StoreError::new(self.store.location(), error))
        });
        self.failures = match turn {
            Turn::Failed(_) | Turn::Refused(_) => self.failures.saturating_add(1),
            _ => 0,
        };
        let pause = pause(&turn, self.failures, UnixTime::now());
        (turn, pause)
    }
}

impl Turn {
    /// What to tell where nothing came of it.
    pub(super) fn failure(&self, ring: &RingLocation) -> Option<Failure> {
        match self {
            Self::Failed(error) => Some(Failure::store(error, ring)),
            Self::Refused(refused) => Some(Failure::rotation(refused, ring)),
            Self::Rotated(_) | Self::Lost | Self::Waits(..) => None,
        }
    }
}

fn look(store: &dyn Store, now: UnixTime) -> Turn {
    let ring = match store.load() {
        Ok(ring) => ring,
        Err(error) => return Turn::Failed(error),
    };
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
        Turn::Failed(_) | Turn::Refused(_) => backoff(failures),
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
        let Turn::Waits(_, due) = look(&store, at(0)) else { panic!("nothing is due yet") };
        let Turn::Rotated(plan) = look(&store, due) else { panic!("it is due") };
        assert_eq!(store.load().unwrap(), plan.ring);
        let Turn::Waits(ring, next) = look(&store, due) else { panic!("it is done") };
        assert_eq!((*ring, next), (plan.ring, plan.next_due));
    }

    #[test]
    fn a_ring_that_cannot_be_rotated_is_told_with_its_remedy() {
        let store = MemoryStore::new();
        let here = RingLocation::file("ring.json");
        let turn = look(&store, at(0));
        assert!(turn.failure(&here).unwrap().error().contains("there is no ring"));
        let shop = "shop".parse().unwrap();
        store.save(&ring().scoped_to(&shop).unwrap(), None).unwrap();
        let turn = look(&store, at(0));
        assert!(turn.failure(&here).unwrap().error().contains("the ring is scoped to shop"));
    }
}
