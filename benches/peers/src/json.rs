//! What a run says, as JSON for the report.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Contender, Plan, measure, median};

/// Times every contender, and tells it.
pub fn rows(contenders: &mut [Contender], plan: Plan) -> Value {
    let mut runners = Vec::new();
    let mut names = Vec::new();
    for (index, contender) in contenders.iter_mut().enumerate() {
        for (op, runner) in &mut contender.ops {
            names.push((index, *op));
            runners.push(runner);
        }
    }
    let rounds = measure(&mut runners, plan);
    let mut rows: Vec<Value> = contenders
        .iter()
        .map(|it| {
            json!({
                "name": it.name, "kind": it.kind.name(), "payload": it.payload,
                "characters": it.characters, "full": it.full, "ns": {}, "spread": {},
            })
        })
        .collect();
    for ((index, op), rounds) in names.into_iter().zip(rounds) {
        let middle = median(&rounds);
        let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rounds.iter().copied().fold(0.0, f64::max);
        rows[index]["ns"][op.name()] = json!(middle);
        rows[index]["spread"][op.name()] = json!([least, most]);
    }
    Value::Array(rows)
}

/// The one way every binary is called: `--quick` for one run of everything, or how often and how long; JSON on stdout.
pub fn run(process: &str, measured: impl FnOnce(Plan) -> Value) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut plan = Plan { batch: Duration::from_millis(25), rounds: 7 };
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        let number = |value: Option<&str>| value.and_then(|text| text.parse::<u64>().ok());
        match argument {
            "--quick" => plan = Plan::QUICK,
            "--rounds" => plan.rounds = number(arguments.next()).expect("--rounds N") as usize,
            "--batch" => {
                let length = number(arguments.next()).expect("--batch MILLISECONDS");
                plan.batch = Duration::from_millis(length);
            }
            _ => panic!("usage: {process} [--quick] [--rounds N] [--batch MILLISECONDS]"),
        }
    }
    let mut result = measured(plan);
    result["process"] = json!(process);
    result["rounds"] = json!(plan.rounds);
    result["batch"] = json!(plan.batch.as_millis());
    println!("{result}");
}
