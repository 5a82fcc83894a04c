//! What must hold whatever the speed: of many keys, many audiences, forgers, threads and swaps.

mod forged;
mod many;
mod swaps;
mod threads;

use serde_json::{Value, json};

use crate::harness::{Plan, Runner, measure, median};

/// One number of a law, and what it must be.
pub struct Finding {
    pub law: &'static str,
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// At most this much, or with `at_least` at least; `None` where it is told and not judged.
    pub limit: Option<f64>,
    pub at_least: bool,
    pub note: String,
}

impl Finding {
    fn told(law: &'static str, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        let (what, note) = (what.into(), String::new());
        Self { law, what, value, unit, limit: None, at_least: false, note }
    }

    fn at_most(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    fn at_least(self, limit: f64) -> Self {
        Self { limit: Some(limit), at_least: true, ..self }
    }

    fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    fn json(&self) -> Value {
        json!({
            "law": self.law, "what": self.what, "value": self.value, "unit": self.unit,
            "limit": self.limit, "at_least": self.at_least, "note": self.note,
        })
    }
}

pub fn all(plan: Plan) -> Value {
    let laws = [
        many::keys,
        many::audiences,
        forged::costs,
        forged::flood,
        threads::scaling,
        swaps::readers,
    ];
    laws.into_iter().flat_map(|law| law(plan)).map(|finding| finding.json()).collect()
}

/// Times of runners in ns, and their ratios to the runner that is named beside each: the medians over rounds in which
/// both took part.
fn compare(runners: Vec<(Runner, usize)>, plan: Plan) -> Vec<(f64, f64)> {
    let (mut runners, bases): (Vec<Runner>, Vec<usize>) = runners.into_iter().unzip();
    let mut borrowed: Vec<&mut Runner> = runners.iter_mut().collect();
    let rounds = plan.rounds.pow(2).min(15);
    let measured = measure(&mut borrowed, Plan { batch: plan.batch / 2, rounds });
    let ratios = |times: &[f64], base: &[f64]| -> Vec<f64> {
        times.iter().zip(base).map(|(time, base)| time / base).collect()
    };
    let medians = measured.iter().zip(bases);
    medians.map(|(times, base)| (median(times), median(&ratios(times, &measured[base])))).collect()
}
