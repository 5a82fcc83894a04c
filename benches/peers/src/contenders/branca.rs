//! branca: bytes, with a timestamp of its own, in base62.

use super::{Peer, Prefix, of_bytes};
use crate::clock::{LIFETIME, now};
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Opaque([u8; 32]);

fn seconds(time: u64) -> u32 {
    u32::try_from(time).expect("a time before 2106")
}

impl Peer for Opaque {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        "branca"
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        branca::encode(&body, &self.0, seconds(now())).expect("a token")
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        branca::decode(token, &self.0, seconds(LIFETIME)).ok()
    }

    fn expired(&self, body: Vec<u8>) -> Option<String> {
        branca::encode(&body, &self.0, seconds(now() - LIFETIME - 120)).ok()
    }
}

pub fn contender(payload: &'static Payload) -> Contender {
    of_bytes(Opaque([7; 32]), Prefix::Id, payload)
}
