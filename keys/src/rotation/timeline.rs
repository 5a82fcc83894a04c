//! The future of a ring whose rotations run on time, and whether a live token is ever refused in it.

use std::convert::Infallible;
use std::fmt;

use rand::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use super::{Due, Refused, next_due, rotate};
use crate::clock::UnixTime;
use crate::key::{Key, KeyId};
use crate::ring::KeyRing;

/// What happens to a ring from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// What happens when, in order.
    pub events: Vec<(UnixTime, Event)>,
    /// The first second at which a node may refuse a live token, if there is one.
    pub refusal: Option<Refusal>,
}

/// One thing that happens to a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Event {
    /// Its tokens have ended, and it is refused.
    Retires(Label),
    /// A rotation makes it; it verifies at once.
    Staged(Label),
    /// It begins to issue.
    Activates(Label),
}

/// A key of the ring, or one that a coming rotation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// It exists.
    Key(KeyId),
    /// The n-th that will be made, from 1.
    Future(usize),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(id) => id.fmt(f),
            Self::Future(n) => f.pad(&format!("next+{n}")),
        }
    }
}

/// Why a live token may be refused, and from when on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A key issues before every node can have read it.
    NotPublished {
        /// The key.
        key: Label,
        /// From when on it issues.
        from: UnixTime,
        /// By when every node has read it.
        until: UnixTime,
    },
    /// A key retires before the last tokens under it have ended.
    RetiresEarly {
        /// The key.
        key: Label,
        /// When it retires.
        from: UnixTime,
        /// When its last tokens end.
        until: UnixTime,
    },
}

impl Refusal {
    /// The first second at which a token may be refused.
    pub fn from(&self) -> UnixTime {
        match self {
            Self::NotPublished { from, .. } | Self::RetiresEarly { from, .. } => *from,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublished { key, from, until } => write!(
                f,
                "from {from} to {until}: tokens under key {key}, at nodes that have not read the ring \
                 since it was made"
            ),
            Self::RetiresEarly { key, from, until } => {
                write!(f, "from {from} to {until}: the last tokens under key {key}")
            }
        }
    }
}

/// Plays `ring` from `now` to `until` with a rotation whenever one is due.
///
/// # Errors
///
/// [`Refused`] where a rotation of a root ring would be (a full ring); a scoped ring is shown as it is.
pub fn timeline(ring: &KeyRing, now: UnixTime, until: UnixTime) -> Result<Timeline, Refused> {
    let mut rng = LabelsOnly(0);
    let mut seen: Vec<(Label, Key)> =
        ring.keys.iter().map(|key| (Label::Key(key.id), key.clone())).collect();
    let mut events = Vec::new();
    let mut current = ring.clone();
    let mut at = now;
    let mut made: usize = 0;
    while at <= until && ring.audience.is_none() {
        if let Due::Now(plan) = rotate(&current, at, &mut rng)? {
            for key in &plan.ring.keys {
                if let Some((_, known)) = seen.iter_mut().find(|(_, known)| known.id == key.id) {
                    *known = key.clone();
                } else {
                    made = made.saturating_add(1);
                    events.push((at, Event::Staged(Label::Future(made))));
                    seen.push((Label::Future(made), key.clone()));
                }
            }
            current = plan.ring;
        }
        at = next_due(&current, at).max(at.saturating_add(1));
    }
    for (label, key) in seen.iter().filter(|(_, key)| !key.is_revoked()) {
        if (now..=until).contains(&key.activates_at) {
            events.push((key.activates_at, Event::Activates(*label)));
        }
        if let Some(drained) = key.drains_until.filter(|drained| (now..=until).contains(drained)) {
            events.push((drained, Event::Retires(*label)));
        }
    }
    events.sort();
    let refusal = refusals(ring, &seen, now)
        .into_iter()
        .filter(|refusal| refusal.from() <= until)
        .min_by_key(Refusal::from);
    Ok(Timeline { events, refusal })
}

fn refusals(ring: &KeyRing, seen: &[(Label, Key)], now: UnixTime) -> Vec<Refusal> {
    let first_made = seen.iter().map(|(_, key)| key.created_at).min().unwrap_or_default();
    let mut unrevoked: Vec<&(Label, Key)> =
        seen.iter().filter(|(_, key)| !key.is_revoked()).collect();
    unrevoked.sort_by_key(|(_, key)| key.activates_at);
    let mut found = Vec::new();
    for (label, key) in &unrevoked {
        let published = key.created_at.saturating_add(ring.policy.publish_ahead);
        let from = key.activates_at.max(now);
        // The first keys of a ring have no node that knows an older one.
        if from < published && key.created_at > first_made {
            found.push(Refusal::NotPublished { key: *label, from, until: published });
        }
    }
    for ((label, key), (_, successor)) in unrevoked.iter().zip(unrevoked.iter().skip(1)) {
        let ended = successor.activates_at.saturating_add(ring.policy.drain_time());
        // One that has retired drained as long as the policy of its time asked for, which no later
        // policy brings back.
        if let Some(from) = key.drains_until.filter(|from| now < *from && *from < ended) {
            found.push(Refusal::RetiresEarly { key: *label, from, until: ended });
        }
    }
    found
}

/// Numbers for the keys of an imagined future, which are never saved.
struct LabelsOnly(u64);

impl TryRng for LabelsOnly {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            self.0 = self.0.wrapping_add(1);
            let block = Sha256::digest(self.0.to_le_bytes());
            for (to, from) in chunk.iter_mut().zip(block) {
                *to = from;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for LabelsOnly {}
