//! Counts allocations, in a program of its own so that counting slows nothing that is timed. JSON on stdout.

use saddlebag::keys::KeyRingHandle;
use saddlebag::{NewSession, RawState, Tokens};
use saddlebag_peers::contenders::saddlebag::{KINDS, tokens};
use saddlebag_peers::rings;
use saddlebag_peers::states::{BorrowedState, PAYLOADS};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Allocations and reallocations of one call; what it gives is dropped later.
fn count<R>(call: impl Fn() -> R) -> usize {
    // What is kept after the first call is no cost of the second.
    drop(call());
    let region = Region::new(ALLOCATOR);
    let result = call();
    let change = region.change();
    drop(result);
    change.allocations + change.reallocations
}

fn main() {
    let mut rows = Vec::new();
    for (name, _, _) in KINDS {
        for keys in [1, 32] {
            let tokens: Tokens = tokens(name, KeyRingHandle::fixed(rings::of_keys(keys, 1)));
            for payload in &PAYLOADS {
                let typed = payload.typed();
                let raw = RawState::of(&typed).expect("a state");
                let token = tokens.issue(NewSession::of(&typed)).expect("a token").token;
                let verified = tokens.verify(&token).expect("a token");
                rows.push(json!({
                    "name": name, "keys": keys, "payload": payload.name,
                    "verify": count(|| tokens.verify(&token).expect("a token")),
                    "refuse": count(|| tokens.verify(&token[..token.len() - 4]).expect_err("no token")),
                    "borrowed": count(|| verified.state::<BorrowedState>().expect("a state")),
                    "issue": count(|| tokens.issue(NewSession::of(&typed)).expect("a token")),
                    // The state's copy is the caller's, and counted.
                    "issue_bytes": count(|| {
                        tokens.issue(NewSession::raw(raw.clone())).expect("a token")
                    }),
                }));
            }
        }
    }
    println!("{}", json!({ "process": "allocations", "allocations": rows }));
}
