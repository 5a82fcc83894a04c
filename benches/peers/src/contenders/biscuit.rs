//! biscuit-auth: the id and the state's JSON as bytes in a fact, the expiry as a check on `time`.
//!
//! By the builder's functions, which parse no text. Verified is signature, check and policy, then the fact is asked
//! for. Its own limit of a millisecond a token is lifted, for it would be another answer on a busy machine.

use std::time::{Duration, SystemTime};

use biscuit_auth::builder::{Fact, Rule, bytes, fact, pred, rule, var};
use biscuit_auth::builder_ext::{AuthorizerExt, BuilderExt};
use biscuit_auth::{AuthorizerLimits, Biscuit, KeyPair, PublicKey};

use super::{Peer, Prefix, of_bytes};
use crate::clock::LIFETIME;
use crate::harness::{Contender, Kind};
use crate::states::Payload;

struct Public {
    keys: KeyPair,
    public: PublicKey,
    query: Rule,
}

impl Public {
    fn ending(&self, body: &[u8], at: SystemTime) -> String {
        let session: Fact = fact("session", &[bytes(body)]);
        let builder = Biscuit::builder().fact(session).expect("a fact").check_expiration_date(at);
        builder.build(&self.keys).expect("a token").to_base64().expect("a token")
    }
}

impl Peer for Public {
    type Opened = Vec<u8>;

    fn name(&self) -> &'static str {
        "biscuit-auth"
    }

    fn kind(&self) -> Kind {
        Kind::Public
    }

    fn seal(&self, body: Vec<u8>) -> String {
        self.ending(&body, SystemTime::now() + Duration::from_secs(LIFETIME))
    }

    fn open(&self, token: &str) -> Option<Vec<u8>> {
        let token = Biscuit::from_base64(token, self.public).ok()?;
        let limits = AuthorizerLimits { max_time: Duration::from_secs(10), ..Default::default() };
        let builder = biscuit_auth::builder::AuthorizerBuilder::new().time().allow_all();
        let mut authorizer = builder.set_limits(limits).build(&token).ok()?;
        authorizer.authorize().ok()?;
        let (body,): (Vec<u8>,) = authorizer.query_exactly_one(self.query.clone()).ok()?;
        Some(body)
    }

    fn expired(&self, body: Vec<u8>) -> Option<String> {
        Some(self.ending(&body, SystemTime::now() - Duration::from_secs(120)))
    }
}

pub fn contender(payload: &'static Payload) -> Contender {
    let keys = KeyPair::new();
    let public = keys.public();
    let query = rule("state", &[var("body")], &[pred("session", &[var("body")])]);
    of_bytes(Public { keys, public, query }, Prefix::Id, payload)
}
