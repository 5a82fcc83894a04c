//! Many keys in the ring, many audiences in the process: nothing that a token should notice.

use std::hint::black_box;

use saddlebag::keys::{KeyRingHandle, UnixTime};
use saddlebag::{JwtAlgorithm, NewSession, Protection, Reason, Tokens};

use super::{Finding, compare};
use crate::harness::{Plan, Runner, leak, runner};
use crate::rings::{DAY, of_keys, usual};
use crate::states::PAYLOADS;

/// 1 key or 32; the token under the active key, the one before it, the first of all, or one that is not there.
pub fn keys(plan: Plan) -> Vec<Finding> {
    let law = "1 to 32 keys";
    let mut findings = Vec::new();
    for protection in [Protection::Sealed, Protection::Signed, Protection::Jwt] {
        let of = |keys| verifier(protection, KeyRingHandle::fixed(of_keys(keys, 1)));
        let (one, many) = (of(1), of(32));
        let state = PAYLOADS[0].typed();
        let issue = |tokens: &Tokens, at| -> &'static str {
            tokens.issue_at(NewSession::of(&state), at).expect("a token").token.leak()
        };
        // Each is verified when it was issued: no token lives as long as there are keys between the first and the last.
        let now = UnixTime::now();
        let days_ago = |days| now.saturating_sub(days * DAY + DAY / 2);
        let (before, first) = (days_ago(1), days_ago(31));
        let active = issue(one, now);
        let stranger = issue(verifier(protection, usual()), now);
        let valid = |tokens: &'static Tokens, token: &'static str, at, place: usize| -> Runner {
            let keys = tokens.ring().ring().expect("a ring").keys().to_vec();
            let verified = tokens.verify_at(token, at).expect("a token");
            assert_eq!(verified.key_id(), keys[place].id());
            runner(move || tokens.verify_at(black_box(token), at).expect("a token"))
        };
        let refused = |tokens: &'static Tokens| {
            runner(move || {
                let refused = tokens.verify_at(black_box(stranger), now).expect_err("no token");
                assert_eq!(refused.reason(), Reason::UnknownKey);
            })
        };
        let runners: Vec<(Runner, usize)> = vec![
            (valid(one, active, now, 0), 0),
            (valid(many, active, now, 31), 0),
            (valid(many, issue(many, before), before, 30), 0),
            (valid(many, issue(many, first), first, 0), 0),
            (refused(one), 0),
            (refused(many), 4),
        ];
        let measured = compare(runners, plan);
        let places = [
            "active key, the last of 32",
            "key before it, the 31st of 32",
            "oldest key, the first of 32",
        ];
        for (place, (_, ratio)) in places.into_iter().zip(measured.iter().skip(1)) {
            let what = format!("{protection}: {place}");
            findings.push(Finding::told(law, what, *ratio, "of 1 key").at_most(1.05));
        }
        let (known, stranger) = (measured[0].0, measured[5].0);
        let what = format!("{protection}: unknown key id, none of 32");
        let note =
            format!("refused, in {:.2} of the time of a valid token of 1 key", stranger / known);
        let finding =
            Finding::told(law, what, measured[5].1, "of an unknown one with 1 key").note(note);
        findings.push(finding);
    }
    findings
}

fn verifier(protection: Protection, ring: KeyRingHandle) -> &'static Tokens {
    let builder = Tokens::builder(ring).protection(protection);
    let builder = match protection {
        Protection::Jwt => builder.jwt(JwtAlgorithm::Hs256),
        _ => builder,
    };
    leak(builder.build().expect("tokens"))
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
