//! Pure planning: a ring, its policy and the time give the next ring, and say what happens when.
//!
//! Each verb makes a whole next generation; saving it is one compare-and-swap of a
//! [store](crate::store). Whatever the verb, `settle` ends it: a standby, the times
//! until which keys drain, at most 32 keys.

mod changes;
mod harm;
mod refused;
mod restore;
mod settle;
mod timeline;

use rand::TryCryptoRng;

use crate::clock::UnixTime;
use crate::derive;
use crate::key::{Key, KeyId, KeyState};
use crate::policy::Policy;
use crate::ring::{KeyRing, check_name};
use crate::secret::Secret;

pub use changes::Change;
pub use harm::Harm;
pub use refused::Refused;
pub use restore::restore;
use settle::settle;
pub use timeline::{Event, Label, Refusal, Timeline, timeline};

/// What a verb would do: nothing of it has happened until the ring is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The next generation.
    pub ring: KeyRing,
    /// How it differs from the one before.
    pub changes: Vec<Change>,
    /// What live tokens or nodes suffer from it; empty for all but a forced activation, a revocation and a
    /// restore.
    pub harm: Vec<Harm>,
    /// When `rotate` will next have something to do.
    pub next_due: UnixTime,
}

/// What `rotate` and `prune` find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Something is due now.
    Now(Box<Plan>),
    /// Nothing is, before this time.
    At(UnixTime),
}

/// Which keys to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// One.
    Key(KeyId),
    /// Every key that is not revoked already.
    All,
}

/// Makes a ring: a key that is active at once and a standby.
///
/// # Errors
///
/// [`Refused`] where the name or the policy cannot be followed, or no randomness can be had.
pub fn init<R: TryCryptoRng + ?Sized>(
    name: &str,
    policy: Policy,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    check_name(name).map_err(Refused::Ring)?;
    policy.check().map_err(Refused::Policy)?;
    let nothing =
        KeyRing { name: name.to_owned(), generation: 0, audience: None, policy, keys: Vec::new() };
    // A node whose clock is behind by the skew can issue at once.
    let activates_at = now.saturating_sub(policy.clock_skew);
    let keys = vec![draw(&[], now, activates_at, rng)?];
    settle(&nothing, Next { keys, policy, reckon: policy, at: now }, now, rng)
}

/// Adds a staged key behind all others.
///
/// # Errors
///
/// [`Refused`].
pub fn stage<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    must_be_root(ring)?;
    let mut keys = ring.keys.clone();
    keys.push(settle::staged(&keys, &ring.policy, now, rng)?);
    settle(ring, Next { keys, policy: ring.policy, reckon: ring.policy, at: now }, now, rng)
}

/// Keeps the ring going: stages a standby where the last one has become active, and drops what has
/// drained. Anybody may run it at any time, on as many machines as they like.
///
/// # Errors
///
/// [`Refused`].
pub fn rotate<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    now: UnixTime,
    rng: &mut R,
) -> Result<Due, Refused> {
    must_be_root(ring)?;
    if ring.standby(now).is_some() && !ring.keys.iter().any(|key| key.is_drained(now)) {
        return Ok(Due::At(next_due(ring, now)));
    }
    drop_drained(ring, now, rng).map(|plan| Due::Now(Box::new(plan)))
}

/// Drops the keys whose `drains_until` has passed, revoked ones too.
///
/// # Errors
///
/// [`Refused`].
pub fn prune<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    now: UnixTime,
    rng: &mut R,
) -> Result<Due, Refused> {
    must_be_root(ring)?;
    if !ring.keys.iter().any(|key| key.is_drained(now)) {
        let drains = ring.keys.iter().filter_map(|key| key.drains_until).min();
        return Ok(Due::At(drains.unwrap_or_else(|| next_due(ring, now))));
    }
    drop_drained(ring, now, rng).map(|plan| Due::Now(Box::new(plan)))
}

