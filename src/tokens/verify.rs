//! Verification, in the order of the format's section 7. Each step ends in the same outward answer.

use std::ops::Range;

use saddlebag_keys::{KeyId, UnixTime};

use super::keys::AudienceKeys;
use super::{Refused, Tokens};
use crate::session::{SessionId, SessionInfo, Verified};
use crate::token::claims::Claims;
use crate::token::format::{self, HEADER_LEN, Protection, TAG_LEN};
#[cfg(feature = "jwt")]
use crate::token::jwt::Jws;
use crate::token::reason::Reason;
use crate::token::sealed::CLAIMS_AT;

impl Tokens {
    /// Verifies a token at the machine's time: signed, sealed, and jwt where it is accepted.
    ///
    /// Reads no file, makes no call, takes no lock that a writer holds, and leaves the state undecoded.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify(&self, token: &str) -> Result<Verified, Refused> {
        self.verify_at(token, UnixTime::now())
    }

    /// [`verify`](Self::verify) at a time of the caller's.
    ///
    /// # Errors
    ///
    /// [`Refused`].
    pub fn verify_at(&self, token: &str, now: UnixTime) -> Result<Verified, Refused> {
        self.verify_ascii_at(token.as_bytes(), now)
    }

    /// The same for a text that was not looked at: what is no ASCII is refused where its characters are read, once.
    // What `finish` made is the answer where it stands: to look at it here would be to copy it.
    pub(crate) fn verify_ascii_at(&self, token: &[u8], now: UnixTime) -> Result<Verified, Refused> {
        if token.len() > self.shared.config.longest_verified {
            return Err(Refused::new(Reason::TooLong));
        }
        let protection = format::looks_like(token).ok_or(Refused::new(Reason::NotAToken))?;
        if protection == Protection::Jwt {
            return self.check_jwt(token, now);
        }
        let keys = self.keys();
        let keys = keys.as_deref().ok_or(Refused::new(Reason::NoRing))?;
        let sealed = protection == Protection::Sealed;
        let shortest = if sealed { format::SHORTEST_SEALED } else { format::SHORTEST_SIGNED };
        let decoded = format::decode(token, shortest, self.shared_len());
        let (mut bytes, key) = decoded.ok_or(Refused::new(Reason::Malformed))?;
        let suites = keys.verifying(key, now);
        let suites = suites.map_err(|reason| Refused::under(self.no_key(reason, now), key))?;
        let is_right = if sealed {
            suites.sealed.open(&mut bytes, self.binding()).is_some()
        } else {
            suites.signed.verifies(&bytes, self.binding())
        };
        if !is_right {
            return Err(Refused::under(Reason::BadTag, key));
        }
        let start = if sealed { CLAIMS_AT } else { HEADER_LEN };
        let claims = start..bytes.len().saturating_sub(TAG_LEN);
        self.finish(bytes, claims, key, protection, keys, now)
    }

    #[cfg(feature = "jwt")]
    fn check_jwt(&self, token: &[u8], now: UnixTime) -> Result<Verified, Refused> {
        let token = std::str::from_utf8(token).map_err(|_| Refused::new(Reason::Malformed))?;
        let algorithm = self.shared.config.jwt.filter(|_| self.binding().is_empty());
        let algorithm = algorithm.ok_or(Refused::new(Reason::JwtNotAccepted))?;
        let jws = Jws::parse(token).ok_or(Refused::new(Reason::Malformed))?;
        let kid = jws.kid(algorithm).ok_or(Refused::new(Reason::Malformed))?;
        let keys = self.keys();
        let keys = keys.as_deref().ok_or(Refused::new(Reason::NoRing))?;
        let found = keys.verifying_jwt(&kid, now);
        let (suites, key) = found.map_err(|reason| Refused::new(self.no_key(reason, now)))?;
        let opened = key.open(&jws, &self.shared.audience, self.shared_len());
        let opened = opened.map_err(|reason| Refused::under(reason, suites.id))?;
        let claims = 0..opened.claims.len();
        let jwt = Protection::Jwt;
        let mut verified = self.finish(opened.claims, claims, suites.id, jwt, keys, now)?;
        verified.bytes.extend_from_slice(opened.state.as_bytes());
        Ok(verified)
    }

    #[cfg(not(feature = "jwt"))]
    fn check_jwt(&self, _: &[u8], _: UnixTime) -> Result<Verified, Refused> {
        Err(Refused::new(Reason::JwtNotAccepted))
    }

    /// Why no key takes a token.
    #[cold]
    fn no_key(&self, reason: Reason, now: UnixTime) -> Reason {
        if reason == Reason::UnknownKey {
            // The one sign that this node's ring may be old. It asks, and does not wait.
            self.shared.ring.unknown_key(now);
        }
        reason
    }

    /// Claims, then times: what is the same for every authentic token.
    fn finish(
        &self,
        mut bytes: Vec<u8>,
        claims: Range<usize>,
        key: KeyId,
        protection: Protection,
        keys: &AudienceKeys,
        now: UnixTime,
    ) -> Result<Verified, Refused> {
        let (start, end) = (claims.start, claims.end);
        let parsed = bytes.get(claims).and_then(|claims| Claims::parse(claims).ok());
        let parsed = parsed.ok_or(Refused::under(Reason::BadClaims, key))?;
        let info = info(&parsed);
        let skew = keys.ring().policy().clock_skew;
        let refused =
            |reason| Refused::under(reason, key).at_times(info.issued_at, info.expires_at);
        if now >= info.expires_at.saturating_add(skew) {
            return Err(refused(Reason::Expired));
        }
        if info.issued_at > now.saturating_add(skew) {
            return Err(refused(Reason::NotYetValid));
        }
        // The state is what follows the subject, and both are at the end of the claims.
        let state = end.saturating_sub(parsed.state.len()).max(start)..end;
        let subject =
            parsed.subject.map(|subject| state.start.saturating_sub(subject.len())..state.start);
        // What both sides know goes with it by copy: a counter that all threads share would cost more.
        let audience = bytes.len();
        bytes.extend_from_slice(self.shared.audience.as_str().as_bytes());
        let binding = bytes.len();
        bytes.extend_from_slice(self.binding());
        let (subject, audience) = (subject.map(Into::into), audience..binding);
        let (state, audience) = (state.into(), audience.into());
        Ok(Verified { info, key, protection, subject, state, audience, bytes })
    }

    /// Bytes of what [`finish`](Self::finish) puts behind a token's own.
    fn shared_len(&self) -> usize {
        self.shared.audience.as_str().len().saturating_add(self.binding().len())
    }
}

pub(super) fn info(claims: &Claims<'_>) -> SessionInfo {
    SessionInfo {
        id: SessionId(claims.id),
        started_at: UnixTime::from_secs(claims.started),
        issued_at: UnixTime::from_secs(claims.issued_at()),
        expires_at: UnixTime::from_secs(claims.expires_at()),
        ends_at: UnixTime::from_secs(claims.ends_at()),
        revision: claims.revision,
    }
}
