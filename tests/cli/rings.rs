//! Rings with a past, the same at every run, and tokens issued in it.

use std::convert::Infallible;
use std::fs;
use std::path::Path;

use rand::{TryCryptoRng, TryRng};
use saddlebag::keys::rotation::{self, Due};
use saddlebag::keys::{FileStore, KeyRing, KeyRingHandle, Policy, Store, UnixTime};
use saddlebag::{NewSession, Protection, Tokens};
use sha2::{Digest, Sha256};

/// Writes `drill.json`, rotated on Jan 31 and Mar 2 of 2026, `revoked.json`, in which a draining key was
/// revoked since, `late.json`, never rotated, and tokens of January and February.
pub(crate) fn write(folder: &Path) {
    let mut rng = Drill(0);
    let policy = Policy::default();
    let first = rotation::init("drill", policy, at("2026-01-01T00:00:00Z"), &mut rng).unwrap().ring;
    save(folder, "late.json", &first);
    token(folder, "january.token", &first, "2026-01-10T00:00:00Z");
    let second = rotated(&first, "2026-01-31T00:00:00Z", &mut rng);
    token(folder, "february.token", &second, "2026-02-10T00:00:00Z");
    let third = rotated(&second, "2026-03-02T12:00:00Z", &mut rng);
    save(folder, "drill.json", &third);
    let draining = third.keys()[1].id();
    let now = at("2026-03-02T13:00:00Z");
    let revoke = rotation::Revoke::Key(draining);
    let revoked = rotation::revoke(&third, revoke, now, &mut rng).unwrap().ring;
    save(folder, "revoked.json", &revoked);
}

fn at(time: &str) -> UnixTime {
    time.parse().unwrap()
}

fn rotated(ring: &KeyRing, now: &str, rng: &mut Drill) -> KeyRing {
    match rotation::rotate(ring, at(now), rng).unwrap() {
        Due::Now(plan) => plan.ring,
        Due::At(time) => panic!("due at {time}"),
    }
}

fn save(folder: &Path, name: &str, ring: &KeyRing) {
    FileStore::new(folder.join(name)).save(ring, None).unwrap();
}

fn token(folder: &Path, name: &str, ring: &KeyRing, now: &str) {
    let tokens = Tokens::builder(KeyRingHandle::fixed(ring.clone())).protection(Protection::Signed);
    let month = 30 * 86_400;
    let session =
        NewSession::of("a state").subject("alice").lifetime(month).session_lifetime(month);
    let issued = tokens.build().unwrap().issue_at(session, at(now)).unwrap();
    fs::write(folder.join(name), issued.token + "\n").unwrap();
}

/// Bytes that look random and are the same every time.
struct Drill(u64);

impl TryRng for Drill {
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
            self.0 += 1;
            let block = Sha256::digest([&b"drill"[..], &self.0.to_le_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Drill {}
