//! How [`Tokens`] are set up: what is configured, its limits, and what a bad value is told.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use saddlebag_keys::{
    Audience, FileStore, InvalidAudience, KeyRingHandle, OutOfScope, Watch, WatchError,
    WatchOptions,
};

use super::{Config, Tokens};
use crate::lifetime::{Lifetime, RenewalRule, Wish};
use crate::token::format::Protection;
#[cfg(feature = "jwt")]
use crate::token::jwt::JwtAlgorithm;
use crate::token::sealed::DerivedCiphers;

impl Tokens {
    /// Tokens bound to a ring in a file, which is watched for as long as they live.
    pub fn from_file(path: impl Into<PathBuf>) -> TokensBuilder {
        TokensBuilder::new(Source::File(path.into()))
    }

    /// Tokens bound to a ring that somebody else keeps fresh.
    pub fn builder(ring: KeyRingHandle) -> TokensBuilder {
        TokensBuilder::new(Source::Handle(ring))
    }

    /// Tokens of the reserved audience of the API's own credentials.
    #[cfg(feature = "server")]
    pub(crate) fn of_credentials(ring: KeyRingHandle) -> Result<Self, ConfigError> {
        let builder = Self::builder(ring.clone());
        Self::assemble(ring, Audience::api(), builder.config, builder.derived())
    }
}

/// Sets up [`Tokens`]. Without more, they are sealed, for the audience `default`, and live for
/// [`Lifetime::DEFAULT`].
#[derive(Clone, Debug)]
pub struct TokensBuilder {
    source: Source,
    audience: String,
    config: Config,
    /// `None`: as long as is usual, and no longer than what is verified.
    longest_issued: Option<usize>,
    derived_capacity: usize,
}

#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Handle(KeyRingHandle),
}

impl TokensBuilder {
    fn new(source: Source) -> Self {
        let Lifetime { idle, absolute } = Lifetime::DEFAULT;
        let config = Config {
            protection: Protection::Sealed,
            #[cfg(feature = "jwt")]
            jwt: None,
            idle: Wish::Default(idle),
            absolute: Wish::Default(absolute),
            renewal: RenewalRule::default(),
            longest_issued: USUAL_LENGTH,
            longest_verified: 4_096,
        };
        Self {
            source,
            audience: "default".to_owned(),
            config,
            longest_issued: None,
            derived_capacity: 4_096,
        }
    }