/// Makes a staged key the active one before its time: now, or a second after the active key became so,
/// on whatever clock within `clock_skew` it did.
///
/// Refused before the key has been published for `publish_ahead`, unless `force`: then the plan's
/// [harm](Plan::harm) says what it breaks.
///
/// # Errors
///
/// [`Refused`].
pub fn activate<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    id: KeyId,
    force: bool,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    must_be_root(ring)?;
    let key = ring.key(id).ok_or(Refused::UnknownKey { id })?;
    let state = ring.state(key, now);
    if state != KeyState::Staged {
        return Err(Refused::NotStaged { id, state });
    }
    let published_at = key.created_at.saturating_add(ring.policy.publish_ahead);
    let mut harm = Vec::new();
    if now < published_at {
        if !force {
            return Err(Refused::TooEarly { id, not_before: published_at });
        }
        harm.push(Harm::NotPublished { id, until: published_at });
    }
    // The last key before this one that is active on any clock: nothing comes between two keys of which
    // one may issue already.
    let active =
        issuing(ring, now).into_iter().rfind(|active| active.activates_at < key.activates_at);
    let mut at = match active {
        Some(active) => now.max(active.activates_at.saturating_add(1)),
        None => now,
    };
    while ring.unrevoked().iter().any(|other| other.id != id && other.activates_at == at) {
        at = at.saturating_add(1);
    }
    let mut keys = ring.keys.clone();
    for key in keys.iter_mut().filter(|key| key.id == id) {
        key.activates_at = at;
    }
    let next = Next { keys, policy: ring.policy, reckon: ring.policy, at };
    let plan = settle(ring, next, now, rng)?;
    Ok(Plan { harm, ..plan })
}

/// Revokes one key or all of them: every node refuses them from the moment it reads the ring.
///
/// Nobody falls back to a draining key: revoking the active key gives its `activates_at` to the
/// standby, or to a new key where none is left, so that every clock agrees at once. A key that is
/// active on another clock only, within `clock_skew` of this one, counts as active.
///
/// # Errors
///
/// [`Refused`].
pub fn revoke<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    which: Revoke,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    must_be_root(ring)?;
    if let Revoke::Key(id) = which {
        let key = ring.key(id).ok_or(Refused::UnknownKey { id })?;
        if let Some(at) = key.revoked_at {
            return Err(Refused::AlreadyRevoked { id, at });
        }
    }
    let revokes =
        |key: &Key| !key.is_revoked() && (which == Revoke::All || which == Revoke::Key(key.id));
    let issuing = issuing(ring, now);
    let vacant = issuing.iter().find(|key| revokes(key));
    let vacant = vacant.map(|key| key.activates_at);
    let drains_until = now.saturating_add(ring.policy.drain_time());
    let mut keys = ring.keys.clone();
    let mut harm = Vec::new();
    for key in keys.iter_mut().filter(|key| revokes(key)) {
        let state = ring.state(key, now);
        if state.verifies() {
            harm.push(Harm::TokensRefused { id: key.id, state });
        }
        key.revoked_at = Some(now);
        key.drains_until.get_or_insert(drains_until);
    }
    let mut at = now;
    if let Some(activates_at) = vacant {
        at = now.max(activates_at);
        let heir = keys
            .iter_mut()
            .filter(|key| !key.is_revoked() && key.activates_at > activates_at)
            .min_by_key(|key| key.activates_at);
        let (id, created_at) = match heir {
            Some(heir) => {
                heir.activates_at = activates_at;
                (heir.id, heir.created_at)
            }
            None => {
                let heir = draw(&keys, now, activates_at, rng)?;
                let made = (heir.id, heir.created_at);
                keys.push(heir);
                made
            }
        };
        let until = created_at.saturating_add(ring.policy.publish_ahead);
        if now < until {
            harm.push(Harm::NotPublished { id, until });
        }
    }
    let next = Next { keys, policy: ring.policy, reckon: ring.policy, at };
    let plan = settle(ring, next, now, rng)?;
    Ok(Plan { harm, ..plan })
}

