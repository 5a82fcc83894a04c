//! Session state that travels with the request.

#[cfg(feature = "server")]
mod answer;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "server")]
mod credential;
mod lifetime;
mod session;
mod token;
mod tokens;

pub use lifetime::{Lifetime, RenewalRule};
pub use session::{RawState, Session, SessionId, SessionInfo, Verified};
pub use token::format::Protection;
#[cfg(feature = "jwt")]
pub use token::jwt::JwtAlgorithm;
pub use token::reason::Reason;
pub use token::state::{StateError, StateErrorKind};
pub use tokens::{
    ConfigError, IssueError, Issued, NewSession, Refused, RenewError, Renewal, Tokens,
    TokensBuilder,
};

/// The key ring: its life cycle, its document and its stores.
pub use saddlebag_keys as keys;
