//! Rings from bytes that anybody may have seen: for test vectors and tools, never for a service.
//!
//! Whatever comes through here skips the checks that keep weak secrets out of a ring.

use crate::clock::UnixTime;
use crate::derive;
use crate::key::{Key, KeyId};
use crate::policy::Policy;
use crate::ring::{InvalidRing, KeyRing};
use crate::secret::Secret;

/// A key with chosen bytes and times.
#[derive(Clone, Debug)]
pub struct ChosenKey {
    /// The root, weak or not.
    pub secret: [u8; 32],
    /// Another id than the one that the secret gives; refused in a root ring.
    pub id: Option<KeyId>,
    /// When it was made.
    pub created_at: UnixTime,
    /// From when on it issues.
    pub activates_at: UnixTime,
    /// Until when it verifies.
    pub drains_until: Option<UnixTime>,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
}

/// Makes a ring of chosen keys; every rule but the one on weak secrets holds.
///
/// # Errors
///
/// [`InvalidRing`].
pub fn ring(
    name: &str,
    generation: u64,
    policy: Policy,
    keys: &[ChosenKey],
) -> Result<KeyRing, InvalidRing> {
    let keys = keys.iter().map(|chosen| {
        let secret = Secret::from_bytes(chosen.secret);
        Key {
            id: chosen.id.unwrap_or_else(|| derive::key_id(&secret)),
            secret,
            created_at: chosen.created_at,
            activates_at: chosen.activates_at,
            drains_until: chosen.drains_until,
            revoked_at: chosen.revoked_at,
        }
    });
    let ring =
        KeyRing { name: name.to_owned(), generation, audience: None, policy, keys: keys.collect() };
    ring.validated()
}