/// Sets another policy. It moves no staged key, and reckons with the larger of each old and new value.
///
/// # Errors
///
/// [`Refused`]; one that lowers `publish_ahead` or `max_token_lifetime` is refused while a key is about
/// to activate, since nodes that have not read the new policy would issue too long under it.
pub fn set_policy<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    policy: Policy,
    now: UnixTime,
    rng: &mut R,
) -> Result<Due, Refused> {
    must_be_root(ring)?;
    policy.check().map_err(Refused::Policy)?;
    let old = ring.policy;
    if policy == old {
        return Ok(Due::At(next_due(ring, now)));
    }
    let lowers = policy.publish_ahead < old.publish_ahead
        || policy.max_token_lifetime < old.max_token_lifetime;
    let soon = now.saturating_add(old.publish_ahead).saturating_add(old.clock_skew);
    let about_to_activate =
        ring.unrevoked().into_iter().find(|key| key.activates_at > now && key.activates_at <= soon);
    if let (true, Some(key)) = (lowers, about_to_activate) {
        return Err(Refused::AboutToActivate { id: key.id, activates_at: key.activates_at });
    }
    let reckon = policy.larger_of_each(&old);
    let next = Next { keys: ring.keys.clone(), policy, reckon, at: now };
    settle(ring, next, now, rng).map(|plan| Due::Now(Box::new(plan)))
}

/// When `rotate` has something to do next, where nothing is due at `now`.
pub fn next_due(ring: &KeyRing, now: UnixTime) -> UnixTime {
    let last = ring.unrevoked().last().map(|key| key.activates_at);
    let drains = ring.keys.iter().filter_map(|key| key.drains_until);
    drains.chain(last).min().unwrap_or(now).max(now)
}

fn drop_drained<R: TryCryptoRng + ?Sized>(
    ring: &KeyRing,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    let keys = ring.keys.iter().filter(|key| !key.is_drained(now)).cloned().collect();
    settle(ring, Next { keys, policy: ring.policy, reckon: ring.policy, at: now }, now, rng)
}

/// The keys that some clock within `clock_skew` of this one holds active, in their order: shortly
/// after an activation the key before it still issues on the clocks behind, and shortly before one the
/// key after it does on the clocks ahead.
fn issuing(ring: &KeyRing, now: UnixTime) -> Vec<&Key> {
    let behind = now.saturating_sub(ring.policy.clock_skew);
    let ahead = now.saturating_add(ring.policy.clock_skew);
    let unrevoked = ring.unrevoked();
    let mut ends = unrevoked.iter().skip(1).map(|key| key.activates_at);
    let issuing: Vec<&Key> = unrevoked
        .iter()
        .copied()
        .filter(|key| ends.next().is_none_or(|end| end > behind) && key.activates_at <= ahead)
        .collect();
    if issuing.is_empty() {
        // This clock is before the first key of all. Others are not: that key is theirs.
        return unrevoked.into_iter().take(1).collect();
    }
    issuing
}

fn must_be_root(ring: &KeyRing) -> Result<(), Refused> {
    match &ring.audience {
        Some(audience) => Err(Refused::Scoped { audience: audience.clone() }),
        None => Ok(()),
    }
}

/// A new key, whose id no other of `keys` has.
fn draw<R: TryCryptoRng + ?Sized>(
    keys: &[Key],
    now: UnixTime,
    activates_at: UnixTime,
    rng: &mut R,
) -> Result<Key, Refused> {
    loop {
        let secret = Secret::random(rng).map_err(|error| Refused::Randomness(error.to_string()))?;
        let id = derive::key_id(&secret);
        if keys.iter().all(|key| key.id != id) {
            let (drains_until, revoked_at) = (None, None);
            return Ok(Key { id, secret, created_at: now, activates_at, drains_until, revoked_at });
        }
    }
}

/// What a verb leaves for [`settle`] to complete.
struct Next {
    keys: Vec<Key>,
    policy: Policy,
    /// What new times are reckoned with; another than `policy` only where that changes.
    reckon: Policy,
    /// When the key that the verb made active becomes so: `now`, unless this clock is behind.
    at: UnixTime,
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests;
