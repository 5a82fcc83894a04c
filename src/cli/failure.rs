//! What a failure tells, in two lines, and how the program then ends: the exit codes in one sight.
//!
//! The rule behind the codes: 2 where what was typed or fed can never be used, whatever the ring; 1
//! where it was understood and the ring, its policy or a person says no.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use saddlebag_keys::rotation::Refused;
use saddlebag_keys::{InvalidPolicy, StoreError, StoreErrorKind};

use super::ring::RingLocation;
use crate::mask::without_tokens;
use crate::tokens::{ConfigError, IssueError};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It is done.
    Done = 0,
    /// A refusal that is an answer.
    Refused = 1,
    /// Wrong usage.
    Usage = 2,
    /// The ring, or another file that holds a secret, could not be read or saved.
    Unavailable = 3,
    /// Somebody else wrote first.
    Conflict = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error and its remedy, a line each. Never holds a secret.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    error: String,
    help: String,
}

impl Failure {
    /// It was understood, and the answer is no.
    pub(super) fn refused(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Refused, error, help)
    }

    /// It can never be done as it was typed.
    pub(super) fn usage(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, error, help)
    }

    /// What went wrong is ours.
    pub(super) fn bug(error: impl Display) -> Self {
        Self::unavailable(error.to_string(), "this is a bug of saddlebag: please report it")
    }

    /// A file could not be read or saved.
    pub(super) fn unavailable(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, error, help)
    }

    /// Somebody else wrote first.
    pub(super) fn conflict(error: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Conflict, error, help)
    }

    fn new(exit: Exit, error: impl Into<String>, help: impl Into<String>) -> Self {
        // Whoever takes a token for a setting, a file or a name finds it in no log.
        let (error, help) = (without_tokens(&error.into()), without_tokens(&help.into()));
        Self { exit, error, help }
    }

    /// A store that did not give or take a ring.
    pub(super) fn store(error: &StoreError, ring: &RingLocation) -> Self {
        let path = ring.file_path().unwrap_or(Path::new("")).display();
        let (exit, help) = match error.kind() {
            StoreErrorKind::Unavailable(_) => (
                Exit::Unavailable,
                "nodes go on with the ring they have; look at VAULT_ADDR and at Vault, and run this again".to_owned(),
            ),
            StoreErrorKind::Denied(_) => (
                Exit::Unavailable,
                "the policies and logins that a reader and a rotator need: docs/operations.md, Vault".to_owned(),
            ),
            StoreErrorKind::Withdrawn(_) => (
                Exit::Unavailable,
                "nodes go on with the ring they have; bring it back: vault kv undelete, or saddlebag keys restore".to_owned(),
            ),
            StoreErrorKind::Unguarded(_) => (
                Exit::Refused,
                "keep the ring in version 2 of the KV engine, or add --force where nobody else saves".to_owned(),
            ),
            StoreErrorKind::NotFound => (
                Exit::Unavailable,
                format!("check the path, or make a ring there: saddlebag keys init --ring {ring}"),
            ),
            StoreErrorKind::Unsafe(reason) if reason.contains("mode ") => (
                Exit::Unavailable,
                format!("chmod 600 {path}; where others may have read it, revoke its keys"),
            ),
            StoreErrorKind::Unsafe(_) => (
                Exit::Unavailable,
                "a ring is a regular file of your own or root's, which nobody else can open".to_owned(),
            ),
            StoreErrorKind::Invalid(_) => (
                Exit::Unavailable,
                "no ring is edited by hand: put a good copy back, from a backup or another node".to_owned(),
            ),
            StoreErrorKind::Conflict { .. } => (
                Exit::Conflict,
                format!("nothing was changed here; look at what is there and run this again: saddlebag keys show --ring {ring}"),
            ),
            StoreErrorKind::Write(error) if error.kind() == std::io::ErrorKind::NotFound => (
                Exit::Unavailable,
                format!("make the folder of {path} first, for this user alone: mkdir -m 700"),
            ),
            StoreErrorKind::Write(_) => (
                Exit::Unavailable,
                "the ring there is whole, and most likely the old one; this user must be able to make files in its folder".to_owned(),
            ),
            _ => (
                Exit::Unavailable,
                format!("this user must be able to read {path}, and the disk to give it"),
            ),
        };
        Self::new(exit, error.to_string(), help)
    }

    /// A verb that the ring does not allow.
    pub(super) fn rotation(refused: &Refused, ring: &RingLocation) -> Self {
        let (exit, help) = match refused {
            Refused::Scoped { .. } => (
                Exit::Refused,
                "then bring it here: saddlebag keys import FILE, with this ring as --ring"
                    .to_owned(),
            ),
            Refused::UnknownKey { .. } => {
                (Exit::Refused, format!("its keys: saddlebag keys show --ring {ring}"))
            }
            Refused::NotStaged { .. } => (
                Exit::Refused,
                format!("only a staged key can be activated: saddlebag keys show --ring {ring}"),
            ),
            Refused::TooEarly { .. } => (
                Exit::Refused,
                "wait until then, or add --force, which says what it breaks and asks".to_owned(),
            ),
            Refused::AlreadyRevoked { .. } => (
                Exit::Refused,
                "there is nothing left to do: every node refuses it once it reads the ring"
                    .to_owned(),
            ),
            Refused::AboutToActivate { .. } => (
                Exit::Refused,
                "nodes that have not read the new policy would issue too long under that key"
                    .to_owned(),
            ),
            Refused::OtherRing { .. } => (
                Exit::Refused,
                format!(
                    "a ring is restored from its own older generations alone: saddlebag keys show --ring {ring}"
                ),
            ),
            Refused::NothingLeft => (
                Exit::Refused,
                format!(
                    "the ring that is there goes on; its keys: saddlebag keys show --ring {ring}"
                ),
            ),
            Refused::Policy(invalid) => (Exit::Usage, policy_help(invalid).to_owned()),
            Refused::Full => {
                (Exit::Refused, format!("when keys drain: saddlebag keys show --ring {ring}"))
            }
            Refused::Randomness(_) => (
                Exit::Unavailable,
                "the operating system's generator must work before keys are made".to_owned(),
            ),
            _ => (
                Exit::Refused,
                format!("nothing was changed; see saddlebag keys show --ring {ring}"),
            ),
        };
        Self::new(exit, refused.to_string(), help)
    }

    /// Tokens that cannot be set up.
    pub(super) fn config(error: &ConfigError) -> Self {
        let (exit, help) = match error {
            ConfigError::Scope(_) => {
                (Exit::Refused, "use the root ring, or the audience of this one: --audience NAME")
            }
            ConfigError::Jwt => (Exit::Usage, "add --jwt hs256 or --jwt eddsa"),
            ConfigError::Reserved { .. } => (
                Exit::Usage,
                "use a name of your own; API credentials are made by: saddlebag credential issue",
            ),
            _ => (Exit::Usage, "see saddlebag token --help"),
        };
        Self::new(exit, error.to_string(), help)
    }

    /// A token that was not issued.
    pub(super) fn issue(error: &IssueError) -> Self {
        let (exit, help) = match error {
            IssueError::Lifetime { asked: 0, .. } => {
                (Exit::Usage, "a lifetime is at least a second: --lifetime 15m")
            }
            IssueError::Lifetime { .. } => (
                Exit::Refused,
                "ask for less, or raise the ring's policy first: saddlebag keys policy --help",
            ),
            IssueError::Subject { .. } => {
                (Exit::Usage, "give a shorter --subject, or leave it out")
            }
            IssueError::State(_) => {
                (Exit::Usage, "--state takes one JSON value, 32 levels deep at most")
            }
            IssueError::TooLong { .. } => {
                (Exit::Usage, "keep less in the state: an id instead of what it names")
            }
            IssueError::JwtNotConfigured => (Exit::Usage, "add --jwt hs256 or --jwt eddsa"),
            IssueError::Clock { .. } => (Exit::Refused, "set this machine's clock"),
            IssueError::Randomness(_) => (
                Exit::Unavailable,
                "the operating system's generator must work before tokens are made",
            ),
            _ => (Exit::Refused, "see saddlebag token issue --help"),
        };
        Self::new(exit, error.to_string(), help)
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    pub(super) fn error(&self) -> &str {
        &self.error
    }

    pub(super) fn help(&self) -> &str {
        &self.help
    }
}

fn policy_help(invalid: &InvalidPolicy) -> &'static str {
    match invalid {
        InvalidPolicy::OutOfRange { .. } => {
            "give a duration in that range, like 60s, 15m, 24h or 30d"
        }
        InvalidPolicy::RotatesBeforePublished { .. } => {
            "give a longer --rotate-every, or a shorter --publish-ahead"
        }
        _ => "give a longer --rotate-every, or a shorter --max-token-lifetime",
    }
}
