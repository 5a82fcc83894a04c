//! `size`: what a sample of somebody's own state would cost as a token, before they change a line of code.
//!
//! Tokens are issued and verified under a ring that is made on the spot and goes nowhere, so that every length and
//! every microsecond is the library's own, and no formula is kept here beside the format's.
//!
//! ```text
//!   FILE ── sample ── issue ──┬─▶ cookie ──┐
//!                   │         └─▶ cpu ─────┼─▶ report ──┬─▶ --json
//!                   └── fields, crossings ─┘            └─▶ text
//! ```

mod cookie;
mod cpu;
mod crossings;
mod fields;
mod issue;
mod report;
mod sample;
mod spread;
mod text;

use std::path::PathBuf;

use clap::Args;

use super::End;
use super::console::Console;
use super::failure::Exit;
use super::input;
use super::token::Jwt;
use report::{Load, Report};
use sample::Sample;

/// Tells what a sample of your own state would cost as a token
///
/// Takes one JSON value or many, one a line say, and issues a signed, a sealed and a jwt token for each, under a ring
/// that is made on the spot: characters, bytes by field, cookies, share of a header, CPU time on this machine, bytes a
/// month, and what measurements say of tokens against other places for sessions. It keeps one core busy for about a
/// second, and reads no ring.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  saddlebag size state.json
  saddlebag size --rate 2000 --renewals 0.05 sessions.jsonl
  redis-cli get session:1 | saddlebag size --json | jq .kinds.sealed.characters")]
pub(super) struct Size {
    /// The sample: a file of JSON values, or - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Requests a second, for the bytes a month
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = rate)]
    rate: f64,

    /// The share of requests whose answer carries a new token
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = share)]
    renewals: f64,

    /// Whose session it is, as far as its length goes: 1 to 255 bytes
    #[arg(long)]
    subject: Option<String>,

    /// Who the tokens are for, which a jwt spells out
    #[arg(long, env = "SADDLEBAG_AUDIENCE", default_value = "default")]
    audience: String,

    /// The algorithm of jwt tokens
    #[arg(long, value_enum, default_value = "hs256")]
    jwt: Jwt,

    /// Reports as JSON
    #[arg(long)]
    json: bool,
}

impl Size {
    pub(super) fn run(self, console: &mut Console) -> End {
        let input = input::sample(console, &self.file)?;
        let sample = Sample::read(&input, &self.source())?;
        let issuer = issue::Issuer::new(
            &self.audience,
            self.jwt.into(),
            self.subject.as_deref(),
            console.now(),
        )?;
        let load = Load { rate: self.rate, renewals: self.renewals };
        let report = Report::of(&sample, &issuer, load)?;
        if self.json {
            console.json(&report)?;
        } else {
            for line in text::lines(&report) {
                console.line(line);
            }
        }
        Ok(Exit::Done)
    }

    /// Where the sample came from, for errors.
    fn source(&self) -> String {
        match self.file.to_string_lossy() {
            name if name == "-" => "standard input".to_owned(),
            name => name.into_owned(),
        }
    }
}

/// Requests a second.
fn rate(text: &str) -> Result<f64, String> {
    number(text, |rate| rate > 0.0 && rate <= MOST_RATE)
        .ok_or_else(|| "a rate is a number of requests a second, above 0 and up to 1e9".to_owned())
}

/// A part of one.
fn share(text: &str) -> Result<f64, String> {
    number(text, |share| (0.0..=1.0).contains(&share))
        .ok_or_else(|| "a share is a number from 0 to 1, like 0.1".to_owned())
}

fn number(text: &str, is_fine: impl Fn(f64) -> bool) -> Option<f64> {
    text.parse().ok().filter(|number| is_fine(*number))
}

const MOST_RATE: f64 = 1e9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_shares_are_numbers_in_their_range() {
        assert_eq!(rate("0.5"), Ok(0.5));
        assert_eq!(rate("2000"), Ok(2_000.0));
        assert_eq!(share("0"), Ok(0.0));
        assert_eq!(share("1"), Ok(1.0));
        for text in ["", "0", "-1", "NaN", "inf", "1e10", "many"] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["", "-0.1", "1.1", "NaN", "10%"] {
            assert!(share(text).is_err(), "{text}");
        }
    }
}
