//! One audience's keys of one ring, derived once for all the tokens of a generation.

use std::sync::Arc;

use saddlebag_keys::{Audience, Key, KeyId, KeyRing, Secret, UnixTime};

use crate::token::apart::Apart;
#[cfg(feature = "jwt")]
use crate::token::jwt::{JwtAlgorithm, JwtKey, Kid};
use crate::token::reason::Reason;
use crate::token::sealed::{DerivedCiphers, SealedKey};
use crate::token::signed::SignedKey;

/// The suites' keys of every key of a ring.
pub(super) struct AudienceKeys {
    /// That of the ring handle when these were derived, or an earlier one.
    version: u64,
    ring: Arc<KeyRing>,
    /// In the order of the ring's own keys.
    eights: Box<[Apart<Eight>]>,
}

/// Eight keys side by side, which one look compares; the last ones are not all there.
struct Eight {
    ids: [KeyId; EIGHT],
    suites: [Option<SharedSuites>; EIGHT],
    #[cfg(feature = "jwt")]
    kids: [Kid; EIGHT],
}

/// A key that stays in the ring keeps them.
type SharedSuites = Arc<Apart<Suites>>;

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
            let known = before.into_iter().flat_map(Self::suites);
            // A kept key keeps the ciphers that were derived under it.
            let is_known = |known: &&SharedSuites| known.id == id && known.audience == secret;
            if let Some(known) = known.into_iter().find(is_known) {
                return Arc::clone(known);
            }
            Arc::new(Apart::new(Suites {
                id,
                signed: SignedKey::new(&secret),
                sealed: SealedKey::new(&secret, derived),
                #[cfg(feature = "jwt")]
                jwt: jwt.map(|algorithm| JwtKey::new(&secret, algorithm)),
                audience: secret,
            }))
        });
        let suites: Vec<SharedSuites> = suites.collect();
        let eights = suites.chunks(EIGHT).map(|some| Apart::new(Eight::of(some))).collect();
        Some(Self { version, eights, ring: Arc::clone(ring) })
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// The key that issues at `now`.
    pub(super) fn active(&self, now: UnixTime) -> Option<&Suites> {
        let id = self.ring.active(now)?.id();
        self.eights.iter().rev().find_map(|eight| {
            let suites = eight.suites.get(eight.place(id)?)?;
            suites.as_ref().map(|suites| &***suites)
        })
    }

    /// The key with this id, if it takes tokens at `now`.
    pub(super) fn verifying(&self, id: KeyId, now: UnixTime) -> Result<&Suites, Reason> {
        let (key, suites) = self.find(id).ok_or(Reason::UnknownKey)?;
        may_verify(key, now).map(|()| suites)
    }

    #[inline]
    fn find(&self, id: KeyId) -> Option<(&Key, &Suites)> {
        // From the end, where the keys are under which most tokens are issued.
        self.eights.iter().enumerate().rev().find_map(|(n, eight)| {
            let at = eight.place(id)?;
            self.key(n, at)
        })
    }

    /// A key by its place among eight.
    #[inline]
    fn key(&self, eight: usize, at: usize) -> Option<(&Key, &Suites)> {
        let suites = self.eights.get(eight)?.suites.get(at)?.as_ref()?;
        let key = self.ring.keys().get(eight.saturating_mul(EIGHT).saturating_add(at))?;
        Some((key, suites))
    }

    /// The key with this jwt kid, if it takes tokens at `now`.
    #[cfg(feature = "jwt")]
    pub(super) fn verifying_jwt(
        &self,
        kid: &str,
        now: UnixTime,
    ) -> Result<(&Suites, &JwtKey), Reason> {
        let kid = Kid::try_from(kid.as_bytes()).map_err(|_| Reason::UnknownKey)?;
        let found = self.eights.iter().enumerate().rev().find_map(|(n, eight)| {
            let at = eight.kids.iter().position(|known| *known == kid)?;
            let (key, suites) = self.key(n, at)?;
            Some((key, suites, suites.jwt.as_ref()?))
        });
        let (key, suites, jwt) = found.ok_or(Reason::UnknownKey)?;
        may_verify(key, now).map(|()| (suites, jwt))
    }

    fn suites(&self) -> impl Iterator<Item = &SharedSuites> {
        self.eights.iter().flat_map(|eight| eight.suites.iter().flatten())
    }
}

