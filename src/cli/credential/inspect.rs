//! `credential inspect`: whose a credential is, and what it may do.

use clap::Args;
use saddlebag_keys::KeyRingHandle;
use serde::Serialize;

use crate::answer::text;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::ring::RingArgs;
use crate::cli::shown::{Shown, with_relative};
use crate::credential::{Checked, Credentials};
use crate::token::reason::Reason;

/// Shows whose the credential on standard input is, what it may do, and until when
///
/// Ends with 1 where the service would refuse it, and says why.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag credential inspect --ring file:ring.json < shop.credential
  saddlebag credential inspect --ring file:ring.json --json < shop.credential | jq .expires_at")]
pub(super) struct Inspect {
    #[command(flatten)]
    ring: RingArgs,

    /// Prints it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    roles: Vec<&'static str>,
    /// `null` for all.
    audiences: Option<&'a [String]>,
    #[serde(serialize_with = "text")]
    issued_at: saddlebag_keys::UnixTime,
    #[serde(serialize_with = "text")]
    expires_at: saddlebag_keys::UnixTime,
    key: String,
    /// What its key may do now.
    key_state: &'static str,
}

impl Inspect {
    pub(super) fn run(self, console: &mut Console) -> End {
        let ring = self.ring.load()?;
        let now = console.now();
        let credentials = Credentials::new(KeyRingHandle::fixed(ring.clone()));
        let credentials = credentials.map_err(|error| super::no_credentials(&error))?;
        let credential = input::token(console)?;
        let Checked { caller, issued_at, expires_at, key } =
            credentials.check(&credential, now).map_err(|refused| {
                let key = refused.key_id().map(|key| format!(", key {key}")).unwrap_or_default();
                Failure::refused(
                    format!("the service would refuse it ({}{key})", refused.reason().code()),
                    help(refused.reason()),
                )
            })?;
        let state = ring.key(key).map(|key| ring.state(key, now).as_str()).unwrap_or_default();
        let roles: Vec<_> = caller.roles.iter().map(|role| role.as_str()).collect();
        if self.json {
            console.json(&Answer {
                name: &caller.name,
                roles,
                audiences: caller.audiences.as_deref(),
                issued_at,
                expires_at,
                key: key.to_string(),
                key_state: state,
            })?;
            return Ok(Exit::Done);
        }
        let audiences = caller.audiences.map_or_else(|| "all".to_owned(), |some| some.join(", "));
        console.line(format_args!("name       {}", Shown(&caller.name)));
        console.line(format_args!("roles      {}", roles.join(", ")));
        console.line(format_args!("audiences  {}", Shown(&audiences)));
        console.line(format_args!("issued     {}", with_relative(issued_at, now)));
        console.line(format_args!("expires    {}", with_relative(expires_at, now)));
        console.line(format_args!("key        {key} ({state})"));
        Ok(Exit::Done)
    }
}

fn help(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLong | Reason::NotAToken | Reason::Malformed | Reason::JwtNotAccepted => {
            "send the credential and nothing else, as `credential issue` printed it"
        }
        Reason::Expired | Reason::KeyRetired | Reason::KeyRevoked => {
            "make another: saddlebag credential issue"
        }
        Reason::NotYetValid => "set this machine's clock, or that of whoever made it",
        _ => {
            "it is a session's token, or of another ring: make one with saddlebag credential issue"
        }
    }
}
