//! Verification, in the order of the format's section 7. Each step ends in the same outward answer.

use std::ops::Range;
use std::sync::Arc;

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
        let refused = self.check(token, now);
        if let Err(refused) = &refused
            && refused.reason() == Reason::UnknownKey
        {
            // The one sign that this node's ring may be old. It asks, and does not wait.
            self.shared.ring.unknown_key(now);
        }
        refused
    }

    fn check(&self, token: &str, now: UnixTime) -> Result<Verified, Refused> {
        if token.len() > self.shared.config.longest_verified {
            return Err(Refused::new(Reason::TooLong));
        }
        let protection = format::looks_like(token).ok_or(Refused::new(Reason::NotAToken))?;
        let keys = || self.keys().ok_or(Refused::new(Reason::NoRing));
        match protection {
            Protection::Signed => self.check_signed(token, &*keys()?, now),
            Protection::Sealed => self.check_sealed(token, &*keys()?, now),
            Protection::Jwt => self.check_jwt(token, keys, now),
        }
    }

    fn check_signed(
        &self,
        token: &str,
        keys: &AudienceKeys,
        now: UnixTime,
    ) -> Result<Verified, Refused> {
        let decoded = format::decode(token, format::SHORTEST_SIGNED);
        let (bytes, key) = decoded.ok_or(Refused::new(Reason::Malformed))?;
        let suites = keys.verifying(key, now).map_err(|reason| Refused::under(reason, key))?;
        if !suites.signed.verifies(&bytes, self.binding()) {
            return Err(Refused::under(Reason::BadTag, key));
        }
        let claims = HEADER_LEN..bytes.len().saturating_sub(TAG_LEN);
        self.finish(bytes, claims, key, Protection::Signed, keys, now)
    }

    fn check_sealed(
        &self,
        token: &str,
        keys: &AudienceKeys,
        now: UnixTime,
    ) -> Result<Verified, Refused> {
        let decoded = format::decode(token, format::SHORTEST_SEALED);
        let (mut bytes, key) = decoded.ok_or(Refused::new(Reason::Malformed))?;
        let suites = keys.verifying(key, now).map_err(|reason| Refused::under(reason, key))?;
        if suites.sealed.open(&mut bytes, self.binding()).is_none() {
            return Err(Refused::under(Reason::BadTag, key));
        }
        let claims = CLAIMS_AT..bytes.len().saturating_sub(TAG_LEN);
        self.finish(bytes, claims, key, Protection::Sealed, keys, now)
    }

    #[cfg(feature = "jwt")]
    fn check_jwt(
        &self,
        token: &str,
        keys: impl FnOnce() -> Result<Arc<AudienceKeys>, Refused>,
        now: UnixTime,
    ) -> Result<Verified, Refused> {
        let algorithm = self.shared.config.jwt.filter(|_| self.binding().is_empty());
        let algorithm = algorithm.ok_or(Refused::new(Reason::JwtNotAccepted))?;
        let jws = Jws::parse(token, algorithm).ok_or(Refused::new(Reason::Malformed))?;
        let keys = keys()?;
        let (suites, key) = keys.verifying_jwt(&jws.kid, now).map_err(Refused::new)?;
        let opened = key.open(&jws, &self.shared.audience);
        let opened = opened.map_err(|reason| Refused::under(reason, suites.id))?;
        let claims = 0..opened.claims.len();
        let verified =
            self.finish(opened.claims, claims, suites.id, Protection::Jwt, &keys, now)?;
        Ok(Verified { state_json: Some(opened.state), ..verified })
    }

    #[cfg(not(feature = "jwt"))]
    fn check_jwt(
        &self,
        _: &str,
        _: impl FnOnce() -> Result<Arc<AudienceKeys>, Refused>,
        _: UnixTime,
    ) -> Result<Verified, Refused> {
        Err(Refused::new(Reason::JwtNotAccepted))
    }

    /// Claims, then times: what is the same for every authentic token.
    fn finish(
        &self,
        bytes: Vec<u8>,
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
        Ok(Verified {
            info,
            audience: self.shared.audience.clone(),
            key,
            protection,
            binding: self.binding.clone(),
            subject,
            state,
            bytes,
            state_json: None,
        })
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
