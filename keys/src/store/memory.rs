//! A ring in memory: for tests, and for programs that bring their own distribution.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Store, StoreError, StoreErrorKind};
use crate::ring::KeyRing;

/// Keeps a ring for as long as the process lives.
#[derive(Default)]
pub struct MemoryStore {
    ring: Mutex<Option<KeyRing>>,
}

impl MemoryStore {
    /// A store without a ring.
    pub fn new() -> Self {
        Self::default()
    }

    fn ring(&self) -> MutexGuard<'_, Option<KeyRing>> {
        // A ring is replaced whole: a panic elsewhere leaves none half-written.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<KeyRing, StoreError> {
        let ring = self.ring().clone();
        ring.ok_or_else(|| StoreError::new(self.location(), StoreErrorKind::NotFound))
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        let mut held = self.ring();
        let found = held.as_ref().map(KeyRing::generation);
        if found != expected {
            return Err(StoreError::new(self.location(), StoreErrorKind::Conflict { found }));
        }
        *held = Some(ring.clone());
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}
