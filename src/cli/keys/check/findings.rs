//! The findings themselves: each a stable code, what it is, and what to do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use saddlebag_keys::rotation::{self, Refusal};
use saddlebag_keys::{Key, KeyRing, UnixTime};
use serde::Serialize;

use crate::cli::duration::Duration;
use crate::cli::ring::RingLocation;
use crate::cli::shown::{about, relative};

/// Something that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// For scripts; never changes.
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) help: String,
}

/// What the check is to expect of rotations and nodes, in seconds.
pub(super) struct Expected {
    pub(super) grace: u64,
    pub(super) refresh: u64,
}

/// What is wrong with the ring itself.
pub(super) fn of_ring(
    ring: &KeyRing,
    location: &RingLocation,
    expected: &Expected,
    now: UnixTime,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let rotate = match ring.scope() {
        Some(audience) => format!("rotate its root ring, and export it again for {audience}"),
        None => format!("saddlebag keys rotate --ring {location}"),
    };
    found.extend(of_active(ring, now, expected, &rotate));
    found.extend(of_drained(ring, now, expected, &rotate));
    found.extend(of_policy(ring, location, expected));
    found.extend(of_clock(ring, now));
    found.extend(of_future(ring, location, now));
    found
}

/// The key that signs, and whether the next one is known.
fn of_active(ring: &KeyRing, now: UnixTime, expected: &Expected, rotate: &str) -> Vec<Finding> {
    let Some(active) = ring.active(now) else {
        return vec![Finding {
            code: "no_active_key",
            text: format!("no key signs at {now}: this clock is before the first key of the ring"),
            help: "set this machine's clock".to_owned(),
        }];
    };
    let mut found = Vec::new();
    let age = now.since(active.activates_at());
    if ring.standby(now).is_none() && age >= expected.grace {
        found.push(Finding {
            code: "no_standby",
            text: format!("no key is staged behind {}: a revocation now would promote a key that no node knows", active.id()),
            help: rotate.to_owned(),
        });
        found.push(Finding {
            code: "rotation_overdue",
            text: format!(
                "a rotation was due {}, at {}",
                relative(active.activates_at(), now),
                active.activates_at()
            ),
            help: rotate.to_owned(),
        });
    }
    let every = ring.policy().rotate_every;
    if age >= every.saturating_mul(MUCH_OLDER) {
        found.push(Finding {
            code: "active_key_old",
            text: format!(
                "key {} has signed for {}, and the policy rotates every {}",
                active.id(),
                about(age),
                Duration(every)
            ),
            help: rotate.to_owned(),
        });
    }
    found
}

fn of_drained(ring: &KeyRing, now: UnixTime, expected: &Expected, rotate: &str) -> Option<Finding> {
    let late = |key: &&Key| {
        key.drains_until().is_some_and(|until| until.saturating_add(expected.grace) <= now)
    };
    let drained: Vec<String> =
        ring.keys().iter().filter(late).map(|key| key.id().to_string()).collect();
    (!drained.is_empty()).then(|| Finding {
        code: "not_pruned",
        text: format!("no live token needs {} any more", drained.join(", ")),
        help: rotate.to_owned(),
    })
}

fn of_policy(ring: &KeyRing, location: &RingLocation, expected: &Expected) -> Vec<Finding> {
    let policy = ring.policy();
    let change = |options: &str| format!("saddlebag keys policy --ring {location} {options}");
    let mut found = Vec::new();
    let least = expected.refresh.saturating_mul(2).saturating_add(policy.clock_skew);
    if policy.publish_ahead < least {
        found.push(Finding {
            code: "publish_ahead_small",
            text: format!(
                "publish_ahead is {}, less than the {} that nodes which refresh every {} need",
                Duration(policy.publish_ahead),
                Duration(least),
                Duration(expected.refresh)
            ),
            help: change(&format!("--publish-ahead {}", Duration(least))),
        });
    }
    if policy.rotate_every < policy.publish_ahead {
        found.push(Finding {
            code: "policy_limits",
            text: format!(
                "rotate_every ({}) is less than publish_ahead ({})",
                Duration(policy.rotate_every),
                Duration(policy.publish_ahead)
            ),
            help: change(&format!("--rotate-every {}", Duration(policy.publish_ahead))),
        });
    }
    if policy.keys_needed() > MOST_KEYS {
        found.push(Finding {
            code: "policy_limits",
            text: format!(
                "the policy needs {} keys at a time, more than {MOST_KEYS}",
                policy.keys_needed()
            ),
            help: change("with a longer --rotate-every, or a shorter --max-token-lifetime"),
        });
    }
    found
}

fn of_clock(ring: &KeyRing, now: UnixTime) -> Option<Finding> {
    let latest = now.saturating_add(ring.policy().clock_skew);
    let ahead = ring.keys().iter().find(|key| key.created_at() > latest)?;
    Some(Finding {
        code: "clock_apart",
        text: format!(
            "key {} was made {} by this clock",
            ahead.id(),
            relative(ahead.created_at(), now)
        ),
        help: "set this machine's clock, or that of the machine which made the key".to_owned(),
    })
}

