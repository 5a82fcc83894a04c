//! Who calls: a credential in `Authorization`, checked like any token; or, on a Unix socket, a local user
//! who was granted roles.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use saddlebag_keys::UnixTime;

use super::Service;
use super::metrics::CallerRefused;
use super::observe::Story;
use super::peer::Peer;
use super::problem::Problem;
use crate::credential::{Caller, Role};
use crate::token::reason::Reason;

/// How a credential may be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schemes {
    Bearer,
    /// Basic too (RFC 7617), as OAuth's clients do: the credential is the password, the name is anything.
    BearerOrBasic,
}

impl Schemes {
    /// What a 401 says (RFC 9110, section 11.6.1).
    pub(super) const fn challenges(self) -> &'static [&'static str] {
        match self {
            Self::Bearer => &["Bearer"],
            Self::BearerOrBasic => &["Bearer", "Basic realm=\"saddlebag\", charset=\"UTF-8\""],
        }
    }
}

impl Service {
    /// The caller, if it is known and has the role.
    pub(super) fn caller(
        &self,
        request: &Request,
        role: Role,
        schemes: Schemes,
        now: UnixTime,
    ) -> Result<Caller, Problem> {
        let caller = self.known(request, schemes, now)?;
        if let Some(story) = request.extensions().get::<Story>() {
            story.caller(&caller.name);
        }
        if !caller.has(role) {
            tracing::debug!(caller = caller.name, role = role.as_str(), "caller lacks a role");
            self.metrics.tokens.caller_refused(CallerRefused::Role);
            return Err(Problem::role_required(role));
        }
        Ok(caller)
    }

    fn known(&self, request: &Request, schemes: Schemes, now: UnixTime) -> Result<Caller, Problem> {
        let headers = request.headers();
        if !headers.contains_key(AUTHORIZATION)
            && let Some(local) = self.local_user(request.extensions().get())
        {
            return Ok(local);
        }
        let credential = credential(headers, schemes).zip(self.credentials.as_ref());
        let (credential, credentials) = credential.ok_or_else(|| {
            self.metrics.tokens.caller_refused(CallerRefused::NoCredential);
            Problem::unauthenticated(schemes)
        })?;
        let checked = credentials.check(&credential, now).map_err(|refused| {
            tracing::debug!(
                reason = refused.reason().code(),
                key = refused.key_id().map(tracing::field::display),
                "credential refused"
            );
            self.metrics.tokens.caller_refused(CallerRefused::Credential(refused.reason()));
            match refused.reason() {
                Reason::NoRing => Problem::not_ready(),
                _ => Problem::unauthenticated(schemes),
            }
        });
        let checked = checked?;
        if checked.expires_at.since(now) < ENDING {
            self.metrics.tokens.caller_ending();
        }
        Ok(checked.caller)
    }

    /// Who came by a Unix socket, and was granted roles by their user id.
    fn local_user(&self, peer: Option<&Peer>) -> Option<Caller> {
        let uid = peer?.uid()?;
        let granted = self.local_users.iter().filter(|user| user.uid == uid);
        let roles: Vec<Role> = granted.flat_map(|user| user.roles.iter().copied()).collect();
        (!roles.is_empty()).then(|| Caller { name: format!("uid:{uid}"), roles, audiences: None })
    }
}

/// The one credential that is presented; two headers are none.
fn credential(headers: &HeaderMap, schemes: Schemes) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    // RFC 9110, section 11.4: one space or more.
    let rest = rest.trim_start_matches(' ');
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.into());
    }
    if schemes == Schemes::BearerOrBasic && scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(BASE64_STANDARD.decode(rest).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| password.to_owned().into());
    }
    None
}

/// Seconds before a credential's end from which its use is counted: there is time to make the next.
const ENDING: u64 = 3 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_credential_is_taken() {
        let basic = format!("Basic {}", BASE64_STANDARD.encode("shop:a:b"));
        let nameless = format!("basic {}", BASE64_STANDARD.encode(":abc"));
        for (values, by_bearer, by_either) in [
            (&["Bearer abc"][..], Some("abc"), Some("abc")),
            (&["bearer abc"], Some("abc"), Some("abc")),
            (&["Bearer   abc"], Some("abc"), Some("abc")),
            (&["Bearer\tabc"], None, None),
            (&[&basic], None, Some("a:b")),
            (&[&nameless], None, Some("abc")),
            (&["Basic abc"], None, None),
            (&["Basic YWJj"], None, None),
            (&["Bearer"], None, None),
            (&["Bearer abc", "Bearer abc"], None, None),
            (&["Bearer abc", &basic], None, None),
            (&[], None, None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(credential(&headers, Schemes::Bearer).as_deref(), by_bearer, "{values:?}");
            let either = credential(&headers, Schemes::BearerOrBasic);
            assert_eq!(either.as_deref(), by_either, "{values:?}");
        }
    }
}
