//! A key: its id, its secret and its times. What it may do follows from the clock and its ring.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::clock::UnixTime;
use crate::secret::Secret;

/// The public name of a key, 4 bytes, shown as 6 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// The id of these bytes.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes, as a token's header carries them.
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        let mut bytes = [0; 4];
        match BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(4) => Ok(Self(bytes)),
            _ => Err(InvalidKeyId),
        }
    }
}

/// The text is no key id: 4 bytes as 6 characters of base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyId;

impl fmt::Display for InvalidKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a key id: 6 characters of base64url")
    }
}

impl std::error::Error for InvalidKeyId {}

/// One key of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: KeyId,
    pub(crate) secret: Secret,
    pub(crate) created_at: UnixTime,
    pub(crate) activates_at: UnixTime,
    pub(crate) drains_until: Option<UnixTime>,
    pub(crate) revoked_at: Option<UnixTime>,
}

impl Key {
    /// Its public name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// When it was made, and first published.
    pub fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// From when on it issues, unless a later key does.
    pub fn activates_at(&self) -> UnixTime {
        self.activates_at
    }

    /// Until when it verifies, where a successor is known.
    pub fn drains_until(&self) -> Option<UnixTime> {
        self.drains_until
    }

    /// When it was revoked, if it was. It is refused whatever this time is.
    pub fn revoked_at(&self) -> Option<UnixTime> {
        self.revoked_at
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked_at.is_some()
    }

    /// Retired at `now`: `drains_until` has passed. There is no skew on this one.
    pub(crate) fn is_drained(&self, now: UnixTime) -> bool {
        self.drains_until.is_some_and(|until| until <= now)
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyState {
    /// Verifies only: every node knows it before it issues.
    Staged,
    /// Issues and verifies.
    Active,
    /// Verifies only: its last tokens run out.
    Draining,
    /// Refused; a rotation drops it.
    Retired,
    /// Refused from the moment a node reads it, whatever its times.
    Revoked,
}

impl KeyState {
    /// The word of the vocabulary: `staged`, `active`, `draining`, `retired` or `revoked`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staged => "staged",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether tokens under such a key are taken.
    pub fn verifies(self) -> bool {
        matches!(self, Self::Staged | Self::Active | Self::Draining)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_id_has_one_spelling() {
        let id: KeyId = "q83vEg".parse().unwrap();
        assert_eq!(id.to_bytes(), [0xab, 0xcd, 0xef, 0x12]);
        assert_eq!(id.to_string(), "q83vEg");
        for other in ["q83vEh", "q83vEg==", "q83vE", "q83vEgA", "q83v+g", "", "q83vEgAA"] {
            assert_eq!(other.parse::<KeyId>(), Err(InvalidKeyId), "{other}");
        }
    }
}