impl Eight {
    fn of(some: &[SharedSuites]) -> Self {
        let suites: [_; EIGHT] = std::array::from_fn(|at| some.get(at).cloned());
        Self {
            ids: suites.each_ref().map(|suites| suites.as_ref().map_or(NO_ID, |suites| suites.id)),
            #[cfg(feature = "jwt")]
            kids: suites.each_ref().map(|suites| {
                let jwt = suites.as_ref().and_then(|suites| suites.jwt.as_ref());
                jwt.map(JwtKey::kid).unwrap_or_default()
            }),
            suites,
        }
    }

    /// Where a key may stand: without a branch for each of them, the first is found as soon as the last.
    #[inline]
    fn place(&self, id: KeyId) -> Option<usize> {
        if !self.ids.iter().fold(false, |found, known| found | (*known == id)) {
            return None;
        }
        let places = self.ids.iter().enumerate().rev();
        let at = places.fold(EIGHT, |found, (at, known)| if *known == id { at } else { found });
        (at < EIGHT).then_some(at)
    }
}

const EIGHT: usize = 8;
/// Where no key is; a key may have it nevertheless.
const NO_ID: KeyId = KeyId::from_bytes([0; 4]);

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

#[cfg(test)]
mod tests {
    use saddlebag_keys::Policy;
    use saddlebag_keys::insecure::{self, ChosenKey};

    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    /// Keys of these ids, one after the other; all verify.
    fn keys(ids: &[KeyId]) -> AudienceKeys {
        let derived = Arc::new(DerivedCiphers::new(4));
        let secret = |n: usize| std::array::from_fn(|i| (n * 37 + i * 101) as u8);
        let chosen = |n: usize| ChosenKey {
            secret: secret(n),
            id: None,
            created_at: NOW,
            activates_at: UnixTime::from_secs(NOW.as_secs() + n as u64),
            drains_until: None,
            revoked_at: None,
        };
        let chosen: Vec<ChosenKey> = (0..ids.len()).map(chosen).collect();
        let ring = insecure::ring("keys", 1, Policy::default(), &chosen).unwrap();
        let suites = ids.iter().enumerate().map(|(n, id)| {
            let audience = Secret::from_bytes(secret(n));
            Arc::new(Apart::new(Suites {
                id: *id,
                signed: SignedKey::new(&audience),
                sealed: SealedKey::new(&audience, &derived),
                #[cfg(feature = "jwt")]
                jwt: Some(JwtKey::new(&audience, JwtAlgorithm::Hs256)),
                audience,
            }))
        });
        let suites: Vec<SharedSuites> = suites.collect();
        let eights = suites.chunks(EIGHT).map(|some| Apart::new(Eight::of(some))).collect();
        AudienceKeys { version: 0, ring: Arc::new(ring), eights }
    }

    #[test]
    fn each_of_thirty_two_keys_is_found_and_no_other() {
        for count in [1, 2, 7, 8, 9, 16, 31, 32] {
            let ids: Vec<KeyId> = (1..=count).map(|n| KeyId::from_bytes([n, 0, 0, 0])).collect();
            let keys = keys(&ids);
            for id in &ids {
                assert_eq!(keys.verifying(*id, NOW).map(|suites| suites.id), Ok(*id));
            }
            for other in [NO_ID, KeyId::from_bytes([count + 1, 0, 0, 0])] {
                assert_eq!(keys.verifying(other, NOW).map(|_| ()), Err(Reason::UnknownKey));
            }
            assert_eq!(keys.suites().count(), ids.len());
            #[cfg(feature = "jwt")]
            for suites in keys.suites() {
                let kid = suites.jwt.as_ref().unwrap().kid();
                let found = keys.verifying_jwt(str::from_utf8(&kid).unwrap(), NOW);
                assert_eq!(found.map(|(found, _)| found.id).unwrap(), suites.id);
            }
            #[cfg(feature = "jwt")]
            for other in ["", "AAAAAAAAAAA", "\0\0\0\0\0\0\0\0\0\0\0", "AAAAAAAAAAAA"] {
                assert_eq!(keys.verifying_jwt(other, NOW).map(|_| ()), Err(Reason::UnknownKey));
            }
        }
    }

    /// A scoped ring's ids are whatever its roots' were.
    #[test]
    fn a_key_whose_id_is_nothing_but_zeros_is_found_before_places_without_a_key() {
        for count in [1, 8, 9, 17] {
            let mut ids: Vec<KeyId> = (0..count).map(|n| KeyId::from_bytes([n, 1, 0, 0])).collect();
            ids[0] = NO_ID;
            assert_eq!(keys(&ids).verifying(NO_ID, NOW).map(|suites| suites.id), Ok(NO_ID));
        }
    }
}
