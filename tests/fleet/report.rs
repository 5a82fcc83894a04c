//! What the long run writes.

use std::fmt;
use std::time::Duration;

use saddlebag::keys::UnixTime;

use crate::Scale;
use crate::load::Outcome;

pub struct Report {
    pub scale: Scale,
    pub outcome: Outcome,
    pub rotations: u64,
    pub killed: u64,
    /// From the save of a revocation until every node that reaches Vault had it.
    pub bound: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scale, outcome, rotations, killed, bound } = self;
        writeln!(f, "| what | |")?;
        writeln!(f, "|---|---:|")?;
        writeln!(f, "| nodes, one of them cut off from Vault; Vaults; rotators | 5; 3; 2 |")?;
        writeln!(f, "| a node looks at Vault every | {} s, a fifth more or less |", scale.refresh)?;
        writeln!(f, "| `publish_ahead` and `rotate_every` | {} s |", scale.publish_ahead)?;
        writeln!(f, "| a token lives | {} s |", scale.lifetime)?;
        writeln!(f, "| clocks are apart | {} s |", scale.skew)?;
        writeln!(f, "| rotations | {rotations} |")?;
        writeln!(f, "| nodes killed with -9 and started again | {killed} |")?;
        writeln!(f, "| Vault's leader sealed; killed; two of three sealed | 1; 1; 1 |")?;
        writeln!(f, "| tokens issued | {} |", outcome.issued)?;
        writeln!(f, "| verifications of live tokens | {} |", outcome.verified)?;
        writeln!(f, "| **live tokens refused** | **{}** |", outcome.refused.len())?;
        writeln!(
            f,
            "| not asked of the node that was cut off, since it never heard of the key | {} |",
            outcome.skipped
        )?;
        writeln!(
            f,
            "| requests without an answer: the node was just killed, or stale | {} |",
            outcome.unanswered
        )?;
        writeln!(
            f,
            "| from a revocation to the last node that reaches Vault | {:.1} s |",
            bound.as_secs_f64()
        )?;
        write!(f, "| tokens of the revoked key taken after that | 0 |")
    }
}

impl Report {
    pub fn write(&self) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/benchmarks/fleet.md");
        let text = format!(
            "# A fleet over one ring in Vault\n\n{}, a debug build on 2 cores. Made by \
             `SADDLEBAG_LONG_TESTS=1 cargo test --features server --test fleet`, which fails where a live token is \
             refused.\n\n{self}\n",
            UnixTime::now()
        );
        std::fs::write(path, text).unwrap();
    }
}
