//! `restore`: the keys of an older ring as the next generation, after a bad one went out or the ring was lost.
//!
//! Nothing goes back but who issues: generations grow, what is revoked stays revoked, and keys that have
//! issued since go on verifying.

use rand::TryCryptoRng;

use super::{Harm, Next, Plan, Refused, must_be_root, settle};
use crate::clock::UnixTime;
use crate::key::{Key, KeyId};
use crate::policy::Policy;
use crate::ring::KeyRing;

/// Lets the keys of `old` issue again, under a generation above that of `present` and `old`, and above
/// `above`: the highest that is known to be in use anywhere, 0 where nothing is known.
///
/// What `present` has revoked stays revoked, and so does what `old` has. Keys that only `present` has and
/// that have issued drain; those that have not are dropped. A key that a later `present` no longer has
/// does not come back: it has drained, or it was revoked. Without `present`, where the ring is lost,
/// nothing of this is known, and the plan's [harm](Plan::harm) says so.
///
/// # Errors
///
/// [`Refused`]: another ring's document, a scoped ring, no key of `old` that may still issue, no room.
pub fn restore<R: TryCryptoRng + ?Sized>(
    present: Option<&KeyRing>,
    old: &KeyRing,
    above: u64,
    now: UnixTime,
    rng: &mut R,
) -> Result<Plan, Refused> {
    let known = present.unwrap_or(old);
    must_be_root(old)?;
    must_be_root(known)?;
    if known.name != old.name {
        return Err(Refused::OtherRing { name: old.name.clone(), wanted: known.name.clone() });
    }
    let reckon = known.policy.larger_of_each(&old.policy);
    let both = Both { known, old, forgets: present.is_none(), reckon, now };
    let (behind, issuing) = both.keys()?;
    let mut harm = both.refused(&behind, &issuing);
    harm.extend(both.unpublished(&issuing));
    let newest = known.generation.max(old.generation);
    if both.forgets || above > newest {
        harm.push(Harm::Forgotten { generation: newest });
    }
    let before = KeyRing { generation: newest.max(above), ..known.clone() };
    let keys = behind.into_iter().chain(issuing).collect();
    let next = Next { keys, policy: old.policy, reckon, at: now };
    let plan = settle(&before, next, now, rng)?;
    Ok(Plan { harm, ..plan })
}

/// The two rings that are made one.
struct Both<'a> {
    /// What nodes have: the present ring, or the old one where there is no other.
    known: &'a KeyRing,
    old: &'a KeyRing,
    /// There is no present ring.
    forgets: bool,
    reckon: Policy,
    now: UnixTime,
}

