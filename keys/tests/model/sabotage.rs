//! Ways to break the design on purpose: a checker that finds none of them would prove nothing.

use saddlebag_keys::insecure::{self, ChosenKey};
use saddlebag_keys::{KeyRing, UnixTime};

use super::rings::secret_of;

/// One rule of the design that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A new key issues a second after it was made, whatever `publish_ahead` is.
    ActivatesAtOnce,
    /// Each `drains_until` is so many seconds earlier than the plan has it.
    DrainsShort(u64),
    /// Nothing is saved that is staged.
    NoStandby,
    /// A plan may wait so many seconds for its save, and nobody reckons with it.
    SavesLate(u64),
    /// A save overwrites whatever is there.
    SavesUnchecked,
    /// A node takes any valid ring that it is given.
    TakesOlder,
    /// A node that restarts forgets what it had read.
    ForgetsHighWater,
    /// A node issues however long it has not read its source.
    NeverStale,
}

impl Sabotage {
    /// What becomes of a plan.
    pub(crate) fn of_plan(self, before: Option<&KeyRing>, ring: KeyRing, now: UnixTime) -> KeyRing {
        let chosen = || -> Vec<ChosenKey> {
            let keys = ring.keys().iter().map(|key| ChosenKey {
                secret: secret_of(key.id()),
                id: None,
                created_at: key.created_at(),
                activates_at: key.activates_at(),
                drains_until: key.drains_until(),
                revoked_at: key.revoked_at(),
            });
            keys.collect()
        };
        let keys = match (self, before) {
            (Self::ActivatesAtOnce, Some(before)) => {
                let mut keys = chosen();
                let new = ring.keys().iter().map(|key| before.key(key.id()).is_none());
                for (key, _) in keys.iter_mut().zip(new).filter(|(_, new)| *new) {
                    key.activates_at = now.saturating_add(1);
                }
                keys
            }
            (Self::DrainsShort(by), _) => {
                let mut keys = chosen();
                let old = ring.keys().iter().map(|key| before.and_then(|ring| ring.key(key.id())));
                for (key, old) in keys.iter_mut().zip(old) {
                    if key.drains_until != old.and_then(|old| old.drains_until()) {
                        key.drains_until = key.drains_until.map(|until| until.saturating_sub(by));
                    }
                }
                keys
            }
            (Self::NoStandby, _) => {
                let mut keys = chosen();
                keys.retain(|key| key.revoked_at.is_some() || key.activates_at <= now);
                let last = keys.iter_mut().filter(|key| key.revoked_at.is_none());
                if let Some(last) = last.max_by_key(|key| key.activates_at) {
                    last.drains_until = None;
                }
                keys
            }
            _ => return ring,
        };
        insecure::ring(ring.name(), ring.generation(), *ring.policy(), &keys).unwrap()
    }
}
