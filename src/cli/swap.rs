//! How a ring is changed: read, plan, save by compare-and-swap, report.

use std::mem::discriminant;

use clap::Args;
use rand::rngs::SysRng;
use saddlebag_keys::rotation::{Due, Harm, Plan, Refused};
use saddlebag_keys::{Key, KeyRing, Store, UnixTime};

use super::console::Console;
use super::failure::{Exit, Failure};
use super::nodes::WaitArgs;
use super::report;
use super::ring::{Opening, RingArgs};
use super::{End, confirm};

/// What a plan is saved over: the ring that a store gave, or none.
#[derive(Clone, Copy)]
pub(super) struct Over<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) present: Option<&'a KeyRing>,
}

/// What every verb that changes a ring takes.
#[derive(Clone, Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) ring: RingArgs,

    /// Shows what would change, and changes nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Saves to version 1 of Vault's KV engine too, which cannot tell that somebody else saves at once
    #[arg(long)]
    pub(super) force: bool,

    /// Reports as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What a verb plans for a ring at a time. Keys are drawn from the operating system.
pub(super) type Planned<T> = Result<T, Refused>;

impl ChangeArgs {
    /// The store, one for all that a verb does: it guards a save by what it read itself, and another would log
    /// in to Vault once more.
    pub(super) fn store(&self) -> Result<Box<dyn Store>, Failure> {
        self.ring.location.open(Opening {
            group_read: self.ring.allow_group_read,
            unguarded_writes: self.force,
            ..Opening::default()
        })
    }

    pub(super) fn load(&self, store: &dyn Store) -> Result<KeyRing, Failure> {
        store.load().map_err(|error| Failure::store(&error, &self.ring.location))
    }

    /// Carries out a verb that changes the ring whenever it is run. Losing a race is the caller's to
    /// judge: the ring is another one now.
    pub(super) fn once(
        &self,
        console: &mut Console,
        plan: impl FnOnce(&KeyRing, UnixTime, &mut SysRng) -> Planned<Plan>,
    ) -> End {
        let store = self.store()?;
        let ring = self.load(&*store)?;
        let plan = self.judge(plan(&ring, console.now(), &mut SysRng))?;
        self.save(&*store, &plan, Some(ring.generation()))?;
        self.report(console, &plan)
    }

    /// Carries out a verb that may break something, once somebody agreed to what its plan says; and waits for
    /// the nodes that are to have it.
    pub(super) fn agreed(
        &self,
        console: &mut Console,
        yes: bool,
        wait: &WaitArgs,
        plan: impl Fn(&KeyRing, UnixTime, &mut SysRng) -> Planned<Plan>,
    ) -> End {
        let mut waiting = wait.open(console)?.filter(|_| !self.dry_run);
        let store = self.store()?;
        let ring = self.load(&*store)?;
        if let Some(waiting) = &mut waiting {
            waiting.look_before()?;
        }
        let over = Over { store: &*store, present: Some(&ring) };
        let planned = self.carried_out(console, yes, over, |now, rng| plan(&ring, now, rng))?;
        match waiting {
            Some(waiting) => waiting.until_there(console, &planned.ring, self.json),
            None => Ok(Exit::Done),
        }
    }

    /// The same, of the ring that is there, or of none.
    pub(super) fn agreed_on(
        &self,
        console: &mut Console,
        yes: bool,
        over: Over<'_>,
        plan: impl Fn(UnixTime, &mut SysRng) -> Planned<Plan>,
    ) -> End {
        self.carried_out(console, yes, over, plan).map(|_| Exit::Done)
    }

    /// What was agreed to, saved and reported.
    fn carried_out(
        &self,
        console: &mut Console,
        yes: bool,
        over: Over<'_>,
        plan: impl Fn(UnixTime, &mut SysRng) -> Planned<Plan>,
    ) -> Result<Plan, Failure> {
        let mut planned = self.judge(plan(console.now(), &mut SysRng))?;
        if !self.dry_run && !planned.harm.is_empty() {
            report::announce(console, &self.ring.location, &planned);
            confirm::confirm(console, yes, does(&planned))?;
            // Whoever agreed took their time: what is saved counts from now, and does no other harm.
            let again = self.judge(plan(console.now(), &mut SysRng))?;
            if !same_harm(over.present, &again, &planned) {
                return Err(Failure::conflict(
                    format!(
                        "the plan changed while it waited: generation {} now does other harm",
                        planned.ring.generation()
                    ),
                    "nothing was changed; run this again",
                ));
            }
            planned = again;
        }
        self.save(over.store, &planned, over.present.map(KeyRing::generation))?;
        report::changed(console, self, &planned)?;
        Ok(planned)
    }

    /// Carries out a verb that anybody may run at any time: one that loses a race looks again.
    pub(super) fn when_due(
        &self,
        console: &mut Console,
        what: &str,
        plan: impl Fn(&KeyRing, UnixTime, &mut SysRng) -> Planned<Due>,
    ) -> End {
        let store = self.store()?;
        let mut lost = None;
        for _ in 0..MOST_RACES {
            let ring = self.load(&*store)?;
            match self.judge(plan(&ring, console.now(), &mut SysRng))? {
                Due::At(at) => {
                    report::nothing_due(console, self, &ring, what, at)?;
                    return Ok(Exit::Done);
                }
                Due::Now(plan) => match self.save(&*store, &plan, Some(ring.generation())) {
                    Ok(()) => return self.report(console, &plan),
                    Err(failure) if failure.exit() == Exit::Conflict => lost = Some(failure),
                    Err(failure) => return Err(failure),
                },
            }
        }
        Err(lost.unwrap_or_else(|| Failure::conflict("no race was run", "run this again")))
    }

    /// Saves a plan, unless this is a dry run.
    pub(super) fn save(
        &self,
        store: &dyn Store,
        plan: &Plan,
        expected: Option<u64>,
    ) -> Result<(), Failure> {
        if self.dry_run {
            return Ok(());
        }
        let saved = store.save(&plan.ring, expected);
        saved.map_err(|error| Failure::store(&error, &self.ring.location))
    }

    pub(super) fn judge<T>(&self, planned: Planned<T>) -> Result<T, Failure> {
        planned.map_err(|refused| Failure::rotation(&refused, &self.ring.location))
    }

    pub(super) fn report(&self, console: &mut Console, plan: &Plan) -> End {
        report::changed(console, self, plan)?;
        Ok(Exit::Done)
    }
}

/// What whoever agrees to a plan agrees to.
fn does(plan: &Plan) -> &'static str {
    match plan.harm.iter().all(|harm| matches!(harm, Harm::Forgotten { .. })) {
        true => "this may take revoked keys again",
        false => "this refuses tokens that are alive",
    }
}

/// Whether two plans for a ring harm the same keys in the same ways. A new key is drawn for each plan,
/// and is as good as another.
fn same_harm(present: Option<&KeyRing>, one: &Plan, other: &Plan) -> bool {
    let known = |harm: &Harm| present?.key(harm.key()?).map(Key::id);
    let essence = |plan: &Plan| -> Vec<_> {
        plan.harm.iter().map(|harm| (discriminant(harm), known(harm))).collect()
    };
    essence(one) == essence(other)
}

/// Each lost race means that somebody else has just done what is due.
const MOST_RACES: u32 = 100;
