//! Forged tokens: none costs more than a valid one, and no flood of them touches what was kept.

use std::hint::black_box;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use saddlebag::keys::KeyRingHandle;
use saddlebag::{NewSession, Protection, Reason, Tokens};

use super::{Finding, compare};
use crate::harness::{Plan, Runner, leak, median, runner, tampered};
use crate::rings::usual;
use crate::states::PAYLOADS;

fn tokens(ring: &KeyRingHandle) -> Tokens {
    Tokens::builder(ring.clone()).build().expect("tokens")
}

/// A valid token with other bytes from `at` on.
fn altered(token: &str, at: usize, bytes: &[u8]) -> String {
    let mut decoded = BASE64_URL_SAFE_NO_PAD.decode(token).expect("base64");
    decoded[at..at + bytes.len()].copy_from_slice(bytes);
    BASE64_URL_SAFE_NO_PAD.encode(decoded)
}

fn refused(tokens: &Tokens, token: &str) -> Reason {
    tokens.verify(black_box(token)).expect_err("no token").reason()
}

pub fn costs(plan: Plan) -> Vec<Finding> {
    let ring = usual();
    let verifier: &'static Tokens = leak(tokens(&ring));
    // So small a table that no prefix but the last few stays: what a token of an issuer not met before costs.
    let forgetful: &'static Tokens =
        leak(Tokens::builder(ring.clone()).derived_ciphers(1).build().expect("tokens"));
    let mut findings = Vec::new();
    for payload in [&PAYLOADS[0], &PAYLOADS[3]] {
        let state = payload.typed();
        let issue = |protection| {
            let session = NewSession::of(&state).protection(protection);
            tokens(&ring).issue(session).expect("a token").token
        };
        let warm: &'static str = issue(Protection::Sealed).leak();
        let signed: &'static str = issue(Protection::Signed).leak();
        let cold: Vec<String> = (0..256).map(|_| issue(Protection::Sealed)).collect();
        let forged = cold.iter().map(|_| altered(warm, PREFIX_AT, &rand::random::<[u8; 12]>()));
        let (forged, cold): (&[String], &[String]) =
            (forged.collect::<Vec<_>>().leak(), cold.leak());
        let tag: &'static str = tampered(warm, 0).leak();
        let tag: &'static str = match refused(verifier, tag) {
            Reason::BadTag => tag,
            // The last character has bits that must be zero: another one of the tag, then.
            _ => tampered(warm, 3).leak(),
        };
        let stranger: &'static str = altered(warm, KEY_AT, &rand::random::<[u8; 4]>()).leak();
        let bad_signature: &'static str = tampered(signed, 3).leak();
        assert_eq!(refused(verifier, tag), Reason::BadTag);
        assert_eq!(refused(verifier, &forged[0]), Reason::BadTag);
        assert_eq!(refused(verifier, stranger), Reason::UnknownKey);
        assert_eq!(refused(verifier, bad_signature), Reason::BadTag);
        let valid = |token: &'static str| {
            runner(move || verifier.verify(black_box(token)).expect("a token"))
        };
        let invalid = |token: &'static str| runner(move || refused(verifier, token));
        let mut turn = (0, 0, 0);
        let runners: Vec<(Runner, usize)> = vec![
            (valid(warm), 0),
            (invalid(tag), 0),
            (invalid(stranger), 0),
            (
                runner(move || {
                    turn.0 = (turn.0 + 1) % forged.len();
                    refused(verifier, &forged[turn.0])
                }),
                0,
            ),
            (
                runner(move || {
                    turn.1 = (turn.1 + 1) % cold.len();
                    forgetful.verify(black_box(&cold[turn.1])).expect("a token")
                }),
                0,
            ),
            (
                runner(move || {
                    turn.2 = (turn.2 + 1) % forged.len();
                    refused(forgetful, &forged[turn.2])
                }),
                4,
            ),
            (valid(signed), 6),
            (invalid(bad_signature), 6),
        ];
        let measured = compare(runners, plan);
        let law = "a forged token costs no more";
        let mut found = |what: &str, ratio: f64, unit| {
            let what = format!("{}: {what}", payload.name);
            findings.push(Finding::told(law, what, ratio, unit));
        };
        found("sealed, changed tag", measured[1].1, "of a valid warm one");
        found("sealed, unknown key id", measured[2].1, "of a valid warm one");
        found("sealed, random prefix", measured[5].1, "of a valid one of an issuer not met before");
        found("signed, changed tag", measured[7].1, "of a valid one");
        for finding in findings.iter_mut().rev().take(4) {
            finding.limit = Some(1.05);
        }
        let what = format!("{}: sealed, random prefix", payload.name);
        let (forged, cold) = (measured[3].1, measured[4].1);
        let finding = Finding::told(law, what, forged, "of a valid warm one");
        findings.push(finding.note(format!(
            "told, not judged: both derive a cipher; a valid one of an issuer not met before is {cold:.2}"
        )));
    }
    findings
}

/// 200 issuers' tokens are warm; 10^5 forged prefixes come; are they still?
pub fn flood(plan: Plan) -> Vec<Finding> {
    let ring = usual();
    let verifier = tokens(&ring);
    let state = PAYLOADS[0].typed();
    let issue = || tokens(&ring).issue(NewSession::of(&state)).expect("a token").token;
    let known: Vec<String> = (0..200).map(|_| issue()).collect();
    let pass = || {
        let begin = Instant::now();
        for token in &known {
            black_box(verifier.verify(black_box(token)).expect("a token"));
        }
        begin.elapsed().as_nanos() as f64 / known.len() as f64
    };
    let cold = pass();
    let size = if plan.rounds == 1 { 1_000 } else { 100_000 };
    let flood = |verifier: &Tokens| {
        let mut random = altered(&known[0], PREFIX_AT, &rand::random::<[u8; 12]>()).into_bytes();
        for _ in 0..size {
            // 12 of the prefix's 16 characters, which lie between two characters that mix it with its neighbours.
            let fresh = base64_simd::URL_SAFE_NO_PAD.encode_to_string(rand::random::<[u8; 9]>());
            random[PREFIX_TEXT_AT..PREFIX_TEXT_AT + 12].copy_from_slice(fresh.as_bytes());
            let text = std::str::from_utf8(&random).expect("ASCII");
            assert_eq!(refused(verifier, text), Reason::BadTag);
        }
    };
    // A flood empties the CPU's caches too. So the other side of the comparison is a flood of another verifier, whose
    // table these tokens are not in.
    let elsewhere = tokens(&ring);
    let (mut quiet, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        pass();
        quiet.push(pass());
        flood(&elsewhere);
        before.push(pass());
        pass();
        flood(&verifier);
        after.push(pass());
    }
    let (quiet, before, after) = (median(&quiet), median(&before), median(&after));
    let law = "a flood of forged prefixes";
    let what = format!("{size} of them, then 200 tokens that were warm, each once");
    vec![
        Finding::told(law, what, after / before, "of after a flood of another verifier")
            .at_most(1.1)
            .note(format!(
                "{after:.0} ns after it, {before:.0} ns after the other, which empties the CPU's caches alike, {quiet:.0} \
                 ns without, {cold:.0} ns when they were new"
            )),
    ]
}

/// A token's bytes: version and suite (3), key id (4), prefix (12), ...
const KEY_AT: usize = 3;
const PREFIX_AT: usize = 7;
/// The first character of the text that is the prefix's alone.
const PREFIX_TEXT_AT: usize = 10;
