//! `token issue`: begins a session.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use saddlebag_keys::KeyRingHandle;

use super::Jwt;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::duration::Duration;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::ring::RingArgs;
use crate::session::RawState;
use crate::token::format::Protection;
use crate::tokens::{IssueError, NewSession, Tokens};

/// Begins a session, and prints its token alone
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag token issue --ring file:ring.json --audience shop --subject alice
  echo '{\"cart\": [1, 2]}' | saddlebag token issue --ring file:ring.json --state -
  saddlebag token issue --ring file:ring.json --protection jwt --jwt eddsa")]
pub(super) struct Issue {
    #[command(flatten)]
    ring: RingArgs,

    /// Who the token is for
    #[arg(long, env = "SADDLEBAG_AUDIENCE", default_value = "default")]
    audience: String,

    /// Whose session it is: 1 to 255 bytes
    #[arg(long)]
    subject: Option<String>,

    /// The application's state: a file of JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// How long the token lives, unless it is renewed [default: 15m]
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<Duration>,

    /// How long the session lives, renewals and all [default: 24h]
    #[arg(long, value_name = "DURATION")]
    session_lifetime: Option<Duration>,

    /// How the token is protected
    #[arg(long, value_enum, default_value = "sealed")]
    protection: Protect,

    /// The algorithm of jwt tokens; without it, there are none
    #[arg(long, value_enum)]
    jwt: Option<Jwt>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Protect {
    /// Anyone can read it, nobody can change it
    Signed,
    /// Nobody without the key can read or change it
    Sealed,
    /// An ordinary JWT, which anyone can read
    Jwt,
}

impl Issue {
    pub(super) fn run(self, console: &mut Console) -> End {
        let tokens = self.tokens()?;
        let state = match &self.state {
            Some(file) => RawState::from_json(&input::state(console, file)?)
                .map_err(|error| Failure::issue(&IssueError::State(error)))?,
            None => RawState::none(),
        };
        let mut session = NewSession::raw(state);
        if let Some(subject) = &self.subject {
            session = session.subject(subject);
        }
        if let Some(Duration(seconds)) = self.lifetime {
            session = session.lifetime(seconds);
        }
        if let Some(Duration(seconds)) = self.session_lifetime {
            session = session.session_lifetime(seconds);
        }
        let issued = tokens.issue_at(session, console.now());
        console.line(issued.map_err(|error| Failure::issue(&error))?.token);
        Ok(Exit::Done)
    }

    fn tokens(&self) -> Result<Tokens, Failure> {
        let protection = match self.protection {
            Protect::Signed => Protection::Signed,
            Protect::Sealed => Protection::Sealed,
            Protect::Jwt => Protection::Jwt,
        };
        let mut builder = Tokens::builder(KeyRingHandle::fixed(self.ring.load()?))
            .audience(&self.audience)
            .protection(protection);
        if let Some(jwt) = self.jwt {
            builder = builder.jwt(jwt.into());
        }
        builder.build().map_err(|error| Failure::config(&error))
    }
}
