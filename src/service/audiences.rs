//! The tokens of each audience that callers name, made when the first asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::problem::Problem;
use crate::credential::Caller;
use crate::tokens::{ConfigError, Tokens};

/// Tokens by audience; read without a lock, at most [`MOST`] of them kept.
pub(super) struct Audiences {
    usual: Tokens,
    others: ArcSwap<BTreeMap<String, Tokens>>,
}

impl Audiences {
    pub(super) fn new(usual: Tokens) -> Self {
        Self { usual, others: ArcSwap::default() }
    }

    /// The tokens of requests that name no audience.
    pub(super) fn usual(&self) -> &Tokens {
        &self.usual
    }

    /// The tokens of the audience that was named, or of the default one. Only what its caller may use is
    /// kept: nobody else's names push those out.
    pub(super) fn of(&self, audience: Option<&str>, caller: &Caller) -> Result<Tokens, Problem> {
        match audience {
            Some(name) if name != self.usual.audience().as_str() => self.other(name, caller),
            _ => Ok(self.usual.clone()),
        }
    }

    /// The same for somebody who says nothing of who they are.
    pub(super) fn of_anybody(&self, audience: Option<&str>) -> Result<Tokens, Problem> {
        match audience {
            Some(name) if name != self.usual.audience().as_str() => match self.known(name) {
                Some(known) => Ok(known),
                None => self.make(name),
            },
            _ => Ok(self.usual.clone()),
        }
    }

    fn known(&self, name: &str) -> Option<Tokens> {
        self.others.load().get(name).cloned()
    }

    fn make(&self, name: &str) -> Result<Tokens, Problem> {
        self.usual.for_audience(name).map_err(|error| match error {
            ConfigError::Reserved { .. } => Problem::audience_reserved(&error),
            ConfigError::Scope(_) => Problem::audience_out_of_scope(&error),
            _ => Problem::invalid_member("audience", &error),
        })
    }

    fn other(&self, name: &str, caller: &Caller) -> Result<Tokens, Problem> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        let made = self.make(name)?;
        if !caller.may_use(made.audience()) {
            return Ok(made);
        }
        self.others.rcu(|others| {
            // Names come from callers with a credential; one of them may still name very many.
            let mut next =
                if others.len() < MOST { BTreeMap::clone(others) } else { BTreeMap::new() };
            next.insert(name.to_owned(), made.clone());
            Arc::new(next)
        });
        Ok(made)
    }
}

/// The tokens bound to what a member says, base64url.
pub(super) fn bound(tokens: Tokens, binding: Option<&str>) -> Result<Tokens, Problem> {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let Some(text) = binding else {
        return Ok(tokens);
    };
    let binding = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Problem::invalid_member("binding", &"not base64url without padding"))?;
    tokens.bound_to(&binding).map_err(|error| Problem::invalid_member("binding", &error))
}

const MOST: usize = 1_024;

#[cfg(test)]
mod tests {
    use saddlebag_keys::{KeyRingHandle, Policy, UnixTime, rotation};

    use super::*;

    /// Names that a caller may not use were kept, and could push out those of everybody else.
    #[test]
    fn only_audiences_that_their_caller_may_use_are_kept() {
        let (now, policy) = (UnixTime::from_secs(1_800_000_000), Policy::default());
        let plan = rotation::init("test", policy, now, &mut rand::rngs::SysRng).unwrap();
        let audiences =
            Audiences::new(Tokens::builder(KeyRingHandle::fixed(plan.ring)).build().unwrap());
        let some = vec!["shop".to_owned()];
        let caller = Caller { name: "x".to_owned(), roles: vec![], audiences: Some(some) };
        for (name, taken, kept) in [("admin", false, 0), ("shop", true, 1), ("admin", false, 1)] {
            let tokens = audiences.of(Some(name), &caller).unwrap();
            assert_eq!(caller.may_use(tokens.audience()), taken, "{name}");
            assert_eq!(audiences.others.load().len(), kept, "{name}");
        }
    }
}