impl Both<'_> {
    /// The keys that issue no more, and those that do, the first of them now.
    fn keys(&self) -> Result<(Vec<Key>, Vec<Key>), Refused> {
        let mut others = self.only_known();
        let mut old = Vec::new();
        for key in &self.old.keys {
            match self.since(key)? {
                Some(key) if key.is_revoked() => others.push(key),
                Some(key) => old.push(key),
                None => {}
            }
        }
        old.sort_by_key(|key| key.activates_at);
        // Nobody falls back to a key that was draining in the old ring already.
        let active = self.old.active(self.now).map(|active| active.activates_at);
        let mut issuing = old.split_off(old.partition_point(|key| Some(key.activates_at) < active));
        let issuer = issuing.first_mut().ok_or(Refused::NothingLeft)?;
        // On every clock at once: one that is behind must find an active key too, and the one before may
        // be gone.
        issuer.activates_at = issuer.activates_at.min(self.behind());
        let (mut behind, mut earlier): (Vec<Key>, Vec<Key>) =
            others.into_iter().partition(Key::is_revoked);
        earlier.append(&mut old);
        self.drain(&mut earlier, issuer.activates_at);
        behind.append(&mut earlier);
        for key in issuing.iter_mut().skip(1) {
            self.put_off(key);
        }
        Ok((behind, issuing))
    }

    /// What became of a key of the old ring; `None` where it is gone.
    fn since(&self, key: &Key) -> Result<Option<Key>, Refused> {
        let Some(known) = self.known.key(key.id) else {
            // Only a ring that came after the old one tells by its silence.
            let came_after = self.known.generation > self.old.generation;
            return Ok((!came_after && !key.is_drained(self.now)).then(|| key.clone()));
        };
        if known.secret != key.secret {
            return Err(Refused::TwoSecrets { id: key.id });
        }
        if known.is_revoked() {
            return Ok(Some(known.clone()));
        }
        let drains_until = match known.drains_until {
            // Nodes issue under it still, whatever the other ring says of its end.
            None => key.drains_until.map(|until| until.max(self.drained())),
            until => until.max(key.drains_until),
        };
        let key = Key { drains_until, ..key.clone() };
        Ok((key.is_revoked() || !key.is_drained(self.now)).then_some(key))
    }

    /// The keys that the old ring does not have: revoked, or issuing since.
    fn only_known(&self) -> Vec<Key> {
        let only = self.known.keys.iter().filter(|key| self.old.key(key.id).is_none());
        only.filter(|key| key.is_revoked() || (self.has_issued(key) && !key.is_drained(self.now)))
            .cloned()
            .collect()
    }

    /// Whether some clock has had it active: it is, or it drains as only such keys do.
    fn has_issued(&self, key: &Key) -> bool {
        key.activates_at <= self.ahead() || key.drains_until.is_some()
    }

    /// Puts keys behind the issuer that has taken over from them, on every clock at once. They drain until
    /// the last token has ended that a node may make which has not read of it.
    fn drain(&self, keys: &mut [Key], issues_from: UnixTime) {
        keys.sort_by_key(|key| key.activates_at);
        let mut next = issues_from;
        for key in keys.iter_mut().rev() {
            if self.may_issue(key.id) || key.drains_until.is_none() {
                key.drains_until = key.drains_until.max(Some(self.drained()));
            }
            if key.activates_at >= next {
                key.activates_at = next.saturating_sub(1);
            }
            next = key.activates_at;
        }
    }

    /// Marks a key that will issue at the old ring's time as one that has issued, where nodes may issue
    /// under it before, or under a policy that lets tokens live longer.
    fn put_off(&self, key: &mut Key) {
        let known = self.known.key(key.id).map(|known| known.activates_at);
        let (was, is) = (self.known.policy, self.old.policy);
        let shorter =
            is.publish_ahead < was.publish_ahead || is.max_token_lifetime < was.max_token_lifetime;
        if self.may_issue(key.id) && (shorter || known < Some(key.activates_at)) {
            key.drains_until = key.drains_until.max(Some(self.drained()));
        }
    }

    /// Whether a node that has not read of this may issue under a key: it is active on some clock before
    /// the last such node is stale.
    fn may_issue(&self, id: KeyId) -> bool {
        let stale = self.ahead().saturating_add(self.reckon.publish_ahead);
        let unrevoked = self.known.unrevoked();
        let mut ends = unrevoked.iter().skip(1).map(|key| key.activates_at);
        unrevoked.iter().any(|key| {
            let ended = ends.next().is_some_and(|end| end <= self.behind());
            key.id == id && !ended && key.activates_at <= stale
        })
    }

    /// The keys of now whose tokens nobody takes any more.
    fn refused(&self, behind: &[Key], issuing: &[Key]) -> Vec<Harm> {
        let kept = |id| behind.iter().chain(issuing).any(|key| key.id == id && !key.is_revoked());
        let known = self
            .known
            .keys
            .iter()
            .filter(|key| !kept(key.id) && (self.may_issue(key.id) || self.has_issued(key)));
        let states = known.map(|key| (key.id, self.known.state(key, self.now)));
        states
            .filter(|(_, state)| state.verifies())
            .map(|(id, state)| Harm::TokensRefused { id, state })
            .collect()
    }

    /// The keys that issue before every node can have read them.
    fn unpublished(&self, issuing: &[Key]) -> Vec<Harm> {
        let active = self.known.active(self.now).map(Key::id);
        let first_made = self.known.keys.iter().map(|key| key.created_at).min();
        let made = |key: &Key| self.known.key(key.id).map_or(self.now, Key::created_at);
        issuing
            .iter()
            // No node knows a ring without the first keys of all.
            .filter(|key| active != Some(key.id) && first_made < Some(made(key)))
            .map(|key| (key, made(key).saturating_add(self.reckon.publish_ahead)))
            .filter(|(key, until)| self.now < *until && key.activates_at < *until)
            .map(|(key, until)| Harm::NotPublished { id: key.id, until })
            .collect()
    }

    fn drained(&self) -> UnixTime {
        self.ahead().saturating_add(self.reckon.drain_time())
    }

    fn behind(&self) -> UnixTime {
        self.now.saturating_sub(self.reckon.clock_skew)
    }

    fn ahead(&self) -> UnixTime {
        self.now.saturating_add(self.reckon.clock_skew)
    }
}
