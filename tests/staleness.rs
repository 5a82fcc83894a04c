//! A ring that is watched: nodes that lost its source, and nodes that read another generation.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{DAY, NOW, at, id, key, refusal, ring_of};
use saddlebag::keys::insecure::ChosenKey;
use saddlebag::keys::{
    Clock, KeyRing, KeyRingHandle, MemoryStore, Policy, Store, StoreError, UnixTime, Watch,
    WatchOptions,
};
use saddlebag::{IssueError, NewSession, Protection, Reason, RenewError, Renewal, Tokens};

/// A store whose link can be cut, and a clock that is set.
#[derive(Clone, Default)]
struct World {
    store: Arc<MemoryStore>,
    cut: Arc<AtomicBool>,
    looks: Arc<AtomicUsize>,
    now: Arc<AtomicU64>,
}

impl Store for World {
    fn load(&self) -> Result<KeyRing, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.cut.load(Ordering::SeqCst) {
            // Any failure will do.
            return MemoryStore::new().load();
        }
        self.store.load()
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        self.store.save(ring, expected)
    }

    fn location(&self) -> String {
        "world".to_owned()
    }
}

impl Clock for World {
    fn now(&self) -> UnixTime {
        at(self.now.load(Ordering::SeqCst))
    }
}

impl World {
    fn new(ring: Option<&KeyRing>) -> Self {
        let world = Self::default();
        world.now.store(NOW, Ordering::SeqCst);
        if let Some(ring) = ring {
            world.save(ring, None).unwrap();
        }
        world
    }

    fn watched(&self) -> KeyRingHandle {
        let options =
            WatchOptions { refresh_every: Duration::from_millis(10), ..WatchOptions::default() };
        Watch::with_clock(self.clone(), options, self.clone()).start_waiting().0
    }

    /// Waits until the watch has looked twice more, and so once after this call.
    fn looked(&self) {
        let looks = self.looks.load(Ordering::SeqCst);
        wait_until(|| self.looks.load(Ordering::SeqCst) >= looks + 2);
    }
}

fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn shop(ring: KeyRingHandle) -> Tokens {
    Tokens::builder(ring).audience("shop").build().unwrap()
}

/// T62.
#[test]
fn a_node_that_lost_its_source_verifies_and_does_not_issue() {
    let world = World::new(Some(&common::plain_ring(Policy::default())));
    let ring = world.watched();
    let tokens = shop(ring.clone());
    let token =
        tokens.issue_at(NewSession::empty().lifetime(2 * DAY).session_lifetime(9 * DAY), at(NOW));
    let token = token.unwrap().token;
    world.cut.store(true, Ordering::SeqCst);
    world.looked();
    // publish_ahead is a day.
    let last = at(NOW + DAY - 1);
    assert!(tokens.issue_at(NewSession::empty(), last).is_ok());
    for now in [at(NOW + DAY), at(NOW + 2 * DAY)] {
        world.now.store(now.as_secs(), Ordering::SeqCst);
        world.looked();
        let refused = tokens.issue_at(NewSession::empty(), now).unwrap_err();
        assert!(matches!(refused, IssueError::Stale { checked_at } if checked_at == at(NOW)));
        assert_eq!(
            refused.to_string(),
            "the key ring was last read at 2027-01-15T08:00:00Z, too long ago to issue under it"
        );
        let verified = tokens.verify_at(&token, now).unwrap();
        for renewal in [Renewal::keep(), Renewal::keep().rotate_id()] {
            let refused = tokens.renew_at(&verified, renewal, now).unwrap_err();
            assert!(matches!(refused, RenewError::Issue(IssueError::Stale { .. })), "{refused:?}");
        }
        assert!(!ring.may_issue(now));
    }
    world.cut.store(false, Ordering::SeqCst);
    world.looked();
    let now = at(NOW + 2 * DAY);
    assert!(tokens.issue_at(NewSession::empty(), now).is_ok());
    let verified = tokens.verify_at(&token, now).unwrap();
    assert!(tokens.renew_at(&verified, Renewal::keep(), now).is_ok());
}

