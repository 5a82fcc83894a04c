//! PASETO v4.local by two crates: JSON claims with the state as an object.
//!
//! Both by their calls on a payload; their own claims types parse everything into maps of values and dates in text,
//! which is slower, and the numeric `exp` here is checked all the same.

use pasetors::keys::SymmetricKey;
use pasetors::token::{TrustedToken, UntrustedToken};
use pasetors::version4::{LocalToken, V4};
use rusty_paseto::core;

use super::{Peer, of_claims};
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Pasetors(SymmetricKey<V4>);

struct Trusted(TrustedToken);

impl AsRef<[u8]> for Trusted {
    fn as_ref(&self) -> &[u8] {
        self.0.payload().as_bytes()
    }
}

impl Peer for Pasetors {
    type Opened = Trusted;

    fn name(&self) -> &'static str {
        "pasetors v4.local"
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        LocalToken::encrypt(&self.0, &body, None, None).expect("a token")
    }

    fn open(&self, token: &str) -> Option<Trusted> {
        let token = UntrustedToken::try_from(token).ok()?;
        LocalToken::decrypt(&self.0, &token, None, None).ok().map(Trusted)
    }
}

struct Rusty(core::PasetoSymmetricKey<core::V4, core::Local>);

impl Peer for Rusty {
    type Opened = String;

    fn name(&self) -> &'static str {
        "rusty_paseto v4.local"
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        let text = std::str::from_utf8(&body).expect("JSON");
        let nonce = core::Key::<32>::try_new_random().expect("random bytes");
        core::Paseto::<core::V4, core::Local>::builder()
            .set_payload(core::Payload::from(text))
            .try_encrypt(&self.0, &core::PasetoNonce::from(&nonce))
            .expect("a token")
    }

    fn open(&self, token: &str) -> Option<String> {
        core::Paseto::<core::V4, core::Local>::try_decrypt(token, &self.0, None, None).ok()
    }
}

pub fn contenders(payload: &'static Payload) -> Vec<Contender> {
    let pasetors = Pasetors(SymmetricKey::from(&[7; 32]).expect("32 bytes"));
    let rusty = Rusty(core::PasetoSymmetricKey::from(core::Key::<32>::from([7; 32])));
    vec![of_claims(pasetors, payload), of_claims(rusty, payload)]
}
