//! [`Tokens`]: issue, verify, renew and hand down for one audience, bound to a ring handle, a protection and limits.

mod builder;
mod child;
mod issue;
mod keys;
mod refused;
mod renew;
mod verify;

use std::fmt;
use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use saddlebag_keys::{Audience, KeyRingHandle};

use crate::lifetime::{RenewalRule, Wish};
use crate::token::apart::Apart;
use crate::token::format::Protection;
#[cfg(feature = "jwt")]
use crate::token::jwt::JwtAlgorithm;
#[cfg(feature = "server")]
use crate::token::jwt::PublicJwk;
use crate::token::sealed::{DerivedCiphers, LONGEST_BINDING, Sealer};

pub use builder::{ConfigError, TokensBuilder};
#[cfg(feature = "server")]
pub(crate) use builder::{LONGEST, USUAL_LENGTH};
pub use child::{Child, ChildError};
#[cfg(feature = "server")]
pub(crate) use issue::check_subject;
pub use issue::{IssueError, Issued, NewSession};
use keys::AudienceKeys;
pub use refused::Refused;
pub use renew::{RenewError, Renewal};

/// Issues, verifies and renews the tokens of one audience. A clone is cheap, and shares everything.
///
/// ```
/// use saddlebag::{NewSession, Tokens};
/// # use saddlebag::keys::{FileStore, Policy, Store, UnixTime, rotation};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("ring.json");
/// # let plan = rotation::init("doc", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng)?;
/// # FileStore::new(&path).save(&plan.ring, None)?;
/// let tokens = Tokens::from_file(&path).audience("shop").build()?;
/// let issued = tokens.issue(NewSession::of(&["apples", "pears"]).subject("alice"))?;
///
/// let verified = tokens.verify(&issued.token)?;
/// assert_eq!(verified.subject(), Some("alice"));
/// assert_eq!(verified.state::<Vec<&str>>()?, ["apples", "pears"]);
/// # Ok(())
/// # }
/// ```
///
/// No function takes a nonce, and what makes one is out of reach:
///
/// ```compile_fail
/// use saddlebag::token::sealed::FreshNonce;
/// ```
///
/// ```compile_fail
/// # fn again(tokens: &saddlebag::Tokens, session: saddlebag::NewSession<'_>) {
/// tokens.issue(session.nonce([0; 24]));
/// # }
/// ```
#[derive(Clone)]
pub struct Tokens {
    shared: Arc<Shared>,
    /// What both sides know and the token does not carry; `None` is the same as an empty one.
    binding: Option<Arc<[u8]>>,
}

struct Shared {
    ring: KeyRingHandle,
    audience: Audience,
    config: Config,
    /// The audience's keys of the ring that was last seen.
    keys: ArcSwapOption<Apart<AudienceKeys>>,
    sealer: Sealer,
    derived: Arc<DerivedCiphers>,
}

/// What a builder sets.
#[derive(Clone, Copy, Debug)]
struct Config {
    protection: Protection,
    #[cfg(feature = "jwt")]
    jwt: Option<JwtAlgorithm>,
    idle: Wish,
    absolute: Wish,
    renewal: RenewalRule,
    longest_issued: usize,
    longest_verified: usize,
}

impl Tokens {
    /// The same tokens bound to something that both sides know and that travels another way, a client
    /// certificate say: verification fails where it differs. 0 to 1,024 bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where it is longer.
    pub fn bound_to(&self, binding: &[u8]) -> Result<Self, ConfigError> {
        if binding.len() > LONGEST_BINDING {
            return Err(ConfigError::Binding { length: binding.len() });
        }
        let binding = (!binding.is_empty()).then(|| binding.into());
        Ok(Self { shared: Arc::clone(&self.shared), binding })
    }