/// Whether a live token is refused while rotations run on time from now on.
fn of_future(ring: &KeyRing, location: &RingLocation, now: UnixTime) -> Option<Finding> {
    let policy = ring.policy();
    let horizon = policy.rotate_every.saturating_mul(2).saturating_add(policy.max_token_lifetime);
    match rotation::timeline(ring, now, now.saturating_add(horizon)) {
        Ok(timeline) => timeline.refusal.map(|refusal| Finding {
            code: "live_token_refused",
            text: format!(
                "live tokens may be refused {}: {refusal}",
                relative(refusal.from(), now)
            ),
            help: match refusal {
                Refusal::NotPublished { .. } => "see that every node reads the ring now".to_owned(),
                _ => format!("saddlebag keys plan --ring {location}"),
            },
        }),
        Err(refused) => Some(Finding {
            code: "rotation_refused",
            text: format!("the next rotation will be refused: {refused}"),
            help: format!("saddlebag keys show --ring {location}"),
        }),
    }
}

/// What is wrong with where the ring is. Its own mode and owner were checked when it was read.
pub(super) fn of_place(location: &RingLocation) -> Option<Finding> {
    let path = location.file_path()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (place, file) = (fs::metadata(folder).ok()?, fs::metadata(path).ok()?);
    let (mode, owner) = (place.mode(), place.uid());
    let writable = mode & 0o022 != 0 && mode & STICKY == 0;
    let foreign = owner != ROOT && owner != file.uid();
    (writable || foreign).then(|| Finding {
        code: "folder_writable",
        text: format!(
            "others can replace the ring: its folder {} has mode {:03o} and belongs to user {owner}",
            folder.display(),
            mode & 0o777
        ),
        help: format!("make it the ring's owner's alone: chmod go-w {}", folder.display()),
    })
}

/// Where only its owner replaces a file.
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;
/// How many times `rotate_every` is much.
const MUCH_OLDER: u64 = 2;
/// What a policy may need (`docs/`: The key ring).
const MOST_KEYS: u64 = 24;

#[cfg(test)]
mod tests {
    use saddlebag_keys::insecure::{self, ChosenKey};
    use saddlebag_keys::{Audience, Policy};

    use super::*;

    const DAY: u64 = 86_400;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(2_000_000_000).saturating_add(seconds)
    }

    fn ring(policy: Policy, keys: &[(u64, Option<u64>)]) -> KeyRing {
        let keys: Vec<ChosenKey> = (1..)
            .zip(keys)
            .map(|(n, (activates, drains))| ChosenKey {
                secret: std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(n)),
                id: None,
                created_at: at(0),
                activates_at: at(*activates),
                drains_until: drains.map(at),
                revoked_at: None,
            })
            .collect();
        insecure::ring("checked", 3, policy, &keys).unwrap()
    }

    fn codes(ring: &KeyRing, grace: u64, now: UnixTime) -> Vec<&'static str> {
        let location = RingLocation::file("ring.json");
        let expected = Expected { grace, refresh: 2 };
        of_ring(ring, &location, &expected, now).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_ring_that_rotates_on_time_has_no_findings() {
        let keys = [(0, Some(62 * DAY)), (30 * DAY, None)];
        let ring = ring(Policy::default(), &keys);
        assert!(codes(&ring, 0, at(10)).is_empty());
        let shop = ring.scoped_to(&Audience::new("shop").unwrap()).unwrap();
        assert!(codes(&shop, 0, at(10)).is_empty());
    }

    #[test]
    fn a_late_rotation_is_found_after_its_grace() {
        let keys = [(0, Some(62 * DAY)), (30 * DAY, None)];
        let ring = ring(Policy::default(), &keys);
        let due = at(30 * DAY);
        assert_eq!(codes(&ring, 0, due), ["no_standby", "rotation_overdue"]);
        assert!(codes(&ring, DAY, due).is_empty());
        let late = ["no_standby", "rotation_overdue", "active_key_old", "not_pruned"];
        assert_eq!(codes(&ring, DAY, at(90 * DAY)), late);
    }

    #[test]
    fn a_clock_before_the_first_key_is_found() {
        let ring = ring(Policy::default(), &[(0, Some(62 * DAY)), (30 * DAY, None)]);
        let early = at(0).saturating_sub(61);
        assert_eq!(codes(&ring, 0, early), ["no_active_key", "clock_apart"]);
    }

    #[test]
    fn a_policy_that_nodes_cannot_follow_is_found() {
        let policy = Policy { publish_ahead: 63, max_token_lifetime: 60, ..Policy::default() };
        let keys = [(0, Some(62 * DAY)), (30 * DAY, None)];
        assert_eq!(codes(&ring(policy, &keys), 0, at(10)), ["publish_ahead_small"]);
        let policy = Policy { rotate_every: DAY / 2, ..Policy::default() };
        let found = codes(&ring(policy, &keys), 0, at(10));
        assert_eq!(found.iter().filter(|code| **code == "policy_limits").count(), 2, "{found:?}");
    }

    #[test]
    fn a_key_that_retires_too_early_is_found() {
        let keys = [(0, Some(30 * DAY)), (30 * DAY, None)];
        let ring = ring(Policy::default(), &keys);
        assert!(codes(&ring, 0, at(29 * DAY)).contains(&"live_token_refused"));
    }
}
