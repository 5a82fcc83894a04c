//! What the design promises of the ring ("The key ring"), and what a checker must have met on its way for
//! its silence to mean anything.

use std::cmp::Ordering;

use saddlebag_keys::{KeyId, KeyState};
use stateright::Property;

use super::fleet::{Fleet, History, Node, World, Writer};
use super::rings::{Ring, Tiny, at};

/// "Rotation then refuses no live token at any node that has refreshed since the verifying key was
/// published and since the policy last changed." A revocation may, and says so.
pub(crate) const NO_LIVE_TOKEN_REFUSED: &str =
    "a node that has read of a token's key takes it for as long as it lives";
/// What `publish_ahead` is for.
pub(crate) const FRESH_NODES_AGREE: &str =
    "a node that reads its source often enough takes every live token";
/// "An emergency revoke promotes a key that everybody already has."
pub(crate) const HEIR_IS_KNOWN: &str =
    "after a revocation the key that issues is one that nodes have";
/// "Revoked means from the moment the document is read."
pub(crate) const REVOKED_IS_REFUSED: &str =
    "a node that has read of a revocation takes nothing under the key";
/// "No sequence of verbs leaves an instant without an active key", nor one with two.
pub(crate) const ONE_ACTIVE: &str = "every ring has exactly one active key at every instant";
/// "Every save of a root ring by any verb leaves a standby."
pub(crate) const STANDBY: &str = "every save leaves a standby";
/// Generations grow by one, and nobody overwrites what they have not read.
pub(crate) const ONE_CHANGE_A_GENERATION: &str = "every generation is one change to the one before";
/// "Generations are monotone: a lower one is refused."
pub(crate) const NO_WAY_BACK: &str = "no node goes back to an older ring";
/// "A node that lost its source stops issuing after `stale_after`."
pub(crate) const STALE_IS_SILENT: &str = "a node that is cut off stops issuing";
/// A conflict, or another ring than the one that was sent, means that nothing was overwritten.
pub(crate) const READING_BACK_TELLS: &str =
    "a writer that reads back is not told that its save failed";

pub(crate) fn all(fleet: &Fleet) -> Vec<Property<Fleet>> {
    let mut all = vec![
        Property::always(NO_LIVE_TOKEN_REFUSED, no_live_token_refused),
        Property::always(FRESH_NODES_AGREE, fresh_nodes_agree),
        Property::always(HEIR_IS_KNOWN, heir_is_known),
        Property::always(REVOKED_IS_REFUSED, revoked_is_refused),
        Property::always(ONE_ACTIVE, |_, world: &World| {
            world.store.one_active_from().is_some_and(|from| from <= world.time)
        }),
        Property::always(STANDBY, |_, world: &World| world.store.had_standby()),
        Property::always(ONE_CHANGE_A_GENERATION, |_, world: &World| {
            world.saves == world.store.generation()
        }),
        Property::always(NO_WAY_BACK, |_, world: &World| {
            world.nodes.iter().all(|node| {
                node.ring.as_ref().is_none_or(|ring| ring.generation() == node.high_water)
            })
        }),
        Property::always(STALE_IS_SILENT, |fleet: &Fleet, world: &World| {
            let mut stale = world.nodes.iter().filter(|node| node.is_stale());
            stale.all(|node| node.issues(fleet, world.time).is_none())
        }),
        Property::always(READING_BACK_TELLS, |_, world: &World| {
            let told = |wanted| reads_back(&world.store, wanted) == ReadBack::Failed;
            let mut writers = world.writers.iter();
            !writers.any(
                |writer| matches!(writer, Writer::Unsure { wanted, saved: true } if told(wanted)),
            )
        }),
        Property::sometimes("the standby takes over", |fleet: &Fleet, world: &World| {
            let mut issuing = world.nodes.iter().filter_map(|node| node.issues(fleet, world.time));
            issuing.any(|id| {
                world.store.key(id).is_some_and(|key| key.activates_at() > at(world.time - 1))
            })
        }),
        Property::sometimes("a key drains while its last token lives", |_, world: &World| {
            pairs(world).any(|(id, _, node)| state(node, id, world) == Some(KeyState::Draining))
        }),
        Property::sometimes("two nodes issue under two keys", |fleet: &Fleet, world: &World| {
            let mut issuing = world.nodes.iter().filter_map(|node| node.issues(fleet, world.time));
            let first = issuing.next();
            issuing.any(|key| Some(key) != first)
        }),
        Property::sometimes("a node is stale, and verifies", |_, world: &World| {
            pairs(world).any(|(id, _, node)| {
                node.is_stale() && state(node, id, world).is_some_and(KeyState::verifies)
            })
        }),
    ];
    if fleet.seconds >= FIRST_KEY_DRAINED {
        all.push(Property::sometimes("a key is dropped", |_, world: &World| {
            world.store.keys().len() < world.keys.len()
        }));
    }
    if fleet.races {
        all.push(Property::sometimes("a race is lost", |_, world: &World| {
            world.writers.iter().any(|writer| {
                matches!(writer, Writer::Holds { plan, .. }
                    if plan.before.generation() < world.store.generation())
            })
        }));
    }
    if fleet.faults {
        all.push(Property::sometimes(
            "an answer is lost, and reading back tells that all is well",
            |_, world: &World| {
                world.writers.iter().any(|writer| {
                    matches!(writer, Writer::Unsure { wanted, saved: true }
                    if reads_back(&world.store, wanted) == ReadBack::Saved)
                })
            },
        ));
        all.push(Property::sometimes("a node that restarted has no ring", |_, world: &World| {
            world.nodes.iter().any(|node| node.ring.is_none())
        }));
    }
    if fleet.verbs.revoke {
        all.push(Property::sometimes(
            "a token is refused after a revocation",
            |_, world: &World| {
                pairs(world).any(|(id, history, node)| {
                    has_read_of_revocation(history, node)
                        && state(node, id, world) == Some(KeyState::Revoked)
                })
            },
        ));
        all.push(Property::sometimes(
            "a standby issues in place of a revoked key",
            |_, world: &World| pairs(world).any(|(_, history, _)| history.heir_since.is_some()),
        ));
    }
    if fleet.verbs.force {
        all.push(Property::sometimes(
            "a forced activation refuses what it said it would",
            |fleet: &Fleet, world: &World| {
                pairs(world).any(|(id, history, node)| {
                    world.time < history.not_everywhere_until
                        && reads_often_enough(fleet, node)
                        && state(node, id, world).is_none()
                })
            },
        ));
    }
    if fleet.verbs.policy {
        all.push(Property::sometimes("nodes follow two policies", |_, world: &World| {
            let mut policies = world.nodes.iter().filter_map(|node| node.ring.as_ref());
            let first = policies.next().map(|ring| *ring.policy());
            policies.any(|ring| Some(*ring.policy()) != first)
        }));
    }
    all
}

