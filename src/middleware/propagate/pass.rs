//! What is passed on, where, and in which header: the same for every kind of client.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use saddlebag_keys::UnixTime;

use super::PropagateError;
use super::hosts::{Destination, Hosts};
use crate::middleware::Incoming;
use crate::tokens::{Child, Tokens};

#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) what: What,
    pub(super) hosts: Hosts,
    /// `None`: `Authorization: Bearer`.
    pub(super) header: Option<HeaderName>,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Token,
    Child(Tokens, Child<'static>),
}

impl Pass {
    /// Puts the session on a request: the request's own, or else the task's.
    pub(super) fn on(
        &self,
        to: Destination<'_>,
        headers: &mut HeaderMap,
        own: Option<Incoming>,
        now: UnixTime,
    ) -> Result<(), PropagateError> {
        let Some(incoming) = own.or_else(Incoming::current) else {
            return Ok(());
        };
        if !self.hosts.allow(to) {
            tracing::debug!(host = to.host, "session not passed on: this host is not listed");
            return Ok(());
        }
        let name = self.header.as_ref().unwrap_or(&AUTHORIZATION);
        if headers.contains_key(name) && !self.is_to_be_replaced(headers, name, &incoming) {
            return Ok(());
        }
        headers.insert(name, self.value(&incoming, now)?);
        Ok(())
    }

    /// What a caller set stays, but for the very token that a child stands for: a handler that copies the headers
    /// of its request must not show it to the next service.
    fn is_to_be_replaced(
        &self,
        headers: &HeaderMap,
        name: &HeaderName,
        incoming: &Incoming,
    ) -> bool {
        let token = incoming.token().as_bytes();
        let mut values = headers.get_all(name).iter();
        matches!(self.what, What::Child(..))
            && values.any(|value| value.as_bytes().ends_with(token))
    }

    fn value(&self, incoming: &Incoming, now: UnixTime) -> Result<HeaderValue, PropagateError> {
        match &self.what {
            What::Token => self.written(incoming.token()),
            What::Child(tokens, child) => {
                let child = tokens.mint_at(incoming.verified(), child, now);
                let child = child.map_err(|error| PropagateError::Child {
                    audience: tokens.audience().clone(),
                    error,
                })?;
                self.written(&child.token)
            }
        }
    }

    fn written(&self, token: &str) -> Result<HeaderValue, PropagateError> {
        let value = match &self.header {
            None => HeaderValue::try_from(format!("Bearer {token}")),
            Some(_) => HeaderValue::from_str(token),
        };
        let mut value = value.map_err(|_| PropagateError::Unwritable)?;
        // Out of logs, and out of HPACK's tables.
        value.set_sensitive(true);
        Ok(value)
    }
}
