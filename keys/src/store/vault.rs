//! A ring in Vault: one secret of its KV engine, read by its version and saved by check-and-set.
//!
//! HashiCorp Vault's HTTP API, which OpenBao speaks too. Requests are `vaultrs`'s; how they travel (hosts,
//! redirects, sizes, times, TLS) and what an answer means is decided here.

mod answer;
mod api;
mod client;
mod http;
mod login;
mod place;
mod settings;
mod tls;
mod worker;

use std::fmt;

use super::{Store, StoreError, StoreErrorKind};
use crate::ring::KeyRing;

use client::Client;
use worker::Worker;

pub use login::VaultLogin;
pub use place::{InvalidVaultPlace, VaultPlace};
pub use settings::{InvalidVaultSettings, VaultSettings};

/// Keeps a ring in a secret of Vault's KV engine.
///
/// Version 2 of the engine is saved to by check-and-set against the version that was read. Version 1, which
/// has none, is read, and saved to only where the store is told to
/// ([`allowing_unguarded_writes`](Self::allowing_unguarded_writes)).
///
/// A thread of the store's own talks to Vault, renews its token before it ends, and logs in again after; it
/// ends with the store. Calls wait for it, and may be made from anywhere, an async runtime included.
pub struct VaultStore {
    place: VaultPlace,
    worker: Worker,
}

impl VaultStore {
    /// The store at `place`. Nothing is asked of Vault yet.
    ///
    /// # Errors
    ///
    /// Where a file that the settings name cannot be used, or no thread can be started.
    pub fn new(place: VaultPlace, settings: VaultSettings) -> Result<Self, InvalidVaultSettings> {
        Self::build(place, settings, Permissions::default())
    }

    /// The same, taking a ring also where the secret's versions began anew: after a restore of Vault, and not
    /// for longer.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn allowing_rollback(
        place: VaultPlace,
        settings: VaultSettings,
    ) -> Result<Self, InvalidVaultSettings> {
        let permissions = Permissions { rollback: true, ..Permissions::default() };
        Self::build(place, settings, permissions)
    }

    /// The same, saving also to version 1 of the KV engine, where one writer may overwrite another's change.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn allowing_unguarded_writes(
        place: VaultPlace,
        settings: VaultSettings,
    ) -> Result<Self, InvalidVaultSettings> {
        let permissions = Permissions { unguarded_writes: true, ..Permissions::default() };
        Self::build(place, settings, permissions)
    }

    fn build(
        place: VaultPlace,
        settings: VaultSettings,
        permissions: Permissions,
    ) -> Result<Self, InvalidVaultSettings> {
        let client = Client::new(place.clone(), settings, permissions)?;
        let worker = Worker::start(client).map_err(InvalidVaultSettings::thread)?;
        Ok(Self { place, worker })
    }

    fn error(&self, kind: StoreErrorKind) -> StoreError {
        StoreError::new(self.location(), kind)
    }
}

/// What a store does only where it is told to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Permissions {
    rollback: bool,
    unguarded_writes: bool,
}

impl Store for VaultStore {
    fn load(&self) -> Result<KeyRing, StoreError> {
        self.worker.run(async |client| client.load().await).map_err(|kind| self.error(kind))
    }

    fn look(&self) -> Result<Option<KeyRing>, StoreError> {
        self.worker.run(async |client| client.look().await).map_err(|kind| self.error(kind))
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        let ring = ring.clone();
        let saved = self.worker.run(async move |client| client.save(&ring, expected).await);
        saved.map_err(|kind| self.error(kind))
    }

    fn location(&self) -> String {
        self.place.to_string()
    }
}

impl fmt::Debug for VaultStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VaultStore").field(&self.place.to_string()).finish()
    }
}
