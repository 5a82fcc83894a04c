//! One audience's keys of one ring, derived once for all the tokens of a generation.

use std::sync::Arc;

use saddlebag_keys::{Audience, Key, KeyId, KeyRing, Secret, UnixTime};

#[cfg(feature = "jwt")]
use crate::token::jwt::{JwtAlgorithm, JwtKey};
use crate::token::reason::Reason;
use crate::token::sealed::{DerivedCiphers, SealedKey};
use crate::token::signed::SignedKey;

/// The suites' keys of every key of a ring.
pub(super) struct AudienceKeys {
    /// That of the ring handle when these were derived, or an earlier one.
    version: u64,
    ring: Arc<KeyRing>,
    /// The keys' ids side by side: what a token's key is looked up in.
    ids: Vec<KeyId>,
    /// In the order of the ring's own keys.
    suites: Vec<Arc<Suites>>,
    /// How their jwt kids begin, side by side: what a jwt's key is looked up in.
    #[cfg(feature = "jwt")]
    kids: Vec<KidStart>,
}

#[cfg(feature = "jwt")]
type KidStart = [u8; 8];

/// Zeros of a kid that is shorter, as none of ours is.
#[cfg(feature = "jwt")]
fn kid_start(kid: &str) -> KidStart {
    kid.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// What one ring key gives one audience.
pub(super) struct Suites {
    pub(super) id: KeyId,
    audience: Secret,
    pub(super) signed: SignedKey,
    pub(super) sealed: SealedKey,
    #[cfg(feature = "jwt")]
    pub(super) jwt: Option<JwtKey>,
}

impl AudienceKeys {
    /// Derives what `before` does not have already. `None` where the ring is another audience's.
    pub(super) fn new(
        version: u64,
        ring: &Arc<KeyRing>,
        audience: &Audience,
        #[cfg(feature = "jwt")] jwt: Option<JwtAlgorithm>,
        derived: &Arc<DerivedCiphers>,
        before: Option<&Self>,
    ) -> Option<Self> {
        let suites = ring.audience(audience).ok()?.into_iter().map(|(id, secret)| {
            let known = before.into_iter().flat_map(|before| &before.suites);
            // A kept key keeps the ciphers that were derived under it.
            let is_known = |known: &&Arc<Suites>| known.id == id && known.audience == secret;
            if let Some(known) = known.into_iter().find(is_known) {
                return Arc::clone(known);
            }
            Arc::new(Suites {
                id,
                signed: SignedKey::new(&secret),
                sealed: SealedKey::new(&secret, derived),
                #[cfg(feature = "jwt")]
                jwt: jwt.map(|algorithm| JwtKey::new(&secret, algorithm)),
                audience: secret,
            })
        });
        let suites: Vec<Arc<Suites>> = suites.collect();
        let ids = ring.keys().iter().map(Key::id).collect();
        #[cfg(feature = "jwt")]
        let kids = suites
            .iter()
            .map(|suites| suites.jwt.as_ref().map(|jwt| kid_start(jwt.kid())).unwrap_or_default())
            .collect();
        Some(Self {
            version,
            ids,
            suites,
            #[cfg(feature = "jwt")]
            kids,
            ring: Arc::clone(ring),
        })
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// The key that issues at `now`.
    pub(super) fn active(&self, now: UnixTime) -> Option<&Suites> {
        let active = self.ring.active(now)?;
        self.pairs().find(|(key, _)| key.id() == active.id()).map(|(_, suites)| suites)
    }

    /// The key with this id, if it takes tokens at `now`.
    pub(super) fn verifying(&self, id: KeyId, now: UnixTime) -> Result<&Suites, Reason> {
        let place = self.place(id).ok_or(Reason::UnknownKey)?;
        let found = self.ring.keys().get(place).zip(self.suites.get(place));
        let (key, suites) = found.ok_or(Reason::UnknownKey)?;
        may_verify(key, now).map(|()| &**suites)
    }

    /// Where a key stands.
    #[inline]
    fn place(&self, id: KeyId) -> Option<usize> {
        let mut end = self.ids.len();
        // From the end, where the keys are under which most tokens are issued, and several at once: without a branch
        // for each of them, the first of 32 keys is found as soon as the last.
        for some in self.ids.rchunks(AT_ONCE) {
            let start = end.saturating_sub(some.len());
            if some.iter().fold(false, |found, known| found | (*known == id)) {
                return some
                    .iter()
                    .position(|known| *known == id)
                    .map(|at| start.saturating_add(at));
            }
            end = start;
        }
        None
    }

    /// The key with this jwt kid, if it takes tokens at `now`.
    #[cfg(feature = "jwt")]
    pub(super) fn verifying_jwt(
        &self,
        kid: &str,
        now: UnixTime,
    ) -> Result<(&Suites, &JwtKey), Reason> {
        let start = kid_start(kid);
        let mut likely = self.kids.iter().enumerate().rev().filter(|(_, known)| **known == start);
        let found = likely.find_map(|(index, _)| {
            let (key, suites) = (self.ring.keys().get(index)?, self.suites.get(index)?);
            let jwt = suites.jwt.as_ref().filter(|jwt| jwt.kid() == kid)?;
            Some((key, &**suites, jwt))
        });
        let (key, suites, jwt) = found.ok_or(Reason::UnknownKey)?;
        may_verify(key, now).map(|()| (suites, jwt))
    }

    fn pairs(&self) -> impl Iterator<Item = (&Key, &Suites)> {
        self.ring.keys().iter().zip(self.suites.iter().map(|suites| &**suites))
    }
}

/// Ids that one look compares.
const AT_ONCE: usize = 8;

/// A key is retired where `now >= drains_until`, without skew; a staged key verifies.
fn may_verify(key: &Key, now: UnixTime) -> Result<(), Reason> {
    if key.revoked_at().is_some() {
        Err(Reason::KeyRevoked)
    } else if key.drains_until().is_some_and(|until| until <= now) {
        Err(Reason::KeyRetired)
    } else {
        Ok(())
    }
}
