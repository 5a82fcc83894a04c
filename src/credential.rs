//! Credentials of the API's callers: sealed tokens of the reserved audience `saddlebag:api`.
//!
//! Made by `saddlebag credential` alone, and taken by the check of a caller alone: no user database, any
//! node checks them, no endpoint can mint one.

use std::fmt;
use std::str::FromStr;

use saddlebag_keys::{Audience, InvalidAudience, KeyId, KeyRingHandle, UnixTime};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::token::format::Protection;
use crate::token::reason::Reason;
use crate::tokens::{ConfigError, IssueError, Issued, NewSession, Refused, Tokens};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Issue and renew.
    Issue,
    /// Verify and introspect.
    Verify,
    /// Read the keys' states.
    Admin,
}

impl Role {
    pub(crate) const ALL: [Self; 3] = [Self::Issue, Self::Verify, Self::Admin];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Verify => "verify",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no role: issue, verify or admin"))
    }
}

// By hand: serde would also take an object with the name for its one member.
impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Role;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("issue, verify or admin")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Role, E> {
                name.parse().map_err(E::custom)
            }
        }

        input.deserialize_str(Name)
    }
}

/// Who calls, and what they may do. Exactly this is a credential's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caller {
    pub(crate) name: String,
    pub(crate) roles: Vec<Role>,
    /// `None`: all, which must be said. `deserialize_with`: a missing member is an error, not a null.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) audiences: Option<Vec<String>>,
}

impl Caller {
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub(crate) fn may_use(&self, audience: &Audience) -> bool {
        self.audiences.as_ref().is_none_or(|some| some.iter().any(|one| one == audience.as_str()))
    }
}

/// A credential that is good.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) caller: Caller,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
    pub(crate) key: KeyId,
}

/// Makes and checks credentials under one ring.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    tokens: Tokens,
}

impl Credentials {
    pub(crate) fn new(ring: KeyRingHandle) -> Result<Self, ConfigError> {
        Ok(Self { tokens: Tokens::of_credentials(ring)? })
    }

    /// Makes a credential that lives for so many seconds, 30 days or what the policy allows unless told,
    /// and is not renewed.
    pub(crate) fn issue(
        &self,
        caller: &Caller,
        lifetime: Option<u64>,
        now: UnixTime,
    ) -> Result<Issued, CredentialError> {
        if caller.name.is_empty() || caller.name.chars().any(char::is_control) {
            return Err(CredentialError::Name);
        }
        if caller.roles.is_empty() {
            return Err(CredentialError::NoRole);
        }
        for audience in caller.audiences.iter().flatten() {
            let audience = Audience::new(audience).map_err(CredentialError::Audience)?;
            if audience.is_reserved() {
                return Err(CredentialError::Reserved(audience));
            }
        }
        let lifetime = lifetime.unwrap_or_else(|| self.usual_lifetime());
        let session = NewSession::of(caller).lifetime(lifetime).session_lifetime(lifetime);
        self.tokens.issue_at(session, now).map_err(CredentialError::Issue)
    }

    fn usual_lifetime(&self) -> u64 {
        self.tokens.ring().load().as_ref().map_or(USUAL_LIFETIME, |ring| {
            let policy = ring.policy();
            USUAL_LIFETIME.min(policy.max_token_lifetime).min(policy.max_session_lifetime)
        })
    }

    /// Why no credential can be checked at the moment, where that is so.
    pub(crate) fn unusable(&self) -> Option<String> {
        self.tokens.unusable()
    }

    /// Who presents this credential, and until when it is good.
    pub(crate) fn check(&self, token: &str, now: UnixTime) -> Result<Checked, Refused> {
        let verified = self.tokens.verify_at(token, now)?;
        let no_credential = || Refused::new(Reason::BadClaims);
        // Serde would take an array of the members' values, too.
        let is_map = verified.state_cbor().first().is_some_and(|head| head >> 5 == CBOR_MAP);
        if verified.protection() != Protection::Sealed || !is_map {
            return Err(no_credential());
        }
        let caller = verified.state().map_err(|_| no_credential())?;
        let info = verified.info();
        let (issued_at, expires_at) = (info.issued_at, info.expires_at);
        Ok(Checked { caller, issued_at, expires_at, key: verified.key_id() })
    }
}

/// The major type in a CBOR map's first byte.
const CBOR_MAP: u8 = 5;
const USUAL_LIFETIME: u64 = 30 * 86_400;

/// A credential that was not made.
#[derive(Clone, Debug)]
pub(crate) enum CredentialError {
    Name,
    NoRole,
    Audience(InvalidAudience),
    Reserved(Audience),
    Issue(IssueError),
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the name is empty or has control characters"),
            Self::NoRole => f.write_str("a credential needs at least one role"),
            Self::Audience(error) => error.fmt(f),
            Self::Reserved(audience) => write!(f, "the audience {audience} is reserved"),
            Self::Issue(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CredentialError {}

#[cfg(test)]
mod tests {
    use saddlebag_keys::{Policy, rotation};
    use serde_json::json;

    use super::*;

    /// `audiences` could be left out, which meant all of them; and serde takes an array for a struct, and an object of one
    /// member for a role.
    #[test]
    fn a_credentials_state_is_exactly_its_three_members() {
        let now = UnixTime::from_secs(1_800_000_000);
        let plan = rotation::init("test", Policy::default(), now, &mut rand::rngs::SysRng).unwrap();
        let credentials = Credentials::new(KeyRingHandle::fixed(plan.ring)).unwrap();
        for (state, taken) in [
            (json!({"name": "x", "roles": ["issue"], "audiences": null}), true),
            (json!({"name": "x", "roles": ["issue"], "audiences": ["shop"]}), true),
            (json!({"name": "x", "roles": ["issue"]}), false),
            (json!({"name": "x", "roles": ["issue"], "audiences": null, "more": 1}), false),
            (json!({"name": "x", "roles": ["root"], "audiences": null}), false),
            (json!({"name": "x", "roles": [{"issue": null}], "audiences": null}), false),
            (json!({"name": "x", "roles": null, "audiences": null}), false),
            (json!(["x", ["issue"], null]), false),
            (json!(null), false),
        ] {
            let issued = credentials.tokens.issue_at(NewSession::of(&state), now).unwrap();
            assert_eq!(credentials.check(&issued.token, now).is_ok(), taken, "{state}");
        }
    }
}