    /// The same ring, binding, limits and lifetimes for another audience. What was derived to verify is kept in
    /// one table for all of them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the name is no audience, reserved, or outside the ring's scope.
    pub fn for_audience(&self, audience: &str) -> Result<Self, ConfigError> {
        let audience = builder::open_audience(audience)?;
        let Shared { ring, config, derived, .. } = &*self.shared;
        let tokens = Self::assemble(ring.clone(), audience, *config, Arc::clone(derived))?;
        Ok(Self { binding: self.binding.clone(), ..tokens })
    }

    /// Who these tokens are for.
    pub fn audience(&self) -> &Audience {
        &self.shared.audience
    }

    /// The ring they are bound to.
    pub fn ring(&self) -> &KeyRingHandle {
        &self.shared.ring
    }

    /// Why nothing can be verified at the moment, where that is so.
    #[cfg(feature = "server")]
    pub(crate) fn unusable(&self) -> Option<String> {
        let ring = self.shared.ring.load();
        let Some(ring) = ring.as_ref() else {
            return Some("no key ring yet".to_owned());
        };
        // A root ring has every audience's keys. A scoped one may have come after it was asked for them.
        ring.scope()?;
        ring.audience(&self.shared.audience).err().map(|error| error.to_string())
    }

    /// The public keys of every key that verifies at `now`; `None` without a ring for this audience.
    #[cfg(feature = "server")]
    pub(crate) fn public_keys(&self, now: saddlebag_keys::UnixTime) -> Option<Vec<PublicJwk>> {
        let ring = self.shared.ring.load();
        let ring = ring.as_ref()?;
        let secrets = ring.audience(&self.shared.audience).ok()?;
        let verifies = |key: &saddlebag_keys::Key| ring.state(key, now).verifies();
        let keys = ring.keys().iter().zip(secrets).filter(|(key, _)| verifies(key));
        Some(keys.map(|(_, (_, secret))| PublicJwk::new(&secret)).collect())
    }

    fn assemble(
        ring: KeyRingHandle,
        audience: Audience,
        config: Config,
        derived: Arc<DerivedCiphers>,
    ) -> Result<Self, ConfigError> {
        if let Some(ring) = &*ring.load() {
            // Derives nothing yet; only asks whether the ring has keys for this audience.
            if ring.scope().is_some() {
                ring.audience(&audience).map_err(ConfigError::Scope)?;
            }
        }
        let shared = Shared {
            ring,
            audience,
            config,
            keys: ArcSwapOption::empty(),
            sealer: Sealer::default(),
            derived,
        };
        Ok(Self { shared: Arc::new(shared), binding: None })
    }

    fn binding(&self) -> &[u8] {
        self.binding.as_deref().unwrap_or_default()
    }

    /// The audience's keys of the ring in use, derived again where it has changed. `None` before the
    /// first ring.
    #[inline]
    fn keys(&self) -> Guard<Option<Arc<Apart<AudienceKeys>>>> {
        // Before the ring: keys that are thought older than they are cost a derivation, no more.
        let version = self.shared.ring.version();
        let known = self.shared.keys.load();
        if known.as_ref().is_some_and(|known| known.version() == version) {
            return known;
        }
        self.derived_keys(version, known.as_deref())
    }

    #[cold]
    fn derived_keys(
        &self,
        version: u64,
        known: Option<&Apart<AudienceKeys>>,
    ) -> Guard<Option<Arc<Apart<AudienceKeys>>>> {
        let ring = self.shared.ring.load();
        let keys = ring.as_ref().and_then(|ring| {
            let shared = &self.shared;
            AudienceKeys::new(
                version,
                ring,
                &shared.audience,
                #[cfg(feature = "jwt")]
                shared.config.jwt,
                &shared.derived,
                known.map(|known| &**known),
            )
        });
        let keys = keys.map(|keys| Arc::new(Apart::new(keys)));
        if keys.is_some() {
            self.shared.keys.store(keys.clone());
        }
        Guard::from_inner(keys)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("audience", &self.shared.audience)
            .field("ring", &self.shared.ring)
            .field("config", &self.shared.config)
            .field("bound", &self.binding.is_some())
            .finish()
    }
}