#[test]
fn a_node_without_a_ring_does_nothing_until_it_has_one() {
    let world = World::new(None);
    let ring = world.watched();
    let tokens = shop(ring.clone());
    let good = common::FORGED.signed(1, "shop");
    let sealed = common::seal(1, "shop", b"", [1; 24], &common::FORGED.cbor());
    for token in [&good, &sealed] {
        let refused = tokens.verify_at(token, at(NOW)).unwrap_err();
        assert_eq!(refused.reason(), Reason::NoRing);
        assert_eq!(refused.to_string(), "the token is not valid");
    }
    let refused = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap_err();
    assert!(matches!(refused, IssueError::NoRing), "{refused:?}");
    let verified = common::shop().verify_at(&good, at(NOW)).unwrap();
    assert!(!tokens.renewal_is_due_at(&verified, at(NOW + 800)));
    assert_eq!(
        common::renewal_refusal(tokens.renew_at(&verified, Renewal::keep(), at(NOW))),
        Reason::NoRing
    );
    world.save(&common::plain_ring(Policy::default()), None).unwrap();
    wait_until(|| ring.ring().is_some());
    assert!(tokens.verify_at(&good, at(NOW)).is_ok());
    assert!(tokens.issue_at(NewSession::empty(), at(NOW)).is_ok());
}

fn save_and_wait(world: &World, ring: &KeyRingHandle, next: &KeyRing) {
    world.save(next, Some(next.generation() - 1)).unwrap();
    wait_until(|| ring.ring().is_some_and(|held| held.generation() == next.generation()));
}

/// T52.
#[test]
fn another_generation_is_used_at_once_and_old_tokens_go_on() {
    let policy = Policy::default();
    let (a, b) = (key(1, NOW - DAY, Some(NOW + 99 * DAY)), key(2, NOW + 20 * DAY, None));
    let world = World::new(Some(&ring_of(1, policy, &[a.clone(), b.clone()])));
    let ring = world.watched();
    let tokens = shop(ring.clone());
    let issue = |tokens: &Tokens, protection| {
        let session = NewSession::empty().protection(protection);
        tokens.issue_at(session, at(NOW)).unwrap().token
    };
    let old: Vec<String> = [Protection::Signed, Protection::Sealed]
        .map(|protection| issue(&tokens, protection))
        .into_iter()
        .chain([common::seal(1, "shop", b"", [8; 24], &common::FORGED.cbor())])
        .collect();
    let all_verify = |tokens: &Tokens| {
        for token in &old {
            assert_eq!(tokens.verify_at(token, at(NOW)).unwrap().key_id(), id(1));
        }
    };
    all_verify(&tokens);
    // A key that this node has never heard of, then the ring that has it, now active.
    let early = common::FORGED.signed(3, "shop");
    assert_eq!(refusal(tokens.verify_at(&early, at(NOW))), Reason::UnknownKey);
    let c = key(3, NOW, Some(NOW + 99 * DAY));
    save_and_wait(&world, &ring, &ring_of(2, policy, &[c.clone(), a.clone(), b.clone()]));
    all_verify(&tokens);
    assert!(tokens.verify_at(&early, at(NOW)).is_ok());
    for protection in [Protection::Signed, Protection::Sealed] {
        let token = issue(&tokens, protection);
        assert_eq!(tokens.verify_at(&token, at(NOW)).unwrap().key_id(), id(3));
    }
    // Revoked: refused from the moment it is read, kept ciphers or not.
    let revoked = ChosenKey { revoked_at: Some(at(NOW)), ..a };
    save_and_wait(&world, &ring, &ring_of(3, policy, &[c.clone(), revoked, b.clone()]));
    for token in &old {
        assert_eq!(refusal(tokens.verify_at(token, at(NOW))), Reason::KeyRevoked);
    }
    save_and_wait(&world, &ring, &ring_of(4, policy, &[b, c]));
    for token in &old {
        assert_eq!(refusal(tokens.verify_at(token, at(NOW))), Reason::UnknownKey);
    }
    assert!(tokens.verify_at(&early, at(NOW)).is_ok());
}

