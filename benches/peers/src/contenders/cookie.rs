//! cookie's jars: text with times of ours before it; a token is the cookie's value.
//!
//! The private jar takes any text. The signed one shows its value, and JSON is none that a cookie may have
//! (RFC 6265, section 4.1.1): there the body is base64url, by the fastest crate.

use cookie::{Cookie, CookieJar, Key};

use super::{Peer, Prefix, of_bytes};
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Private(Key);

struct Opened(Cookie<'static>);

impl AsRef<[u8]> for Opened {
    fn as_ref(&self) -> &[u8] {
        self.0.value().as_bytes()
    }
}

fn value(jar: &CookieJar) -> String {
    jar.get(NAME).expect("a cookie").value().to_owned()
}

impl Peer for Private {
    type Opened = Opened;

    fn name(&self) -> &'static str {
        "cookie private"
    }

    fn kind(&self) -> Kind {
        Kind::Sealed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        let mut jar = CookieJar::new();
        let text = String::from_utf8(body).expect("text");
        jar.private_mut(&self.0).add(Cookie::new(NAME, text));
        value(&jar)
    }

    fn open(&self, token: &str) -> Option<Opened> {
        let cookie = Cookie::new(NAME, token.to_owned());
        CookieJar::new().private(&self.0).decrypt(cookie).map(Opened)
    }
}

struct Signed(Key);

impl Peer for Signed {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        "cookie signed"
    }

    fn kind(&self) -> Kind {
        Kind::Signed
    }

    fn seal(&self, body: Vec<u8>) -> String {
        let mut jar = CookieJar::new();
        let text = base64_simd::URL_SAFE_NO_PAD.encode_to_string(&body);
        jar.signed_mut(&self.0).add(Cookie::new(NAME, text));
        value(&jar)
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        let cookie = Cookie::new(NAME, token.to_owned());
        let cookie = CookieJar::new().signed(&self.0).verify(cookie)?;
        base64_simd::URL_SAFE_NO_PAD.decode_to_vec(cookie.value()).ok()
    }
}

pub fn contenders(payload: &'static Payload) -> Vec<Contender> {
    vec![
        of_bytes(Private(Key::generate()), Prefix::Text, payload),
        of_bytes(Signed(Key::generate()), Prefix::IdAndTimes, payload),
    ]
}

const NAME: &str = "s";
