//! The nodes that have a ring: asked for the generation they use (`--nodes FILE`), and waited for.
//!
//! Nodes are only read: `GET /v1/keys` with a credential of the role `admin`.

mod ask;
mod file;
mod verdict;
mod wait;

use std::future::Future;
use std::path::PathBuf;

use clap::Args;
use futures_util::stream::{FuturesOrdered, StreamExt};
use saddlebag_keys::KeyRing;

use super::console::Console;
use super::failure::Failure;
use super::shown::{Shown, about, count};
use super::until_told::runtime;
use ask::Asker;
use file::Nodes;
pub(super) use verdict::NodeEntry;
use verdict::Verdict;
pub(super) use wait::WaitArgs;

/// Which nodes are asked.
#[derive(Clone, Debug, Args)]
pub(super) struct NodesArgs {
    /// Asks the nodes that this TOML file lists, with its credential
    #[arg(long, env = "SADDLEBAG_NODES", value_name = "FILE")]
    nodes: Option<PathBuf>,
}

impl NodesArgs {
    /// The nodes, ready to be asked, where there is a file of them.
    fn open(&self, console: &mut Console) -> Result<Option<(Nodes, Vec<Asker>)>, Failure> {
        let Some(path) = &self.nodes else { return Ok(None) };
        let nodes = file::read(path)?;
        for address in nodes.addresses.iter().filter(|address| address.in_clear()) {
            console.note(format_args!(
                "warning: {address} is beyond this machine, and without https the credential travels there in clear"
            ));
        }
        let askers = ask::askers(&nodes)?;
        Ok(Some((nodes, askers)))
    }

    /// Asks every node at once; what each said of the ring, in the order of the file.
    pub(super) fn ask(
        &self,
        console: &mut Console,
        ring: &KeyRing,
    ) -> Result<Option<Vec<NodeEntry>>, Failure> {
        let Some((_, askers)) = self.open(console)? else { return Ok(None) };
        let permits = ask::permits();
        let asked: FuturesOrdered<_> = askers.iter().map(|asker| asker.ask(&permits)).collect();
        let answers: Vec<_> = block_on(asked.collect())?;
        let entries = askers.iter().zip(answers);
        let entries = entries.map(|(asker, answer)| {
            Verdict::of(ring, &answer).entry(asker.address().to_string(), answer)
        });
        Ok(Some(entries.collect()))
    }
}

/// Tells what each node said, a line each, then how many there are.
pub(super) fn table(console: &mut Console, ring: &KeyRing, nodes: &[NodeEntry]) {
    let width = nodes.iter().map(|entry| entry.node.chars().count()).max().unwrap_or(0).max(4);
    console.line(format_args!("{:<width$}  generation  age    clock", "node"));
    for entry in nodes {
        let generation = entry.generation.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let age = entry.age.map_or_else(|| "-".to_owned(), about);
        let clock = match (entry.clock_offset, entry.clock_uncertainty) {
            (Some(offset), Some(within)) => format!("{offset:+} s ± {within} s"),
            _ => "-".to_owned(),
        };
        let line = format!("{:<width$}  {generation:<10}  {age:<5}  {clock}", entry.node);
        console.line(Shown(line.trim_end()));
        for reason in &entry.reasons {
            console.line(format_args!("  {}", Shown(reason)));
        }
    }
    let behind: Vec<_> = nodes.iter().filter(|entry| entry.laggard).collect();
    let all = count(nodes.len(), "node", "nodes");
    console.line("");
    if behind.is_empty() {
        let generation = ring.generation();
        let ahead = nodes.iter().any(|entry| entry.generation > Some(generation));
        let or = if ahead { " or a higher one" } else { "" };
        return console.line(format_args!("{all}, and every one has generation {generation}{or}"));
    }
    let names: Vec<_> = behind.iter().map(|entry| entry.node.as_str()).collect();
    let names = names.join(", ");
    console.line(format_args!("{all}, and {} to look after: {}", behind.len(), Shown(&names)));
}

/// Runs what asks nodes to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    Ok(done)
}
