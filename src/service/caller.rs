//! Who calls: a credential in `Authorization: Bearer`, checked like any token.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use saddlebag_keys::UnixTime;

use super::Service;
use super::problem::Problem;
use crate::credential::{Caller, Role};
use crate::token::reason::Reason;

impl Service {
    /// The caller, if its credential is valid and has the role.
    pub(super) fn caller(
        &self,
        headers: &HeaderMap,
        role: Role,
        now: UnixTime,
    ) -> Result<Caller, Problem> {
        let credential = bearer(headers).ok_or_else(Problem::unauthenticated)?;
        let caller = self.credentials.check(credential, now).map_err(|refused| {
            tracing::debug!(
                reason = refused.reason().code(),
                key = refused.key_id().map(tracing::field::display),
                "credential refused"
            );
            match refused.reason() {
                Reason::NoRing => Problem::not_ready(),
                _ => Problem::unauthenticated(),
            }
        })?;
        if !caller.has(role) {
            tracing::debug!(caller = caller.name, role = role.as_str(), "caller lacks a role");
            return Err(Problem::role_required(role));
        }
        Ok(caller)
    }
}

/// The one bearer token of RFC 6750, section 2.1; two headers are none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bearer_token_is_taken() {
        for (values, taken) in [
            (&["Bearer abc"][..], Some("abc")),
            (&["bearer abc"], Some("abc")),
            (&["Basic abc"], None),
            (&["Bearer"], None),
            (&["Bearer abc", "Bearer abc"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().unwrap());
            }
            assert_eq!(bearer(&headers), taken, "{values:?}");
        }
    }
}
