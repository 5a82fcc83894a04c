//! An immutable, validated set of keys. What each may do is a pure function of the clock.

use std::fmt;

use crate::audience::Audience;
use crate::clock::UnixTime;
use crate::derive;
use crate::key::{Key, KeyId, KeyState};
use crate::policy::{InvalidPolicy, Policy};
use crate::secret::Secret;

/// A key ring: one generation of it, which never changes.
///
/// A *root ring* holds roots, and its keys give every audience's. A *scoped ring* holds one audience's
/// derived keys under the roots' ids: whoever has it can verify and issue for that audience alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    pub(crate) name: String,
    pub(crate) generation: u64,
    pub(crate) audience: Option<Audience>,
    pub(crate) policy: Policy,
    pub(crate) keys: Vec<Key>,
}

impl KeyRing {
    /// Checks what [`KeyRing`] promises of every ring, wherever it comes from.
    pub(crate) fn validated(self) -> Result<Self, InvalidRing> {
        check_name(&self.name)?;
        if !(1..=LARGEST_NUMBER).contains(&self.generation) {
            return Err(InvalidRing::Generation { generation: self.generation });
        }
        self.policy.check_ranges().map_err(InvalidRing::Policy)?;
        if self.keys.len() > MOST_KEYS {
            return Err(InvalidRing::TooManyKeys { keys: self.keys.len() });
        }
        for (n, key) in self.keys.iter().enumerate() {
            if self.keys.iter().take(n).any(|other| other.id == key.id) {
                return Err(InvalidRing::DuplicateId { id: key.id });
            }
            if self.audience.is_none() && derive::key_id(&key.secret) != key.id {
                return Err(InvalidRing::ForeignId { id: key.id });
            }
            let times = [Some(key.created_at), Some(key.activates_at)];
            let times = times.into_iter().chain([key.drains_until, key.revoked_at]);
            if times.flatten().any(|time| time.to_rfc3339().is_none()) {
                return Err(InvalidRing::OutOfTime { id: key.id });
            }
        }
        let unrevoked = self.unrevoked();
        for (key, next) in unrevoked.iter().zip(unrevoked.iter().skip(1)) {
            if key.activates_at == next.activates_at {
                return Err(InvalidRing::SameActivation { ids: [key.id, next.id] });
            }
            if key.drains_until.is_some_and(|until| until < next.activates_at) {
                return Err(InvalidRing::DrainsEarly { id: key.id });
            }
        }
        match unrevoked.last() {
            None => Err(InvalidRing::NoKey),
            Some(last) if last.drains_until.is_some() => {
                Err(InvalidRing::LastDrains { id: last.id })
            }
            Some(_) => Ok(self),
        }
    }

    /// What its owner calls it, 1 to 128 characters.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version number, which only grows.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The one audience of a scoped ring; `None` in a root ring.
    pub fn scope(&self) -> Option<&Audience> {
        self.audience.as_ref()
    }

