//! fernet: bytes, with a timestamp of its own, checked by `decrypt_with_ttl`.
//!
//! One build holds one of its backends: OpenSSL with the other peers, RustCrypto with josekit.

use fernet::Fernet;

use super::{Peer, Prefix, of_bytes};
use crate::clock::{LIFETIME, now};
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Opaque(Fernet);

impl Peer for Opaque {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        match cfg!(feature = "josekit") {
            true => "fernet (RustCrypto)",
            false => "fernet (OpenSSL)",
        }
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        self.0.encrypt(&body)
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        self.0.decrypt_with_ttl(token, LIFETIME).ok()
    }

    fn expired(&self, body: Vec<u8>) -> Option<String> {
        Some(self.0.encrypt_at_time(&body, now() - LIFETIME - 120))
    }
}

pub fn contender(payload: &'static Payload) -> Contender {
    let key = Fernet::new(&Fernet::generate_key()).expect("a key");
    of_bytes(Opaque(key), Prefix::Id, payload)
}