fn no_live_token_refused(_: &Fleet, world: &World) -> bool {
    pairs(world).all(|(id, history, node)| {
        let has_read = node.high_water >= history.published
            && node.high_water >= world.policy_change
            && node.high_water >= world.revocation;
        !has_read || has_read_of_revocation(history, node) || takes(node, id, world)
    })
}

fn fresh_nodes_agree(fleet: &Fleet, world: &World) -> bool {
    pairs(world).all(|(id, history, node)| {
        let told = world.time < history.not_everywhere_until
            && history.heir_since.is_none_or(|since| node.high_water < since);
        !reads_often_enough(fleet, node)
            || told
            || has_read_of_revocation(history, node)
            || takes(node, id, world)
    })
}

fn heir_is_known(_: &Fleet, world: &World) -> bool {
    pairs(world).all(|(id, history, node)| {
        history.heir_since != Some(node.high_water) || takes(node, id, world)
    })
}

fn revoked_is_refused(_: &Fleet, world: &World) -> bool {
    let mut revoked = world.keys.iter().filter(|(_, history)| history.revoked.is_some());
    revoked.all(|(id, history)| {
        world.nodes.iter().all(|node| {
            !has_read_of_revocation(history, node)
                || node.ring.is_none()
                || !takes(node, *id, world)
        })
    })
}

/// Every live token and every node that has a ring to judge it by: one without is not ready, and is asked
/// nothing.
fn pairs(world: &World) -> impl Iterator<Item = (KeyId, &History, &Node)> {
    let tokens = world.tokens.iter().filter_map(|(id, ends)| {
        let history = world.keys.get(id)?;
        Some((*id, *ends, history))
    });
    tokens.flat_map(move |(id, ends, history)| {
        let nodes = world.nodes.iter().filter(|node| node.ring.is_some());
        let nodes = nodes.filter(move |node| node.clock(world.time) < ends);
        nodes.map(move |node| (id, history, node))
    })
}

fn takes(node: &Node, id: KeyId, world: &World) -> bool {
    node.ring.as_ref().is_some_and(|ring| ring.takes(id, node.clock(world.time)))
}

fn state(node: &Node, id: KeyId, world: &World) -> Option<KeyState> {
    let ring = node.ring.as_ref()?;
    Some(ring.state(ring.key(id)?, at(node.clock(world.time))))
}

fn has_read_of_revocation(history: &History, node: &Node) -> bool {
    history.revoked.is_some_and(|revoked| revoked <= node.high_water)
}

/// A key is published `publish_ahead` before it issues, by the writer's clock and by when it was planned;
/// the issuer's clock may be ahead of that one.
fn reads_often_enough(fleet: &Fleet, node: &Node) -> bool {
    fleet.policies().into_iter().map(Tiny::policy).all(|policy| {
        node.unchecked + policy.clock_skew + fleet.longest_save < policy.publish_ahead
    })
}

/// What a writer concludes that asked for a save, heard nothing, and reads the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadBack {
    Saved,
    Failed,
    /// Somebody went on, perhaps from what this writer saved.
    Overtaken,
}

fn reads_back(store: &Ring, wanted: &Ring) -> ReadBack {
    match store.generation().cmp(&wanted.generation()) {
        Ordering::Less => ReadBack::Failed,
        Ordering::Equal if store == wanted => ReadBack::Saved,
        Ordering::Equal => ReadBack::Failed,
        Ordering::Greater => ReadBack::Overtaken,
    }
}

/// By the usual policy: when it is done by the clock that is ahead.
const FIRST_KEY_DRAINED: u64 = 8;
