//! Why a token was refused, told to the operator who holds the ring, and to nobody else.

use saddlebag_keys::{Audience, Key, KeyId, KeyRing, UnixTime, derive};

use crate::cli::failure::Failure;
use crate::cli::ring::RingLocation;
use crate::cli::shown::{about, relative, with_relative};
use crate::token::anatomy;
use crate::token::jwt::JwtAlgorithm;
use crate::token::reason::Reason;
use crate::token::state::StateError;
use crate::tokens::Refused;

/// All that is known of a token that was refused.
pub(super) struct Story<'a> {
    pub(super) ring: &'a KeyRing,
    pub(super) location: &'a RingLocation,
    pub(super) audience: &'a Audience,
    pub(super) jwt: Option<JwtAlgorithm>,
    pub(super) token: &'a str,
    pub(super) now: UnixTime,
}

impl Story<'_> {
    /// Tells a refusal.
    pub(super) fn of(&self, refused: &Refused) -> Failure {
        let reason = refused.reason();
        let key = refused.key_id().or_else(|| self.jwt_key());
        let (what, help) = match reason {
            Reason::TooLong => (
                format!(
                    "it has {} characters, more than the 4096 that a verifier looks at",
                    self.token.len()
                ),
                "a service may raise its limit; the command line keeps to the usual one".to_owned(),
            ),
            Reason::NotAToken => (
                format!(
                    "its {} characters start with neither sb1s nor sb1e, and are no three parts with dots",
                    self.token.len()
                ),
                "send the token and nothing else: no name of a cookie, no quotes, no Bearer"
                    .to_owned(),
            ),
            Reason::Malformed => (
                anatomy::why_malformed(self.token, self.jwt),
                match anatomy::jwt_kid(self.token) {
                    Some(_) => "give the algorithm it was issued with: --jwt hs256 or --jwt eddsa"
                        .to_owned(),
                    None => {
                        "it was cut, changed or wrapped on its way: compare it with what was issued"
                            .to_owned()
                    }
                },
            ),
            Reason::JwtNotAccepted => (
                "it is a jwt, and none is accepted here".to_owned(),
                "add --jwt hs256 or --jwt eddsa, whichever it was issued with".to_owned(),
            ),
            Reason::UnknownKey => (self.unknown(key), self.help_unknown()),
            Reason::KeyRetired => (
                self.told(key, |key| {
                    let at = key.drains_until().unwrap_or_default();
                    format!("key {} retired {}, at {at}", key.id(), relative(at, self.now))
                }),
                "every token under it had ended by then, or its issuer used the key too long"
                    .to_owned(),
            ),
            Reason::KeyRevoked => (
                self.told(key, |key| {
                    let at = key.revoked_at().unwrap_or_default();
                    format!("key {} was revoked {}, at {at}", key.id(), relative(at, self.now))
                }),
                "its session is lost: the user begins a new one".to_owned(),
            ),
            Reason::BadTag => (
                format!(
                    "it does not match key {}, which the ring has: forged, changed, issued for another \
                     audience than {}, or with a binding; nobody can tell which",
                    key.map(|key| key.to_string()).unwrap_or_default(),
                    self.audience
                ),
                "try the audience it was issued for: --audience NAME".to_owned(),
            ),
            Reason::BadClaims => (
                format!(
                    "it is authentic, and its claims are not what the format allows{}",
                    anatomy::why_bad_claims(self.token)
                        .map(|why| format!(": {why}"))
                        .unwrap_or_default()
                ),
                "its issuer does not follow docs/token-format.md, section 6".to_owned(),
            ),
            Reason::Expired => self.expired(refused),
            Reason::NotYetValid => self.not_yet(refused),
            _ => ("there is no ring to verify it with".to_owned(), "give a --ring".to_owned()),
        };
        Failure::refused(format!("the token is not valid ({}): {what}", reason.code()), help)
    }

    /// Tells of a token whose state cannot be shown.
    pub(super) fn of_state(&self, error: &StateError) -> Failure {
        Failure::refused(
            format!(
                "the token is not valid (bad_state): it is authentic, and its state breaks the format: {error}"
            ),
            "its issuer does not follow docs/token-format.md, section 6",
        )
    }

    fn expired(&self, refused: &Refused) -> (String, String) {
        let skew = self.ring.policy().clock_skew;
        let (issued_at, expires_at) = times(refused);
        let what = format!(
            "it ended {}; it was issued {}, for {}",
            with_relative(expires_at, self.now),
            with_relative(issued_at, self.now),
            about(expires_at.since(issued_at))
        );
        let help = format!(
            "the clock skew of {skew} s is over as well: renew sooner, or begin a new session"
        );
        (what, help)
    }

    fn not_yet(&self, refused: &Refused) -> (String, String) {
        let skew = self.ring.policy().clock_skew;
        let (issued_at, _) = times(refused);
        let ahead = issued_at.since(self.now);
        let what = format!("it was issued {} ahead of this clock, at {issued_at}", about(ahead));
        let help = format!("{skew} s are allowed: set this clock ({}), or its issuer's", self.now);
        (what, help)
    }

    fn unknown(&self, key: Option<KeyId>) -> String {
        let mut known: Vec<String> = Vec::new();
        for key in self.ring.keys() {
            known.push(format!("{} ({})", key.id(), self.ring.state(key, self.now)));
        }
        let (wanted, scheme) = match (key, anatomy::jwt_kid(self.token)) {
            (Some(key), _) => (format!("key {key}"), ""),
            (None, Some(kid)) => (format!("a key whose jwt kid is {kid:?}"), " for this audience"),
            (None, None) => ("its key".to_owned(), ""),
        };
        format!(
            "generation {} of {} does not have {wanted}{scheme}; it has {}",
            self.ring.generation(),
            self.ring.name(),
            known.join(", ")
        )
    }

    fn help_unknown(&self) -> String {
        match self.jwt {
            Some(_) if anatomy::jwt_kid(self.token).is_some() => {
                "its key is gone or newer than this ring, or it was issued for another audience: --audience NAME".to_owned()
            }
            _ => format!("its key was dropped, is newer than {}, or belongs to another ring", self.location),
        }
    }

    /// What to tell of a key of the ring.
    fn told(&self, key: Option<KeyId>, tell: impl Fn(&Key) -> String) -> String {
        let key = key.and_then(|key| self.ring.key(key));
        key.map_or_else(|| "its key is not taken any more".to_owned(), tell)
    }

    /// The ring key under whose jwt kid a jwt was issued.
    fn jwt_key(&self) -> Option<KeyId> {
        let kid = anatomy::jwt_kid(self.token)?;
        let keys = self.ring.audience(self.audience).ok()?;
        let found = keys
            .iter()
            .find(|(_, secret)| crate::token::format::encode(&derive::jwt_kid(secret)) == kid);
        found.map(|(id, _)| *id)
    }
}

fn times(refused: &Refused) -> (UnixTime, UnixTime) {
    let (issued_at, expires_at) = (refused.issued_at(), refused.expires_at());
    (issued_at.unwrap_or_default(), expires_at.unwrap_or_default())
}
