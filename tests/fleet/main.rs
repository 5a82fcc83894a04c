//! T53: a fleet of nodes over one ring in Vault, through rotations, crashes and outages: no live token is refused.
//!
//! Four minutes, at a tenth of the times that people run with; `SADDLEBAG_LONG_TESTS=1` takes half an hour, with nodes
//! that look at Vault every 30 s, and writes docs/benchmarks/fleet.md.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    dead_code
)]

#[path = "../common/faketime.rs"]
mod faketime;
mod load;
mod nodes;
mod outage;
#[path = "../../keys/tests/peers/mod.rs"]
mod peers;
mod report;
#[path = "../service/support.rs"]
mod support;
mod verbs;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use load::Load;
use nodes::Fleet;
use support::eventually;

/// Held by the fleet, which wants the whole machine for four minutes, and by what measures times beside it.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How fast everything goes.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Seconds between two looks of a node at Vault, a fifth more or less.
    pub refresh: u64,
    /// Seconds that a key is known before it signs, and for which it signs.
    pub publish_ahead: u64,
    /// Seconds that a token lives.
    pub lifetime: u64,
    /// Seconds that two clocks are apart at most.
    pub skew: u64,
    pub rotations: u64,
    /// Verifications that there must have been.
    pub verifications: u64,
}

/// A key is published ahead by twice the longest pause between two looks, a client's timeout, the skew, and the 4 s that
/// three Vaults may be without a leader: what docs/operations.md asks for.
const SHORT: Scale = Scale {
    refresh: 1,
    publish_ahead: 11,
    lifetime: 30,
    skew: 2,
    rotations: 20,
    verifications: 250_000,
};
const LONG: Scale = Scale {
    refresh: 25,
    publish_ahead: 75,
    lifetime: 100,
    skew: 8,
    rotations: 20,
    verifications: 1_000_000,
};
/// Seconds that a node waits for Vault's answer.
pub const PATIENCE: u64 = 2;

#[test]
fn no_live_token_is_refused_whatever_happens_to_the_fleet() {
    let _alone = alone();
    let long = std::env::var_os("SADDLEBAG_LONG_TESTS").is_some();
    let scale = if long { LONG } else { SHORT };
    let mut fleet = Fleet::start(scale);
    let load = Load::start(&fleet, scale);
    // A tenth of the run between two events; nodes die all the time.
    let step = Duration::from_secs(scale.rotations * scale.publish_ahead / 10);
    fleet.kill_nodes_for(step);
    fleet.cut_one_off(&load);
    fleet.kill_nodes_for(step);
    let sealed = fleet.seal_the_leader();
    fleet.kill_nodes_for(step);
    fleet.restart_vault(sealed);
    fleet.kill_nodes_for(step);
    let dead = fleet.kill_the_leader();
    fleet.kill_nodes_for(step);
    fleet.restart_vault(dead);
    fleet.kill_nodes_for(step);
    // Without two of three, Vault is as good as sealed.
    let (one, other) = (fleet.seal_the_leader(), fleet.seal_the_leader());
    fleet.kill_nodes_for(Duration::from_secs(2));
    fleet.restart_vault(one);
    fleet.restart_vault(other);
    while fleet.rotations() < scale.rotations || load.verified() < scale.verifications {
        fleet.kill_nodes_for(Duration::from_secs(2));
    }
    let rotations = fleet.rotations();
    // A revocation may refuse what was good: it is looked at by itself.
    let (outcome, tokens) = load.end();
    let key = tokens.last().unwrap().key.clone();
    let generation = fleet.revoke(&key);
    let bound = fleet.wait_until_all_know(generation);
    // From here on no node that reaches Vault takes a token of that key, whenever it was issued.
    let taken_after = load::taken_under(&key, &tokens, &fleet);
    assert_eq!(taken_after, 0, "a revoked key was taken");
    let refused = &outcome.refused;
    assert!(
        refused.is_empty(),
        "{} of {}: {:#?}",
        refused.len(),
        outcome.verified,
        &refused[..refused.len().min(8)]
    );
    assert!(outcome.verified >= scale.verifications, "{outcome:?}");
    assert!(
        outcome.skipped > 0,
        "the node that was cut off was never asked about a key unknown to it"
    );
    assert!(rotations >= scale.rotations, "{rotations}");
    assert!(fleet.killed() >= 10, "{}", fleet.killed());
    eventually("the fleet is quiet again", || fleet.all_fresh());
    let report = report::Report { scale, outcome, rotations, killed: fleet.killed(), bound };
    eprintln!("{report}");
    if long {
        report.write();
    }
}
