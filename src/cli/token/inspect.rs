//! `token inspect`: what a token shows without a key.

use clap::Args;
use saddlebag_keys::UnixTime;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::text;
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input;
use crate::cli::shown::{Shown, with_relative};
use crate::session::SessionId;
use crate::token::anatomy::{self, Anatomy, KeyHint, Part, Unverified};

/// Shows what the token on standard input is made of, without a key
///
/// Its header, which part weighs what, and the claims where anyone can read them. Nothing of it is
/// verified: anybody can have written it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag token inspect < token.txt
  saddlebag token issue --ring file:ring.json --protection signed | saddlebag token inspect --json")]
pub(super) struct Inspect {
    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(self, console: &mut Console) -> End {
        let token = input::token(console)?;
        let anatomy = anatomy::anatomy(&token).map_err(|why| {
            Failure::refused(
                format!("not a token: {why}"),
                "send the token and nothing else: no name of a cookie, no quotes, no Bearer",
            )
        })?;
        if self.json {
            console.json(&InspectAnswer::of(&anatomy))?;
        } else {
            show(console, &anatomy);
        }
        Ok(Exit::Done)
    }
}

fn show(console: &mut Console, anatomy: &Anatomy) {
    let key = match &anatomy.key {
        KeyHint::Id(id) => format!("key {id}"),
        KeyHint::Jwt { algorithm, kid } => format!("{}, kid {}", algorithm.as_str(), Shown(kid)),
    };
    console.line(format_args!(
        "{} token, {} characters, {key}; NOT VERIFIED",
        anatomy.protection, anatomy.characters
    ));
    console.line("");
    console.line(format_args!("{:<24} {:>6} {:>11}", "part", "bytes", "characters"));
    for Part { name, level, bytes } in &anatomy.parts {
        let indent = level.saturating_mul(2);
        let name: String = name.chars().take(LONGEST_NAME).collect();
        let label = format!("{:indent$}{}", "", Shown(&name));
        let tenths = tenths(*bytes);
        let (whole, tenth) = (tenths.div_euclid(10), tenths.rem_euclid(10));
        console.line(format_args!("{label:<24} {bytes:>6} {:>11}", format!("{whole}.{tenth}")));
    }
    console.line("");
    match &anatomy.claims {
        None => console.line("claims: sealed; only a holder of the key reads them (token verify)"),
        Some(Err(error)) => {
            console.line(format_args!("claims, NOT VERIFIED: cannot be read: {error}"))
        }
        Some(Ok(claims)) => show_claims(console, claims),
    }
}

fn show_claims(console: &mut Console, claims: &Unverified) {
    let now = console.now();
    console.line("claims, NOT VERIFIED (anybody can have written them):");
    if let Some(audience) = &claims.audience {
        console.line(format_args!("  audience  {audience}"));
    }
    console.line(format_args!("  session   {}", SessionId(claims.id)));
    let subject = claims.subject.as_deref().unwrap_or("none");
    console.line(format_args!("  subject   {}", Shown(subject)));
    for (name, time) in [
        ("started", claims.started_at),
        ("issued", claims.issued_at),
        ("expires", claims.expires_at),
        ("ends", claims.ends_at),
    ] {
        let time = with_relative(UnixTime::from_secs(time), now);
        console.line(format_args!("  {name:<8}  {time}"));
    }
    console.line(format_args!("  revision  {}", claims.revision));
    let state = claims.state.as_deref().unwrap_or("cannot be read");
    console.line(format_args!("  state     {}", Shown(state)));
}

/// Base64url spells three bytes with four characters; in tenths, so that small parts show.
fn tenths(bytes: usize) -> usize {
    bytes.saturating_mul(40).saturating_add(1).div_euclid(3)
}

#[derive(Serialize)]
struct InspectAnswer<'a> {
    verified: bool,
    protection: &'static str,
    characters: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    parts: Vec<PartAnswer<'a>>,
    /// Null where only a holder of the key reads them, or nobody does.
    unverified_claims: Option<ClaimsAnswer<'a>>,
}

#[derive(Serialize)]
struct PartAnswer<'a> {
    name: &'a str,
    level: usize,
    bytes: usize,
    characters: f64,
}

#[derive(Serialize)]
struct ClaimsAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'a str>,
    id: String,
    subject: Option<&'a str>,
    #[serde(serialize_with = "text")]
    started_at: UnixTime,
    #[serde(serialize_with = "text")]
    issued_at: UnixTime,
    #[serde(serialize_with = "text")]
    expires_at: UnixTime,
    #[serde(serialize_with = "text")]
    ends_at: UnixTime,
    revision: u32,
    state: Option<&'a RawValue>,
}

impl<'a> InspectAnswer<'a> {
    fn of(anatomy: &'a Anatomy) -> Self {
        let (key, alg, kid) = match &anatomy.key {
            KeyHint::Id(id) => (Some(id.to_string()), None, None),
            KeyHint::Jwt { algorithm, kid } => (None, Some(algorithm.as_str()), Some(kid.as_str())),
        };
        let parts = anatomy.parts.iter().map(|Part { name, level, bytes }| PartAnswer {
            name,
            level: *level,
            bytes: *bytes,
            // At most a token's length: any float holds it.
            characters: u32::try_from(tenths(*bytes)).map_or(0.0, f64::from) / 10.0,
        });
        let claims = anatomy.claims.as_ref().and_then(|claims| claims.as_ref().ok());
        Self {
            verified: false,
            protection: anatomy.protection.as_str(),
            characters: anatomy.characters,
            key,
            alg,
            kid,
            parts: parts.collect(),
            unverified_claims: claims.map(ClaimsAnswer::of),
        }
    }
}

impl<'a> ClaimsAnswer<'a> {
    fn of(claims: &'a Unverified) -> Self {
        Self {
            audience: claims.audience.as_deref(),
            id: SessionId(claims.id).to_string(),
            subject: claims.subject.as_deref(),
            started_at: UnixTime::from_secs(claims.started_at),
            issued_at: UnixTime::from_secs(claims.issued_at),
            expires_at: UnixTime::from_secs(claims.expires_at),
            ends_at: UnixTime::from_secs(claims.ends_at),
            revision: claims.revision,
            state: claims.state.as_deref().and_then(|state| serde_json::from_str(state).ok()),
        }
    }
}

/// Characters of a field's name that the table shows.
const LONGEST_NAME: usize = 20;
