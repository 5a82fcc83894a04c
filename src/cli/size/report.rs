//! What is told of a sample: the shape of `--json` (docs/size.md), which the text is drawn from too.

use serde::Serialize;

use super::cookie::{self, Ride};
use super::cpu::{self, Cpu};
use super::crossings::{self, Crossing};
use super::fields::{self, Field};
use super::issue::{Issuer, KINDS};
use super::sample::{Refused, Sample, State};
use super::spread::Spread;
use crate::cli::failure::Failure;
use crate::token::format::Protection;
use crate::tokens::USUAL_LENGTH;

/// How often tokens travel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) rate: f64,
    pub(super) renewals: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// States that were measured.
    pub(super) states: usize,
    /// Values that no token can carry, of any kind.
    pub(super) refused: usize,
    pub(super) first_refused: Option<FirstRefused>,
    /// Bytes of a state as JSON without white space.
    pub(super) json_bytes: Spread,
    /// Bytes of a state in CBOR, as signed and sealed tokens carry it.
    pub(super) encoded_bytes: Spread,
    pub(super) kinds: Kinds,
    pub(super) fields: Vec<Field>,
    pub(super) crossings: Vec<Crossing>,
    pub(super) assumed: Assumed,
}

#[derive(Debug, Serialize)]
pub(super) struct FirstRefused {
    pub(super) line: usize,
    pub(super) reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Kinds {
    pub(super) signed: Kind,
    pub(super) sealed: Kind,
    pub(super) jwt: Kind,
}

/// What the sample is as tokens of one kind. Nothing that needs a cookie is there where cookies do not hold the token.
#[derive(Debug, Serialize)]
pub(super) struct Kind {
    #[serde(skip)]
    pub(super) protection: Protection,
    pub(super) characters: Spread,
    /// States whose token is longer than what is issued unless told.
    pub(super) over_usual_length: usize,
    /// States whose token does not fit four cookies.
    pub(super) over_cookies: usize,
    pub(super) cookies: Spread,
    /// Bytes of the line `Cookie: …`.
    pub(super) header_bytes: Spread,
    /// The part of the budget that it takes.
    pub(super) budget_share: Shares,
    /// Of the states that cookies hold, whatever the kind.
    pub(super) cpu_us: Option<CpuTime>,
    /// Of the states that cookies hold.
    pub(super) month_bytes: Option<Month>,
}

#[derive(Debug, Serialize)]
pub(super) struct Shares {
    pub(super) median: Option<f64>,
    pub(super) p99: Option<f64>,
    pub(super) worst: Option<f64>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CpuTime {
    pub(super) verify: f64,
    pub(super) issue: f64,
    pub(super) request: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Month {
    /// From clients: every request's `Cookie`.
    pub(super) requests: u64,
    /// To clients: `Set-Cookie` of the answers that carry a new token.
    pub(super) answers: u64,
}

/// What the numbers stand on.
#[derive(Debug, Serialize)]
pub(super) struct Assumed {
    pub(super) rate: f64,
    pub(super) renewals: f64,
    pub(super) month_seconds: u32,
    pub(super) header_budget: usize,
    pub(super) usual_length: usize,
    pub(super) cookie: String,
    pub(super) audience: String,
    pub(super) subject_bytes: usize,
    pub(super) jwt: &'static str,
}

impl Report {
    pub(super) fn of(sample: &Sample, issuer: &Issuer<'_>, load: Load) -> Result<Self, Failure> {
        let states = &sample.states;
        let json_bytes = Spread::of(states.iter().map(|state| state.json));
        let mut kinds = Vec::with_capacity(KINDS.len());
        let mut fits = vec![true; states.len()];
        for protection in KINDS {
            let (kind, rides) = Kind::of(protection, states, issuer, load)?;
            kinds.push(kind);
            fits.iter_mut().zip(rides).for_each(|(fits, ride)| *fits &= ride.is_some());
        }
        let fit = states.iter().zip(fits).filter(|(_, fits)| *fits).map(|(state, _)| &state.raw);
        let times = cpu::measure(issuer, fit.collect())?;
        for (kind, cpu) in kinds.iter_mut().zip(times.iter().flatten()) {
            kind.cpu_us = Some(CpuTime::of(cpu, load));
        }
        let mut kinds = kinds.into_iter();
        let (Some(signed), Some(sealed), Some(jwt)) = (kinds.next(), kinds.next(), kinds.next())
        else {
            return Err(Failure::bug("a kind of tokens was not measured"));
        };
        Ok(Self {
            states: states.len(),
            refused: sample.refused,
            first_refused: sample.first_refused.as_ref().map(|Refused { line, error }| {
                FirstRefused { line: *line, reason: error.to_string() }
            }),
            json_bytes,
            encoded_bytes: Spread::of(states.iter().map(|state| state.raw.as_cbor().len())),
            kinds: Kinds { signed, sealed, jwt },
            fields: fields::fields(states),
            crossings: crossings::crossings(
                crossings::MEASURED,
                states,
                json_bytes.median.unwrap_or_default(),
            )
            .map_err(Failure::bug)?,
            assumed: Assumed {
                rate: load.rate,
                renewals: load.renewals,
                month_seconds: MONTH,
                header_budget: BUDGET,
                usual_length: USUAL_LENGTH,
                cookie: cookie::name(),
                audience: issuer.tokens.audience().as_str().to_owned(),
                subject_bytes: issuer.subject.map_or(0, str::len),
                jwt: issuer.algorithm.as_str(),
            },
        })
    }
}

impl Kinds {
    pub(super) fn each(&self) -> [&Kind; 3] {
        [&self.signed, &self.sealed, &self.jwt]
    }
}

impl Kind {
    fn of(
        protection: Protection,
        states: &[State],
        issuer: &Issuer<'_>,
        load: Load,
    ) -> Result<(Self, Vec<Option<Ride>>), Failure> {
        let (mut characters, mut rides) = (Vec::new(), Vec::new());
        for state in states {
            let made = issuer.issue(&state.raw, protection)?;
            characters.push(made.characters());
            rides.push(cookie::ride(&made, issuer.now));
        }
        let spread = |part: fn(&Ride) -> usize| {
            Spread::of_those_that_fit(rides.iter().map(|ride| ride.as_ref().map(part)))
        };
        let header_bytes = spread(|ride| ride.request);
        let kind = Self {
            protection,
            over_usual_length: characters.iter().filter(|length| **length > USUAL_LENGTH).count(),
            over_cookies: rides.iter().filter(|ride| ride.is_none()).count(),
            cookies: spread(|ride| ride.cookies),
            header_bytes,
            budget_share: Shares::of(header_bytes),
            cpu_us: None,
            month_bytes: Month::of(&rides, load),
            characters: Spread::of(characters),
        };
        Ok((kind, rides))
    }
}

impl Shares {
    fn of(Spread { median, p99, worst }: Spread) -> Self {
        let share = |bytes: Option<usize>| Some(thousandths(bytes? as f64 / BUDGET as f64));
        Self { median: share(median), p99: share(p99), worst: share(worst) }
    }
}

impl CpuTime {
    fn of(cpu: &Cpu, load: Load) -> Self {
        let microseconds = |nanoseconds: f64| thousandths(nanoseconds / 1_000.0);
        Self {
            verify: microseconds(cpu.verify),
            issue: microseconds(cpu.issue),
            request: microseconds(load.renewals.mul_add(cpu.issue, cpu.verify)),
        }
    }
}

impl Month {
    /// The mean of the states, as often as there are requests; of the answers, the part that renews.
    fn of(rides: &[Option<Ride>], load: Load) -> Option<Self> {
        let count = rides.iter().flatten().count();
        let requests = load.rate * f64::from(MONTH);
        let bytes = |part: fn(&Ride) -> usize, times: f64| {
            let total = rides.iter().flatten().map(part).fold(0, usize::saturating_add);
            // What is beyond a u64 stays at its end.
            (total as f64 / count as f64 * times).round() as u64
        };
        (count > 0).then(|| Self {
            requests: bytes(|ride| ride.request, requests),
            answers: bytes(|ride| ride.answer, requests * load.renewals),
        })
    }
}

/// A number to three digits after the point.
pub(super) fn thousandths(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}

/// Bytes of a header that some servers and proxies stop at.
pub(super) const BUDGET: usize = 4_096;
/// Thirty days.
const MONTH: u32 = 30 * 86_400;

#[cfg(test)]
mod tests {
    use saddlebag_keys::UnixTime;

    use super::*;
    use crate::token::jwt::JwtAlgorithm;

    fn report(input: &str, load: Load) -> serde_json::Value {
        let sample = Sample::read(input.as_bytes(), "sample").unwrap();
        let now = UnixTime::now();
        let issuer = Issuer::new("shop", JwtAlgorithm::EdDsa, Some("alice"), now).unwrap();
        serde_json::to_value(Report::of(&sample, &issuer, load).unwrap()).unwrap()
    }

    const LOAD: Load = Load { rate: 10.0, renewals: 0.5 };

    #[test]
    fn the_bytes_of_a_month_are_those_of_its_headers() {
        let report = report("{\"a\":1} {\"a\":22222}", LOAD);
        for kind in ["signed", "sealed", "jwt"] {
            let kind = &report["kinds"][kind];
            let header = |which: &str| kind["header_bytes"][which].as_u64().unwrap();
            let mean = (header("median") + header("worst")) as f64 / 2.0;
            let requests = 10.0 * 2_592_000.0;
            assert_eq!(kind["month_bytes"]["requests"].as_f64().unwrap(), mean * requests);
            // `Set-` and the attributes, once in two requests.
            let answer = mean + 57.0;
            assert_eq!(kind["month_bytes"]["answers"].as_f64().unwrap(), answer * requests / 2.0);
            let cpu = |which: &str| kind["cpu_us"][which].as_f64().unwrap();
            assert!((cpu("request") - cpu("verify") - cpu("issue") / 2.0).abs() < 0.002);
        }
        assert_eq!(report["assumed"]["subject_bytes"], 5);
        assert_eq!(report["assumed"]["jwt"], "EdDSA");
    }

    #[test]
    fn states_that_do_not_fit_are_counted_and_have_no_header() {
        let texts = [10, 3_200, 6_000, 100_000].map(|length| format!("\"{}\"", "x".repeat(length)));
        let report = report(&texts.join("\n"), LOAD);
        let sealed = &report["kinds"]["sealed"];
        assert_eq!(sealed["over_usual_length"], 3);
        assert_eq!(sealed["over_cookies"], 2);
        assert_eq!(sealed["cookies"]["median"], 2);
        assert!(sealed["cookies"]["worst"].is_null() && sealed["budget_share"]["p99"].is_null());
        assert!(sealed["characters"]["worst"].as_u64().unwrap() > 130_000);
        assert!(sealed["month_bytes"]["requests"].as_u64().unwrap() > 0);
    }

    #[test]
    fn a_sample_of_which_nothing_fits_has_lengths_alone() {
        let report = report(&format!("\"{}\"", "x".repeat(70_000)), LOAD);
        let jwt = &report["kinds"]["jwt"];
        assert!(jwt["cpu_us"].is_null() && jwt["month_bytes"].is_null());
        assert!(jwt["characters"]["median"].as_u64().unwrap() > 93_000);
        assert_eq!(jwt["over_cookies"], 1);
    }
}
