//! `token verify`: the session of a token, or the whole story of its refusal.

mod story;

use clap::Args;
use saddlebag_keys::{KeyRing, KeyRingHandle, UnixTime};

use super::Jwt;
use crate::answer::{SessionAnswer, VerifyAnswer, state_of};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::keys::AtArgs;
use crate::cli::ring::RingArgs;
use crate::cli::shown::{Shown, with_relative};
use crate::session::Verified;
use crate::tokens::Tokens;
use story::Story;

/// Verifies the token on standard input, and shows its session
///
/// Ends with 1 where the token is not valid. Why is told on standard error, for the operator alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag token verify --ring file:ring.json --audience shop < token.txt
  saddlebag token verify --ring file:ring.json --json < token.txt | jq .session.state")]
pub(super) struct Verify {
    #[command(flatten)]
    ring: RingArgs,

    /// Who the token must be for
    #[arg(long, env = "SADDLEBAG_AUDIENCE", default_value = "default")]
    audience: String,

    /// Takes jwt tokens of this algorithm too
    #[arg(long, value_enum)]
    jwt: Option<Jwt>,

    #[command(flatten)]
    at: AtArgs,

    /// Answers as the HTTP service does
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(super) fn run(self, console: &mut Console) -> End {
        let ring = self.ring.load()?;
        let mut builder =
            Tokens::builder(KeyRingHandle::fixed(ring.clone())).audience(&self.audience);
        if let Some(jwt) = self.jwt {
            builder = builder.jwt(jwt.into());
        }
        let tokens = builder.build().map_err(|error| Failure::config(&error))?;
        let token = input::token(console)?;
        let now = self.at.now(console);
        let story = Story {
            ring: &ring,
            location: &self.ring.location,
            audience: tokens.audience(),
            jwt: self.jwt.map(Into::into),
            token: &token,
            now,
        };
        let refused = match tokens.verify_at(&token, now) {
            Ok(verified) => match state_of(&verified) {
                Ok(state) => {
                    if self.json {
                        let session = SessionAnswer::of(&verified, &state);
                        console.json(&VerifyAnswer::active(session))?;
                    } else {
                        show(console, &ring, &verified, state.get(), now);
                    }
                    return Ok(Exit::Done);
                }
                // Whoever hands state out treats such a token as invalid.
                Err(error) => story.of_state(&error),
            },
            Err(refused) => story.of(&refused),
        };
        if self.json {
            console.json(&VerifyAnswer::inactive())?;
        }
        Err(refused)
    }
}

fn show(console: &mut Console, ring: &KeyRing, verified: &Verified, state: &str, now: UnixTime) {
    let info = verified.info();
    let key = verified.key_id();
    let key_state = ring.key(key).map(|key| ring.state(key, now).as_str());
    console.line(format_args!(
        "valid: {} token for {}, under key {key} ({})",
        verified.protection(),
        verified.audience(),
        key_state.unwrap_or_default(),
    ));
    console.line(format_args!("  session   {}", info.id));
    match verified.subject() {
        Some(subject) => console.line(format_args!("  subject   {}", Shown(subject))),
        None => console.line("  subject   none"),
    }
    for (name, time) in [
        ("started", info.started_at),
        ("issued", info.issued_at),
        ("expires", info.expires_at),
        ("ends", info.ends_at),
    ] {
        console.line(format_args!("  {name:<8}  {}", with_relative(time, now)));
    }
    console.line(format_args!("  revision  {}", info.revision));
    console.line(format_args!("  state     {}", Shown(state)));
}
