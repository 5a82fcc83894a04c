//! `--wait`: until every node has the generation that was saved.

use std::time::Duration;

use clap::Args;
use futures_util::stream::{FuturesOrdered, FuturesUnordered, StreamExt};
use saddlebag_keys::{KeyRing, KeyRingHandle, UnixTime};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use zeroize::Zeroizing;

use super::ask::{Asker, Unanswered};
use super::verdict::Verdict;
use super::{NodesArgs, ask, block_on};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::duration::Duration as Span;
use crate::cli::failure::{Exit, Failure};
use crate::cli::shown::count;
use crate::credential::Credentials;
use crate::token::reason::Reason;

/// Whether, and for which nodes, a change is waited for.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct WaitArgs {
    #[command(flatten)]
    nodes: NodesArgs,

    /// Returns when every node of --nodes has the new generation, or names those that do not, after 2m
    /// unless another duration is given
    #[arg(
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        // Else --wait before an ID would take the ID.
        require_equals = true,
        default_missing_value = "2m",
        requires = "nodes"
    )]
    wait: Option<Span>,
}

/// Nodes that are to be waited for.
pub(in crate::cli) struct Waiting {
    askers: Vec<Asker>,
    longest: Duration,
    credential: Zeroizing<String>,
    /// Whether each took the credential before the change.
    took_credential: Vec<bool>,
}

#[derive(Serialize)]
struct WaitAnswer<'a> {
    generation: u64,
    seconds: f64,
    nodes: &'a [Arrival],
}

/// How it went with one node.
#[derive(Serialize)]
struct Arrival {
    node: String,
    arrived: bool,
    seconds: f64,
    reason: Option<String>,
}

impl WaitArgs {
    /// Opens what will be asked, before anything is saved.
    pub(in crate::cli) fn open(&self, console: &mut Console) -> Result<Option<Waiting>, Failure> {
        let Some(longest) = self.wait else { return Ok(None) };
        let Some((nodes, askers)) = self.nodes.open(console)? else { return Ok(None) };
        let credential = nodes.credential;
        let (longest, took_credential) = (longest.into(), Vec::new());
        Ok(Some(Waiting { askers, longest, credential, took_credential }))
    }
}

impl Waiting {
    /// Asks each node once, before the change: a revocation may end the very credential that nodes are asked
    /// with, and a node that took it until then and refuses it afterwards has read the revocation.
    pub(in crate::cli) fn look_before(&mut self) -> Result<(), Failure> {
        let permits = ask::permits();
        let answers: Vec<_> = block_on(async {
            // A time-out begins when it is made, and needs the runtime's clock for that.
            let asked = self.askers.iter().map(|asker| timeout(BEFORE, asker.ask(&permits)));
            asked.collect::<FuturesOrdered<_>>().collect().await
        })?;
        self.took_credential = answers.iter().map(|answer| matches!(answer, Ok(Ok(_)))).collect();
        Ok(())
    }

    /// Whether `ring` refuses the credential, its key being revoked there.
    fn is_revoked(&self, ring: &KeyRing, now: UnixTime) -> bool {
        let credentials = Credentials::new(KeyRingHandle::fixed(ring.clone()));
        let checked = credentials.map(|known| known.check(&self.credential, now));
        matches!(checked, Ok(Err(refused)) if refused.reason() == Reason::KeyRevoked)
    }

    /// Waits until every node has `ring`, which was just saved.
    pub(in crate::cli) fn until_there(
        &self,
        console: &mut Console,
        ring: &KeyRing,
        json: bool,
    ) -> End {
        // Whoever ends this while it waits knows what was saved.
        console.flush();
        let generation = ring.generation();
        let revoked = self.is_revoked(ring, console.now());
        let begun = Instant::now();
        let arrivals = block_on(async {
            let permits = ask::permits();
            let deadline = begun.checked_add(self.longest);
            let arrive =
                |(asker, took)| arrival(asker, ring, &permits, (begun, deadline), revoked && took);
            let took = self.took_credential.iter().copied();
            let nodes = self.askers.iter().zip(took.chain(std::iter::repeat(false)));
            let mut waits: FuturesUnordered<_> = nodes.map(arrive).collect();
            let mut arrivals = Vec::new();
            while let Some(arrival) = waits.next().await {
                if arrival.arrived {
                    let Arrival { node, seconds, .. } = &arrival;
                    console.note(format_args!(
                        "{node} has generation {generation}, after {seconds:.1} s"
                    ));
                }
                arrivals.push(arrival);
            }
            arrivals
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        if json {
            console.json(&WaitAnswer { generation, seconds, nodes: &arrivals })?;
        }
        let missing: Vec<_> = arrivals.iter().filter(|arrival| !arrival.arrived).collect();
        if !missing.is_empty() {
            let missing_count = missing.len();
            let told: Vec<_> = missing
                .iter()
                .map(|arrival| {
                    let reason = arrival.reason.as_deref().unwrap_or("no answer in time");
                    format!("{} ({reason})", arrival.node)
                })
                .collect();
            return Err(Failure::refused(
                format!(
                    "{missing_count} of {} not have generation {generation} after {seconds:.1} s: {}",
                    match arrivals.len() {
                        1 => "1 node does".to_owned(),
                        n => format!("{n} nodes do"),
                    },
                    told.join("; ")
                ),
                format!(
                    "generation {generation} is saved all the same; see that these nodes read it: saddlebag keys show --nodes FILE"
                ),
            ));
        }
        if let (Some(last), false) = (arrivals.last(), json) {
            console.line(format_args!(
                "{} with generation {generation}, in {seconds:.1} s; the slowest was {}, after {:.1} s",
                count(arrivals.len(), "node", "nodes"),
                last.node,
                last.seconds
            ));
        }
        Ok(Exit::Done)
    }
}

/// Asks one node again and again. One that cannot be reached holds up no other. `refusal_is_news` where the
/// node took the credential that the change revoked.
async fn arrival(
    asker: &Asker,
    ring: &KeyRing,
    permits: &Semaphore,
    (begun, deadline): (Instant, Option<Instant>),
    refusal_is_news: bool,
) -> Arrival {
    let mut reason = None;
    let look = async {
        let mut pause = SHORTEST;
        loop {
            let answer = asker.ask(permits).await;
            reason = match &answer {
                Err(Unanswered::Credential) if refusal_is_news => None,
                answer => Verdict::of(ring, answer).without,
            };
            if reason.is_none() {
                return;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST);
        }
    };
    let arrived = match deadline {
        Some(deadline) => timeout_at(deadline, look).await.is_ok(),
        // A time that no clock shows.
        None => {
            look.await;
            true
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    Arrival { node: asker.address().to_string(), arrived, seconds, reason }
}

/// A revocation does not wait longer for nodes that are down.
const BEFORE: Duration = Duration::from_secs(2);
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);
