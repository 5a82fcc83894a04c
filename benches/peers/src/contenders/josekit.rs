//! josekit: JWE (dir, A256GCM) over bytes with times of ours, and JWS HS256 over JSON claims.
//!
//! By `serialize_compact` on bytes; its `JwtPayload` is a map of values, which is slower.

use josekit::jwe::{self, JweDecrypter, JweEncrypter, JweHeader};
use josekit::jws::{self, JwsHeader, JwsSigner, JwsVerifier};

use super::{Peer, Prefix, of_bytes, of_claims};
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Jwe {
    header: JweHeader,
    encrypter: Box<dyn JweEncrypter>,
    decrypter: Box<dyn JweDecrypter>,
}

impl Peer for Jwe {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        "josekit JWE dir A256GCM"
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        jwe::serialize_compact(&body, &self.header, &*self.encrypter).expect("a token")
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        jwe::deserialize_compact(token, &*self.decrypter).ok().map(|(body, _)| body)
    }
}

struct Jws {
    header: JwsHeader,
    signer: Box<dyn JwsSigner>,
    verifier: Box<dyn JwsVerifier>,
}

impl Peer for Jws {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        "josekit HS256"
    }

    fn kind(&self) -> Kind {
        Kind::Signed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        jws::serialize_compact(&body, &self.header, &*self.signer).expect("a token")
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        jws::deserialize_compact(token, &*self.verifier).ok().map(|(body, _)| body)
    }
}

pub fn contenders(payload: &'static Payload) -> Vec<Contender> {
    let key = [7; 32];
    let mut header = JweHeader::new();
    header.set_content_encryption("A256GCM");
    let encrypter = Box::new(jwe::Dir.encrypter_from_bytes(key).expect("32 bytes"));
    let decrypter = Box::new(jwe::Dir.decrypter_from_bytes(key).expect("32 bytes"));
    let jwe = Jwe { header, encrypter, decrypter };
    let signer = Box::new(jws::HS256.signer_from_bytes(key).expect("32 bytes"));
    let verifier = Box::new(jws::HS256.verifier_from_bytes(key).expect("32 bytes"));
    let jws = Jws { header: JwsHeader::new(), signer, verifier };
    vec![of_bytes(jwe, Prefix::IdAndTimes, payload), of_claims(jws, payload)]
}
