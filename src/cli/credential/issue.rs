//! `credential issue`: makes a credential of the API.

use std::path::{Path, PathBuf};

use clap::Args;
use saddlebag_keys::{Audience, KeyRingHandle, UnixTime};

use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::duration::Duration;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingArgs;
use crate::cli::secret_file;
use crate::cli::shown::with_relative;
use crate::credential::{Caller, CredentialError, Credentials, Role};

/// Makes a credential, and prints it alone
///
/// Any node that has the ring takes it, until it ends or its key is revoked. Keep it like a password.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag credential issue --ring file:ring.json --role issue --role verify --out shop.credential
  saddlebag credential issue --ring file:ring.json --role verify --audience shop --lifetime 7d
  saddlebag credential issue --ring file:ring.json --role verify --out shop.credential --renew-before 7d")]
pub(super) struct Issue {
    #[command(flatten)]
    ring: RingArgs,

    /// What it may do: issue, verify or admin; give it again for more
    #[arg(long = "role", required = true, value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<Role>,

    /// For which audiences; give it again for more [default: all]
    #[arg(long = "audience", value_delimiter = ',', value_name = "AUDIENCE")]
    audiences: Vec<Audience>,

    /// Who calls, as logs show it [default: its roles]
    #[arg(long)]
    name: Option<String>,

    /// How long it lives [default: 30d, or what the policy allows]
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<Duration>,

    /// Writes it to a file with mode 0600 instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Leaves FILE alone while its credential says the same and lives longer than this: for timers
    #[arg(long, value_name = "DURATION", requires = "out")]
    renew_before: Option<Duration>,
}

impl Issue {
    pub(super) fn run(self, console: &mut Console) -> End {
        let ring = self.ring.load()?;
        let now = console.now();
        let credentials = Credentials::new(KeyRingHandle::fixed(ring));
        let credentials = credentials.map_err(|error| super::no_credentials(&error))?;
        let caller = self.caller();
        let lifetime = self.lifetime.map(|Duration(seconds)| seconds);
        if let (Some(file), Some(Duration(before))) = (&self.out, self.renew_before)
            && let Some(ends) = good_until(&credentials, file, &caller, now)
            && ends > now.saturating_add(before)
        {
            console.note(format_args!(
                "{}: left alone: its credential for {} ends {}",
                file.display(),
                caller.name,
                with_relative(ends, now)
            ));
            return Ok(Exit::Done);
        }
        let issued = credentials.issue(&caller, lifetime, now).map_err(|error| failure(&error))?;
        let ends = issued.info.expires_at;
        if let Some(Duration(before)) = self.renew_before
            && ends <= now.saturating_add(before)
        {
            return Err(Failure::usage(
                format!(
                    "--renew-before {}: a new credential would end before that, {}",
                    Duration(before),
                    with_relative(ends, now)
                ),
                "give a shorter --renew-before, or a longer --lifetime",
            ));
        }
        match &self.out {
            Some(file) => {
                secret_file::replace(file, &format!("{}\n", issued.token))?;
                let ends = with_relative(ends, now);
                console.note(format_args!(
                    "{}: a credential for {}, which ends {ends}",
                    file.display(),
                    caller.name
                ));
            }
            None => console.line(issued.token),
        }
        Ok(Exit::Done)
    }

    fn caller(&self) -> Caller {
        let mut roles = self.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let name = self.name.clone().unwrap_or_else(|| names.join("+"));
        let audiences: Vec<String> = self.audiences.iter().map(ToString::to_string).collect();
        Caller { name, roles, audiences: (!audiences.is_empty()).then_some(audiences) }
    }
}

/// Until when the credential in a file is good, if it is one for just this caller.
fn good_until(
    credentials: &Credentials,
    file: &Path,
    caller: &Caller,
    now: UnixTime,
) -> Option<UnixTime> {
    // What is no credential, or none any more, is replaced.
    let text = std::fs::read_to_string(file).ok()?;
    let checked = credentials.check(text.trim_end(), now).ok()?;
    (checked.caller == *caller).then_some(checked.expires_at)
}

fn failure(error: &CredentialError) -> Failure {
    let help = match error {
        CredentialError::Issue(error) => return Failure::issue(error),
        CredentialError::Name => "give a --name that logs can show",
        CredentialError::NoRole => "add --role issue, verify or admin",
        CredentialError::Audience(_) | CredentialError::Reserved(_) => "use a name of your own",
    };
    Failure::usage(error.to_string(), help)
}
