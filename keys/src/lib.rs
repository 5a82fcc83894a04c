//! The strong room of saddlebag: keys, the ring that holds them, and the stores that keep it.
//!
//! It knows nothing of tokens or HTTP. The life of a key, which follows from the clock alone:
//!
//! ```text
//! staged ── activates_at ──▶ active ── the next key's activates_at ──▶ draining ── drains_until ──▶ retired
//!   verify only                issue + verify                             verify only        refused, then pruned
//!                      revoked: refused at once, from any state
//! ```
//!
//! A [`KeyRing`] is one immutable generation. [`rotation`] plans the next one, a [`store`] saves it by
//! compare-and-swap, a [`Watch`] keeps a [`KeyRingHandle`] fresh, and readers of the handle never block.
//!
//! ```
//! use saddlebag_keys::{Audience, MemoryStore, Policy, Store, UnixTime, rotation};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = UnixTime::now();
//! let plan = rotation::init("shop-prod", Policy::default(), now, &mut rand::rngs::SysRng)?;
//! let store = MemoryStore::new();
//! store.save(&plan.ring, None)?;
//!
//! let ring = store.load()?;
//! assert_eq!(ring.generation(), 1);
//! assert!(ring.active(now).is_some() && ring.standby(now).is_some());
//! let keys = ring.audience(&Audience::new("shop")?)?;
//! assert_eq!(keys.len(), 2);
//! # Ok(())
//! # }
//! ```

// Tests may stop at what they did not expect.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::string_slice))]

mod audience;
mod cache;
pub mod clock;
pub mod derive;
pub mod document;
mod handle;
mod high_water;
pub mod insecure;
mod key;
mod policy;
mod ring;
pub mod rotation;
mod secret;
pub mod store;
mod watch;

pub use audience::{Audience, InvalidAudience};
pub use cache::RingCache;
pub use clock::{Clock, SystemClock, UnixTime};
pub use handle::{Freshness, KeyRingHandle, NotTaken};
pub use high_water::HighWater;
pub use key::{InvalidKeyId, Key, KeyId, KeyState};
pub use policy::{InvalidPolicy, Policy};
pub use ring::{InvalidRing, KeyRing, MOST_KEYS, OutOfScope};
pub use secret::{SECRET_LEN, Secret, Weakness};
pub use store::{FileStore, MemoryStore, Store, StoreError, StoreErrorKind};
#[cfg(feature = "vault")]
pub use store::{
    InvalidVaultPlace, InvalidVaultSettings, VaultLogin, VaultPlace, VaultSettings, VaultStore,
};
pub use watch::{Watch, WatchError, WatchOptions};