    /// Says who the tokens are for: 1 to 128 characters of `[a-z0-9._:/-]`.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audience: audience.into(), ..self }
    }

    /// How tokens are protected when they are issued. Verification takes signed and sealed alike.
    #[must_use]
    pub fn protection(mut self, protection: Protection) -> Self {
        self.config.protection = protection;
        self
    }

    /// Issues and accepts jwt tokens of one algorithm.
    #[cfg(feature = "jwt")]
    #[must_use]
    pub fn jwt(mut self, algorithm: JwtAlgorithm) -> Self {
        self.config.jwt = Some(algorithm);
        self
    }

    /// How long sessions live, from a second on. Above the ring's policy, issuing is refused.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.config.idle = Wish::Asked(lifetime.idle);
        self.config.absolute = Wish::Asked(lifetime.absolute);
        self
    }

    /// When tokens in use are renewed.
    #[must_use]
    pub fn renewal(mut self, rule: RenewalRule) -> Self {
        self.config.renewal = rule;
        self
    }

    /// The longest token that is issued, in characters: 4,000 unless told, which leaves a cookie room
    /// for its name and attributes.
    #[must_use]
    pub fn longest_issued(self, characters: usize) -> Self {
        Self { longest_issued: Some(characters), ..self }
    }

    /// The longest token that is looked at, in characters: 4,096 unless told, at most 65,536.
    #[must_use]
    pub fn longest_verified(mut self, characters: usize) -> Self {
        self.config.longest_verified = characters;
        self
    }

    /// How many derived ciphers of other issuers are kept: 4,096 unless told, some 4 MiB when full. At most 1,048,576.
    #[must_use]
    pub fn derived_ciphers(self, capacity: usize) -> Self {
        Self { derived_capacity: capacity.min(MOST_DERIVED), ..self }
    }

    /// Reads the ring where it is in a file, and makes the tokens.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the value that cannot be used.
    pub fn build(self) -> Result<Tokens, ConfigError> {
        let audience = open_audience(&self.audience)?;
        let longest_verified = self.config.longest_verified;
        let longest_issued = self.longest_issued.unwrap_or(USUAL_LENGTH.min(longest_verified));
        if longest_verified > LONGEST || longest_issued > longest_verified {
            return Err(ConfigError::Limits { longest_issued, longest_verified });
        }
        if [self.config.idle, self.config.absolute].contains(&Wish::Asked(0)) {
            return Err(ConfigError::Lifetime);
        }
        #[cfg(feature = "jwt")]
        let jwt = self.config.jwt.is_some();
        #[cfg(not(feature = "jwt"))]
        let jwt = false;
        if self.config.protection == Protection::Jwt && !jwt {
            return Err(ConfigError::Jwt);
        }
        let derived = self.derived();
        let ring = match self.source {
            Source::Handle(ring) => ring,
            Source::File(path) => Watch::new(FileStore::new(path), WatchOptions::default())
                .start()
                .map_err(|error| ConfigError::Ring(Arc::new(error)))?,
        };
        let config = Config { longest_issued, ..self.config };
        Tokens::assemble(ring, audience, config, derived)
    }

    fn derived(&self) -> Arc<DerivedCiphers> {
        Arc::new(DerivedCiphers::new(self.derived_capacity))
    }
}

/// A name that applications may use.
pub(super) fn open_audience(name: &str) -> Result<Audience, ConfigError> {
    let audience = Audience::new(name).map_err(ConfigError::Audience)?;
    if audience.is_reserved() {
        return Err(ConfigError::Reserved { audience });
    }
    Ok(audience)
}

/// Tokens that cannot be set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The audience is none.
    Audience(InvalidAudience),
    /// Audiences that start with `saddlebag:` belong to the system itself.
    Reserved {
        /// The audience.
        audience: Audience,
    },
    /// The ring is another audience's.
    Scope(OutOfScope),
    /// What is verified may have at most 65,536 characters, and what is issued no more than that.
    Limits {
        /// The longest issued.
        longest_issued: usize,
        /// The longest verified.
        longest_verified: usize,
    },
    /// A lifetime of 0 s.
    Lifetime,
    /// A binding of more than 1,024 bytes.
    Binding {
        /// Its length in bytes.
        length: usize,
    },
    /// `jwt` as protection, and no algorithm for it.
    Jwt,
    /// The ring cannot be read.
    Ring(Arc<WatchError>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Audience(error) => error.fmt(f),
            Self::Reserved { audience } => {
                write!(f, "the audience {audience} is reserved: it starts with saddlebag:")
            }
            Self::Scope(error) => error.fmt(f),
            Self::Limits { longest_issued, longest_verified } => write!(
                f,
                "tokens of {longest_issued} characters issued and {longest_verified} verified: at most \
                 {LONGEST} are verified, and no longer ones issued"
            ),
            Self::Lifetime => f.write_str("a lifetime of 0 s ends before it begins"),
            Self::Binding { length } => {
                write!(f, "the binding has {length} bytes; it may have 0 to 1024")
            }
            Self::Jwt => f.write_str("jwt tokens need an algorithm: hs256 or eddsa"),
            Self::Ring(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Audience(error) => Some(error),
            Self::Scope(error) => Some(error),
            Self::Ring(error) => Some(error),
            _ => None,
        }
    }
}

/// Characters that a token may have at most, whatever is set.
pub(crate) const LONGEST: usize = 65_536;
/// Characters that an issued token may have unless told.
pub(crate) const USUAL_LENGTH: usize = 4_000;
const MOST_DERIVED: usize = 1 << 20;
