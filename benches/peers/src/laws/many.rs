//! Many keys in the ring, many audiences in the process: nothing that a token should notice.

use std::hint::black_box;

use saddlebag::keys::{KeyRingHandle, UnixTime};
use saddlebag::{NewSession, Protection, Tokens};

use super::{Finding, compare};
use crate::harness::{Plan, Runner, leak, runner};
use crate::rings::{DAY, of_keys, usual};
use crate::states::PAYLOADS;

/// 1 key or 32, the token under the active key or under the one before it.
pub fn keys(plan: Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    for protection in [Protection::Sealed, Protection::Signed] {
        let tokens = |keys| -> &'static Tokens {
            let ring = KeyRingHandle::fixed(of_keys(keys, 1));
            leak(Tokens::builder(ring).protection(protection).build().expect("tokens"))
        };
        let (one, many) = (tokens(1), tokens(32));
        let state = PAYLOADS[0].typed();
        let active = one.issue(NewSession::of(&state)).expect("a token").token;
        let long = NewSession::of(&state).lifetime(10 * DAY).session_lifetime(10 * DAY);
        let then = UnixTime::now().saturating_sub(DAY + DAY / 2);
        let draining = many.issue_at(long, then).expect("a token").token;
        let (active, draining): (&str, &str) = (active.leak(), draining.leak());
        assert_ne!(verify(one, active), verify(many, draining), "two keys");
        let runners: Vec<(Runner, usize)> = vec![
            (runner(move || one.verify(black_box(active)).expect("a token")), 0),
            (runner(move || many.verify(black_box(active)).expect("a token")), 0),
            (runner(move || many.verify(black_box(draining)).expect("a token")), 0),
        ];
        let measured = compare(runners, plan);
        let names = ["active key, the last of 32", "key before it, the 31st of 32"];
        for (what, (_, ratio)) in names.into_iter().zip(measured.into_iter().skip(1)) {
            let what = format!("{protection}: {what}");
            let finding = Finding::told("1 to 32 keys", what, ratio, "of 1 key").at_most(1.05);
            findings.push(finding);
        }
    }
    findings
}

fn verify(tokens: &Tokens, token: &str) -> String {
    tokens.verify(token).expect("a token").key_id().to_string()
}

/// 1 audience or 1,000, all of them in use.
pub fn audiences(plan: Plan) -> Vec<Finding> {
    let ring = usual();
    let state = PAYLOADS[0].typed();
    let alone: &'static Tokens =
        leak(Tokens::builder(ring.clone()).audience("a500").build().expect("tokens"));
    let base = Tokens::builder(ring).audience("shop").build().expect("tokens");
    let many: Vec<(Tokens, String)> = (0..1_000)
        .map(|index| {
            let tokens = base.for_audience(&format!("a{index}")).expect("an audience");
            let token = tokens.issue(NewSession::of(&state)).expect("a token").token;
            tokens.verify(&token).expect("a token");
            (tokens, token)
        })
        .collect();
    let many: &'static [(Tokens, String)] = many.leak();
    let (among, token) = &many[500];
    let mut next = 0;
    let runners: Vec<(Runner, usize)> = vec![
        (runner(move || alone.verify(black_box(token)).expect("a token")), 0),
        (runner(move || among.verify(black_box(token)).expect("a token")), 0),
        (
            runner(move || {
                next = (next + 1) % many.len();
                let (tokens, token) = &many[next];
                tokens.verify(black_box(token)).expect("a token")
            }),
            0,
        ),
    ];
    let measured = compare(runners, plan);
    let law = "1 to 1,000 audiences";
    vec![
        Finding::told(law, "one of 1,000", measured[1].1, "of 1 audience").at_most(1.05),
        Finding::told(law, "each of 1,000 in turn", measured[2].1, "of 1 audience")
            .note("another audience, token and cipher each time: what the CPU's caches make of it"),
    ]
}