    /// How often keys change, and how long tokens may live.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every key, in the order of the document.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key with this id.
    pub fn key(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The key that issues at `now`: the unrevoked one with the latest `activates_at` that is not after
    /// it. `None` only where the clock is before the first key of all.
    pub fn active(&self, now: UnixTime) -> Option<&Key> {
        self.keys
            .iter()
            .filter(|key| !key.is_revoked() && key.activates_at <= now)
            .max_by_key(|key| key.activates_at)
    }

    /// The staged key that will be active next.
    pub fn standby(&self, now: UnixTime) -> Option<&Key> {
        self.keys
            .iter()
            .filter(|key| !key.is_revoked() && key.activates_at > now)
            .min_by_key(|key| key.activates_at)
    }

    /// What `key`, one of this ring, may do at `now`.
    pub fn state(&self, key: &Key, now: UnixTime) -> KeyState {
        if key.is_revoked() {
            KeyState::Revoked
        } else if key.is_drained(now) {
            KeyState::Retired
        } else if key.activates_at > now {
            KeyState::Staged
        } else if self.active(now).is_some_and(|active| active.id == key.id) {
            KeyState::Active
        } else {
            KeyState::Draining
        }
    }

    /// The keys of one audience: derived in a root ring, as they are in a scoped ring of that audience.
    ///
    /// # Errors
    ///
    /// [`OutOfScope`] where this is another audience's scoped ring.
    pub fn audience(&self, audience: &Audience) -> Result<Vec<(KeyId, Secret)>, OutOfScope> {
        match &self.audience {
            Some(scope) if scope != audience => {
                Err(OutOfScope { scope: scope.clone(), wanted: audience.clone() })
            }
            Some(_) => Ok(self.keys.iter().map(|key| (key.id, key.secret.clone())).collect()),
            None => Ok(self
                .keys
                .iter()
                .map(|key| (key.id, derive::audience(&key.secret, audience)))
                .collect()),
        }
    }

    /// The scoped ring of one audience: same name, generation, policy, ids and times.
    ///
    /// # Errors
    ///
    /// [`OutOfScope`] where this is another audience's scoped ring.
    pub fn scoped_to(&self, audience: &Audience) -> Result<Self, OutOfScope> {
        let secrets = self.audience(audience)?;
        let keys = self.keys.iter().zip(secrets);
        Ok(Self {
            name: self.name.clone(),
            generation: self.generation,
            audience: Some(audience.clone()),
            policy: self.policy,
            keys: keys.map(|(key, (_, secret))| Key { secret, ..key.clone() }).collect(),
        })
    }

    /// The unrevoked keys, in the order in which they become active.
    pub(crate) fn unrevoked(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> = self.keys.iter().filter(|key| !key.is_revoked()).collect();
        keys.sort_by_key(|key| key.activates_at);
        keys
    }
}

/// Why a set of keys is no ring. Never holds a secret byte.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRing {
    /// The name is empty, longer than 128 characters or has control characters.
    Name,
    /// The generation is not 1 to 2^53 - 1.
    Generation {
        /// What was given.
        generation: u64,
    },
    /// The policy is out of range.
    Policy(InvalidPolicy),
    /// More than 32 keys.
    TooManyKeys {
        /// How many there are.
        keys: usize,
    },
    /// Two keys with one id.
    DuplicateId {
        /// The id.
        id: KeyId,
    },
    /// The id is not the one that the secret gives.
    ForeignId {
        /// The id.
        id: KeyId,
    },
    /// A time is after the year 9999, which the document cannot say.
    OutOfTime {
        /// The key's id.
        id: KeyId,
    },
    /// Two unrevoked keys that would be active from the same second on.
    SameActivation {
        /// Their ids.
        ids: [KeyId; 2],
    },
    /// A key would be refused before its successor issues.
    DrainsEarly {
        /// Its id.
        id: KeyId,
    },
    /// The last unrevoked key would be refused with nothing to follow it.
    LastDrains {
        /// Its id.
        id: KeyId,
    },
    /// No unrevoked key at all.
    NoKey,
}

impl fmt::Display for InvalidRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("name is not 1 to 128 characters without control characters"),
            Self::Generation { generation } => {
                write!(f, "generation is {generation}, not 1 to 9007199254740991")
            }
            Self::Policy(invalid) => write!(f, "policy: {invalid}"),
            Self::TooManyKeys { keys } => write!(f, "{keys} keys, more than {MOST_KEYS}"),
            Self::DuplicateId { id } => write!(f, "two keys have the id {id}"),
            Self::ForeignId { id } => write!(f, "the id {id} is not the one its secret gives"),
            Self::OutOfTime { id } => write!(f, "the key {id} has a time after the year 9999"),
            Self::SameActivation { ids: [one, other] } => {
                write!(f, "the keys {one} and {other} have the same activates_at")
            }
            Self::DrainsEarly { id } => {
                write!(f, "the key {id} drains before its successor activates")
            }
            Self::LastDrains { id } => {
                write!(f, "the key {id} drains, and no unrevoked key follows it")
            }
            Self::NoKey => f.write_str("no key that is not revoked"),
        }
    }
}

impl std::error::Error for InvalidRing {}

/// A scoped ring was asked for another audience's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfScope {
    scope: Audience,
    wanted: Audience,
}

impl fmt::Display for OutOfScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ring is scoped to {}, and has no keys for {}", self.scope, self.wanted)
    }
}

impl std::error::Error for OutOfScope {}

pub(crate) fn check_name(name: &str) -> Result<(), InvalidRing> {
    let length = name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) || name.chars().any(char::is_control) {
        return Err(InvalidRing::Name);
    }
    Ok(())
}

/// The most keys that a ring holds.
pub const MOST_KEYS: usize = 32;
/// The largest integer that every JSON reader keeps (RFC 8259, section 6).
pub(crate) const LARGEST_NUMBER: u64 = (1 << 53) - 1;
const LONGEST_NAME: usize = 128;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
pub(crate) mod tests {
    use super::*;

