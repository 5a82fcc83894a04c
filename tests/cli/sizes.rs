//! `size`: the shape of its JSON, samples of every kind, and values that are not repeated.

use serde_json::Value;

use super::program::{Place, code, stderr, stdout};

#[test]
fn the_json_of_size_has_the_members_of_its_document() {
    let report = report(b"{\"cart\":[1,2],\"name\":\"Zo\xc3\xab\"}\n{\"cart\":[]}\n");
    let spread = ["median", "p99", "worst"];
    members(
        &report,
        &[
            "assumed",
            "crossings",
            "encoded_bytes",
            "fields",
            "first_refused",
            "json_bytes",
            "kinds",
            "refused",
            "states",
        ],
    );
    members(&report["json_bytes"], &spread);
    members(&report["encoded_bytes"], &spread);
    members(&report["kinds"], &["jwt", "sealed", "signed"]);
    for kind in ["signed", "sealed", "jwt"] {
        let kind = &report["kinds"][kind];
        members(
            kind,
            &[
                "budget_share",
                "characters",
                "cookies",
                "cpu_us",
                "header_bytes",
                "month_bytes",
                "over_cookies",
                "over_usual_length",
            ],
        );
        for numbers in ["characters", "cookies", "header_bytes", "budget_share"] {
            members(&kind[numbers], &spread);
        }
        members(&kind["cpu_us"], &["issue", "request", "verify"]);
        members(&kind["month_bytes"], &["answers", "requests"]);
    }
    members(&report["fields"][0], &["bytes", "name", "share", "states"]);
    members(&report["fields"][0]["bytes"], &spread);
    members(
        &report["assumed"],
        &[
            "audience",
            "cookie",
            "header_budget",
            "jwt",
            "month_seconds",
            "rate",
            "renewals",
            "subject_bytes",
            "usual_length",
        ],
    );
    assert!(report["crossings"].is_array() && report["first_refused"].is_null());
}

/// What is told of a state is what issuing it gives.
#[test]
fn the_characters_that_size_tells_are_those_of_the_token_that_is_issued() {
    let place = Place::with_ring();
    let state = "{\"name\":\"Zoë\",\"cart\":[1,2.5,\"李雷\"]}".as_bytes();
    let report = report(state);
    for (kind, flags) in [
        ("signed", vec!["--protection", "signed"]),
        ("sealed", vec![]),
        ("jwt", vec!["--protection", "jwt", "--jwt", "hs256"]),
    ] {
        let issue = [vec!["token", "issue", "--state", "-"], flags].concat();
        let token = stdout(&place.run_with(&issue, state));
        let characters = &report["kinds"][kind]["characters"]["worst"];
        assert_eq!(characters.as_u64(), Some(token.trim_end().len() as u64), "{kind}");
    }
}

#[test]
fn states_of_any_size_and_shape_are_a_sample() {
    let huge = format!("{{\"log\":\"{}\"}}", "x".repeat(1_000_000));
    let sample = format!("{huge}\n7 null\n[1]\n\"\u{1f600}\"\n{{\"\u{1b}[2J\":1}}\n");
    // A control character must be escaped in JSON.
    let sample = sample.replace('\u{1b}', "\\u001b");
    let report = report(sample.as_bytes());
    assert_eq!(report["states"], 6);
    let sealed = &report["kinds"]["sealed"];
    assert_eq!((&sealed["over_usual_length"], &sealed["over_cookies"]), (&1.into(), &1.into()));
    assert!(sealed["characters"]["worst"].as_u64().unwrap() > 1_333_333);
    assert!(sealed["cpu_us"]["verify"].as_f64().unwrap() > 0.0);
    let text = Place::empty().run_with(&["size"], sample.as_bytes());
    assert_eq!(code(&text), 0, "{}", stderr(&text));
    assert!(stdout(&text).contains("\\u{1b}[2J") && !stdout(&text).contains('\u{1b}'));
}

#[test]
fn a_broken_line_is_named_and_its_values_are_not() {
    let place = Place::empty();
    for (sample, told) in [
        ("{}\n{\"pin\":canary}\n{}", "standard input, line 2, column 8: not JSON: "),
        ("{}\n{\"pin\":\"canary\n{}", "standard input, line 2, column 14: not JSON: "),
        ("{}\ncanary", "standard input, line 2, column 1: not JSON: "),
        ("[\"canary\",{\"pin\":1,\"pin\":2}]", "line 1: $[1].pin: a map key is there twice"),
    ] {
        let output = place.run_with(&["size", "--json"], sample.as_bytes());
        let text = stderr(&output);
        assert_eq!((code(&output), stdout(&output).as_str()), (2, ""), "{sample}");
        assert!(text.contains(told) && !text.contains("canary"), "{text}");
    }
}

#[test]
fn a_sample_beyond_its_limit_is_refused() {
    let sample = vec![b' '; (1 << 24) + 1];
    let place = Place::empty();
    std::fs::write(place.path("sample"), &sample).unwrap();
    for output in [place.run(&["size", "sample"]), place.run_with(&["size"], &sample)] {
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains("more than 16777216 bytes"), "{}", stderr(&output));
    }
}

fn report(sample: &[u8]) -> Value {
    let output = Place::empty().run_with(&["size", "--json"], sample);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1);
    serde_json::from_str(&text).unwrap()
}

/// An object with these members and no others.
fn members(value: &Value, names: &[&str]) {
    let mut found: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, names);
}
