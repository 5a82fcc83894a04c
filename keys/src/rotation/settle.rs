//! How every verb ends: what a ring must have after each save, whichever verb made it.

use rand::TryCryptoRng;

use super::{Next, Plan, Refused, changes, draw, next_due};
use crate::clock::UnixTime;
use crate::key::Key;
use crate::policy::Policy;
use crate::ring::{KeyRing, MOST_KEYS};

/// Completes the next generation of `before`.
pub(super) fn settle<R: TryCryptoRng + ?Sized>(
    before: &KeyRing,
    next: Next,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    let Next { mut keys, policy, reckon, at } = next;
    drop_retired_out_of_order(&mut keys, now);
    if !has_standby(&keys, at) {
        keys.push(staged(&keys, &reckon, now, rng)?);
    }
    set_drains(&mut keys, &reckon, now, at);
    make_room(&mut keys)?;
    let ring = KeyRing {
        name: before.name.clone(),
        generation: before.generation.saturating_add(1),
        audience: None,
        policy,
        keys,
    };
    let ring = ring.validated().map_err(Refused::Ring)?;
    let changes = changes::between(before, &ring, now);
    let next_due = next_due(&ring, now);
    Ok(Plan { ring, changes, harm: Vec::new(), next_due })
}

/// Whether the last key is yet to come. One that drains has been active on a clock ahead of this one,
/// whose owner has staged another since: where that was revoked or activated, it waits for a successor.
fn has_standby(keys: &[Key], at: UnixTime) -> bool {
    keys.iter()
        .filter(|key| !key.is_revoked())
        .max_by_key(|key| key.activates_at)
        .is_some_and(|last| last.activates_at > at && last.drains_until.is_none())
}

/// Drops the retired keys that a ring cannot hold, because their successor is revoked and the one after
/// it came when they had drained. Nobody takes their tokens any more, and a revocation must not fail
/// for want of a `prune`.
fn drop_retired_out_of_order(keys: &mut Vec<Key>, now: UnixTime) {
    let mut unrevoked: Vec<&Key> = keys.iter().filter(|key| !key.is_revoked()).collect();
    unrevoked.sort_by_key(|key| key.activates_at);
    let mut successor = None;
    let mut dropped = Vec::new();
    // From the last to the first: the key before a dropped one may have to go with it.
    for key in unrevoked.into_iter().rev() {
        if key.is_drained(now) && key.drains_until < successor {
            dropped.push(key.id);
        } else {
            successor = Some(key.activates_at);
        }
    }
    keys.retain(|key| !dropped.contains(&key.id));
}

/// A key behind all others: never before it has been published for `publish_ahead`.
pub(super) fn staged<R: TryCryptoRng + ?Sized>(
    keys: &[Key],
    policy: &Policy,
    now: UnixTime,
    rng: &mut R,
) -> Result<Key, Refused> {
    let published = now.saturating_add(policy.publish_ahead);
    let latest = keys.iter().filter(|key| !key.is_revoked()).map(|key| key.activates_at).max();
    let due = latest.map(|latest| latest.saturating_add(policy.rotate_every));
    draw(keys, now, due.map_or(published, |due| due.max(published)), rng)
}

/// Sets until when each key that is or was active verifies: until the last token that a node may have
/// issued under it, which may have lost its source just before the successor was published, has ended
/// on every clock. Never earlier than it was.
fn set_drains(keys: &mut [Key], policy: &Policy, now: UnixTime, at: UnixTime) {
    let mut activations: Vec<UnixTime> =
        keys.iter().filter(|key| !key.is_revoked()).map(|key| key.activates_at).collect();
    activations.sort_unstable();
    for key in keys {
        // One that is staged here and drains already was active on a clock ahead of this one.
        let never_active = key.activates_at > at && key.drains_until.is_none();
        if key.is_revoked() || key.is_drained(now) || never_active {
            continue;
        }
        let successor = activations.iter().find(|activation| **activation > key.activates_at);
        if let Some(successor) = successor {
            let drained = successor.saturating_add(policy.drain_time());
            key.drains_until = Some(key.drains_until.map_or(drained, |until| until.max(drained)));
        }
    }
}

/// A 33rd key costs the oldest revoked one, which is refused with or without its record.
fn make_room(keys: &mut Vec<Key>) -> Result<(), Refused> {
    while keys.len() > MOST_KEYS {
        let oldest = keys
            .iter()
            .filter(|key| key.is_revoked())
            .min_by_key(|key| (key.revoked_at, key.created_at, key.activates_at))
            .map(|key| key.id)
            .ok_or(Refused::Full)?;
        keys.retain(|key| key.id != oldest);
    }
    Ok(())
}