    /// A key whose secret is made from `seed`.
    pub(crate) fn key(seed: u8, activates_at: u64) -> Key {
        let secret = Secret::from_bytes(std::array::from_fn(|i| {
            seed.wrapping_mul(31).wrapping_add((i * i * 7 + i * 3) as u8)
        }));
        Key {
            id: derive::key_id(&secret),
            secret,
            created_at: UnixTime::from_secs(1_000),
            activates_at: UnixTime::from_secs(activates_at),
            drains_until: None,
            revoked_at: None,
        }
    }

    pub(crate) fn ring(keys: Vec<Key>) -> KeyRing {
        KeyRing {
            name: "test".into(),
            generation: 1,
            audience: None,
            policy: Policy::default(),
            keys,
        }
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    /// T52.
    #[test]
    fn states_follow_from_the_clock() {
        let mut first = key(1, 1_000);
        first.drains_until = Some(at(5_000));
        let ring = ring(vec![key(2, 2_000), first, key(3, 9_000)]).validated().unwrap();
        let states = |now| -> Vec<KeyState> {
            let mut keys: Vec<&Key> = ring.keys().iter().collect();
            keys.sort_by_key(|key| key.activates_at());
            keys.into_iter().map(|key| ring.state(key, at(now))).collect()
        };
        use KeyState::{Active, Draining, Retired, Staged};
        assert_eq!(states(999), [Staged, Staged, Staged]);
        assert_eq!(states(1_000), [Active, Staged, Staged]);
        assert_eq!(states(1_999), [Active, Staged, Staged]);
        assert_eq!(states(2_000), [Draining, Active, Staged]);
        assert_eq!(states(4_999), [Draining, Active, Staged]);
        assert_eq!(states(5_000), [Retired, Active, Staged]);
        assert_eq!(states(9_000), [Retired, Draining, Active]);
    }

    #[test]
    fn a_revoked_key_is_revoked_whatever_the_time_in_it() {
        let mut revoked = key(1, 1_000);
        revoked.revoked_at = Some(at(u64::from(u32::MAX)));
        let ring = ring(vec![revoked, key(2, 1_500)]).validated().unwrap();
        assert_eq!(ring.state(&ring.keys()[0], at(1_600)), KeyState::Revoked);
        assert_eq!(ring.active(at(1_600)).unwrap().id(), ring.keys()[1].id());
    }

    /// T04.
    #[test]
    fn contradictory_rings_are_refused_with_the_reason() {
        let early = Key { drains_until: Some(at(1_999)), ..key(1, 1_000) };
        let last = Key { drains_until: Some(at(9_999)), ..key(2, 2_000) };
        let revoked = Key { revoked_at: Some(at(1)), ..key(1, 1_000) };
        let foreign = Key { id: KeyId::from_bytes([1, 2, 3, 4]), ..key(1, 1_000) };
        for (keys, reason) in [
            (vec![], "no key that is not revoked"),
            (vec![revoked], "no key that is not revoked"),
            (vec![key(1, 1), key(1, 2)], "two keys have the id"),
            (vec![key(1, 1), key(2, 1)], "have the same activates_at"),
            (vec![early, key(2, 2_000)], "drains before its successor activates"),
            (vec![key(1, 1_000), last], "drains, and no unrevoked key follows it"),
            (vec![foreign], "is not the one its secret gives"),
            ((0..33).map(|n| key(n, u64::from(n))).collect(), "33 keys, more than 32"),
        ] {
            let refusal = ring(keys).validated().unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
        for (name, good) in [("", false), ("a\nb", false), ("shop-prod", true), ("\u{e9}", true)] {
            let named = KeyRing { name: name.into(), ..ring(vec![key(1, 1)]) };
            assert_eq!(named.validated().is_ok(), good, "{name:?}");
        }
    }

    /// T43.
    #[test]
    fn a_scoped_ring_gives_the_keys_of_its_audience_and_no_other() {
        let root = ring(vec![key(1, 1_000), key(2, 2_000)]).validated().unwrap();
        let shop = Audience::new("shop").unwrap();
        let scoped = root.scoped_to(&shop).unwrap().validated().unwrap();
        assert_eq!(scoped.audience(&shop).unwrap(), root.audience(&shop).unwrap());
        let refusal = scoped.audience(&Audience::new("admin").unwrap()).unwrap_err();
        assert_eq!(refusal.to_string(), "the ring is scoped to shop, and has no keys for admin");
        assert_ne!(scoped.keys()[0].secret, root.keys()[0].secret);
        assert_eq!(scoped.keys()[0].id(), root.keys()[0].id());
    }
}