/// T52: a renewal is of one ring. One that found its key good, and then sealed under the ring that revokes it, would
/// carry the session over to the next key, where no revocation follows it.
#[test]
fn no_session_is_renewed_past_the_revocation_of_its_key() {
    let policy = Policy::default();
    let (a, b) = (key(1, NOW - DAY, Some(NOW + 99 * DAY)), key(2, NOW - DAY, None));
    let revoked = ChosenKey { revoked_at: Some(at(NOW)), ..a.clone() };
    for protection in [Protection::Signed, Protection::Sealed] {
        for round in 0..100 {
            let first = key(2, NOW + 20 * DAY, None);
            let world = World::new(Some(&ring_of(1, policy, &[a.clone(), first])));
            let ring = world.watched();
            let tokens = shop(ring.clone());
            let session = NewSession::empty().protection(protection);
            let issued = tokens.issue_at(session, at(NOW)).unwrap();
            let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        let refused = loop {
                            match tokens.renew_at(&verified, Renewal::keep(), at(NOW)) {
                                Ok(issued) => {
                                    // The id of its key: docs/token-format.md.
                                    let bytes = common::decode(&issued.token);
                                    assert_eq!(bytes[3..7], id(1).to_bytes(), "round {round}");
                                }
                                refused => break refused,
                            }
                        };
                        assert_eq!(common::renewal_refusal(refused), Reason::KeyRevoked);
                    });
                }
                save_and_wait(&world, &ring, &ring_of(2, policy, &[revoked.clone(), b.clone()]));
            });
        }
    }
}

/// The prefix of a sealed token's nonce tells whether the issuer kept what it derived.
#[test]
fn a_key_that_stays_keeps_what_was_derived_under_it() {
    let policy = Policy::default();
    let (a, b) =
        (key(1, NOW - DAY, Some(NOW + 99 * DAY)), key(2, NOW + 20 * DAY, Some(NOW + 99 * DAY)));
    let world = World::new(Some(&ring_of(1, policy, &[a.clone(), key(2, NOW + 20 * DAY, None)])));
    let ring = world.watched();
    let tokens = shop(ring.clone());
    let prefix = || {
        let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
        common::decode(&issued.token)[7..19].to_vec()
    };
    let first = prefix();
    save_and_wait(&world, &ring, &ring_of(2, policy, &[a, b, key(3, NOW + 50 * DAY, None)]));
    assert_eq!(prefix(), first);
}

#[test]
fn many_threads_use_a_ring_while_it_changes() {
    let policy = Policy::default();
    let keys = [key(1, NOW - DAY, Some(NOW + 99 * DAY)), key(2, NOW + 20 * DAY, None)];
    let world = World::new(Some(&ring_of(1, policy, &keys)));
    let ring = world.watched();
    let tokens = shop(ring.clone());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let issued = tokens.issue_at(NewSession::of("x"), at(NOW)).unwrap();
                    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
                    tokens.renew_at(&verified, Renewal::keep(), at(NOW)).unwrap();
                }
            });
        }
        for generation in 2..12 {
            let n = u8::try_from(generation).unwrap();
            let later = NOW + 40 * DAY + generation;
            let keys = [
                key(1, NOW - DAY, Some(NOW + 99 * DAY)),
                key(2, NOW + 20 * DAY, Some(NOW + 99 * DAY)),
                key(n + 10, later, None),
            ];
            save_and_wait(&world, &ring, &ring_of(generation, policy, &keys));
        }
        stop.store(true, Ordering::Relaxed);
    });
}
