//! The decisions in tables, their laws, and sessions in use over years of rotations.

#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;
use saddlebag_keys::{KeyId, KeyRing, rotation};

use super::*;
use KeyState::{Active, Draining, Staged};

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// Issued at 1,000 in a session of a day.
fn living(expires: u64) -> Times {
    Times { started: 1_000, issued_at: 1_000, expires, ends_at: 1_000 + DAY }
}

#[test]
fn renewal_is_due_after_a_quarter_and_a_minute_or_half() {
    let rule = RenewalRule::default();
    for (expires, due) in [
        (DAY / 2, DAY / 8),
        (3_600, 900),
        (900, 225),
        (244, 61),
        (240, 60),
        (239, 60),
        (121, 60),
        (120, 60),
        (119, 59),
        (60, 30),
        (3, 1),
        (2, 1),
        (1, 0),
    ] {
        let times = living(expires);
        if due > 0 {
            assert!(!renewal_is_due(&times, Active, &rule, at(1_000 + due - 1)), "{expires}");
        }
        assert!(renewal_is_due(&times, Active, &rule, at(1_000 + due)), "{expires}");
        assert!(renewal_is_due(&times, Active, &rule, at(1_000 + expires)), "{expires}");
        // A clock behind the issuer's.
        assert!(!renewal_is_due(&times, Active, &rule, at(999)), "{expires}");
    }
}

#[test]
fn another_rule_moves_the_part_and_the_least_time() {
    for (after_one_in, not_before, expires, due) in [
        (2, 0, 900, 450),
        (1, 0, 900, 900),
        (10, 60, 900, 90),
        (100, 60, 900, 60),
        (4, 10_000, 900, 450),
        (u64::MAX, 0, 900, 0),
        // One in none: at the end.
        (0, 0, 900, 900),
    ] {
        let rule = RenewalRule { after_one_in, not_before };
        let times = living(expires);
        if due > 0 {
            assert!(!renewal_is_due(&times, Active, &rule, at(1_000 + due - 1)), "{rule:?}");
        }
        assert!(renewal_is_due(&times, Active, &rule, at(1_000 + due)), "{rule:?}");
    }
}

#[test]
fn a_draining_key_is_left_at_once_and_a_staged_one_never() {
    let rule = RenewalRule::default();
    for now in [900, 1_000, 1_001, 1_224, 1_225, 1_900, 1_950] {
        assert!(renewal_is_due(&living(900), Draining, &rule, at(now)));
        assert!(!renewal_is_due(&living(900), Staged, &rule, at(now)));
    }
}

#[test]
fn renewal_is_never_due_where_it_could_not_end_later() {
    let rule = RenewalRule::default();
    for state in [Active, Draining, Staged] {
        for now in [1_000, 1_000 + DAY / 2, 1_000 + DAY - 1, 1_000 + DAY, 1_059 + DAY] {
            assert!(!renewal_is_due(&living(DAY), state, &rule, at(now)));
        }
    }
    assert!(renewal_is_due(&living(DAY - 1), Draining, &rule, at(1_000)));
    // Nor where the session has ended.
    let last = Times { issued_at: 1_000 + DAY - 910, ..living(900) };
    for state in [Active, Draining] {
        assert!(renewal_is_due(&last, state, &rule, at(1_000 + DAY - 1)));
        assert!(!renewal_is_due(&last, state, &rule, at(1_000 + DAY)));
    }
}

#[test]
fn lifetimes_asked_for_are_refused_above_the_policy_and_defaults_shortened() {
    use Wish::{Asked, Default};
    let policy =
        Policy { max_token_lifetime: 1_000, max_session_lifetime: 5_000, ..Policy::default() };
    for (idle, absolute, expected) in [
        (Asked(1_000), Asked(5_000), Ok((1_000, 5_000))),
        (Asked(1), Asked(1), Ok((1, 1))),
        (Asked(500), Asked(100), Ok((100, 100))),
        (Asked(1_001), Asked(5_000), Err(("lifetime", 1_001, 1_000))),
        (Asked(0), Asked(5_000), Err(("lifetime", 0, 1_000))),
        (Asked(1_000), Asked(5_001), Err(("session_lifetime", 5_001, 5_000))),
        (Asked(1_000), Asked(0), Err(("session_lifetime", 0, 5_000))),
        (Default(900), Default(4_000), Ok((900, 4_000))),
        (Default(9_000), Default(DAY), Ok((1_000, 5_000))),
        (Default(u64::MAX), Default(u64::MAX), Ok((1_000, 5_000))),
        (Default(900), Asked(100), Ok((100, 100))),
        (Default(9_000), Asked(5_001), Err(("session_lifetime", 5_001, 5_000))),
        (Asked(1_001), Default(DAY), Err(("lifetime", 1_001, 1_000))),
    ] {
        let given = of_new(idle, absolute, &policy);
        let given = given.map_err(|Refused { what, asked, most }| (what, asked, most));
        assert_eq!(given, expected, "{idle:?} {absolute:?}");
    }
}

/// Times of a token as verification lets them through.
fn times() -> impl Strategy<Value = Times> {
    (0..1_u64 << 39, 1..400 * DAY).prop_flat_map(|(started, ends)| {
        (0..ends).prop_flat_map(move |issued| {
            (1..=ends - issued).prop_map(move |expires| Times {
                started,
                issued_at: started + issued,
                expires,
                ends_at: started + ends,
            })
        })
    })
}

proptest! {
    #[test]
    fn a_renewal_moves_forward_and_stays_within_its_session(
        times in times(),
        max_token_lifetime in 1..400 * DAY,
        after in prop_oneof![-1_000..1_000_i64, -1_000..500 * DAY as i64],
    ) {
        let policy = Policy { max_token_lifetime, ..Policy::default() };
        let now = times.issued_at.saturating_add_signed(after);
        let Some((issued, expires)) = of_renewal(&times, &policy, at(now)) else {
            prop_assert!(now >= times.ends_at);
            return Ok(());
        };
        prop_assert!(now < times.ends_at);
        let issued_at = times.started + issued;
        prop_assert_eq!(issued_at, now.max(times.issued_at));
        prop_assert!(expires >= 1 && expires <= times.expires && expires <= max_token_lifetime);
        prop_assert!(issued_at + expires <= times.ends_at);
        let limits = [times.expires, max_token_lifetime, times.ends_at - issued_at];
        prop_assert!(limits.contains(&expires));
        if max_token_lifetime >= times.expires {
            prop_assert!(issued_at + expires >= times.issued_at + times.expires);
        }
        // Renewed again in the same second, nothing moves.
        let renewed = Times { issued_at, expires, ..times };
        prop_assert_eq!(of_renewal(&renewed, &policy, at(now)), Some((issued, expires)));
    }

    #[test]
    fn a_renewal_that_is_due_stays_due_and_can_be_had(
        times in times(),
        rule in (0..20_u64, 0..1_000_u64),
        after in 0..500 * DAY,
        more in 0..DAY,
        key in prop_oneof![Just(Active), Just(Draining), Just(Staged)],
    ) {
        let rule = RenewalRule { after_one_in: rule.0, not_before: rule.1 };
        let now = times.issued_at + after;
        if renewal_is_due(&times, key, &rule, at(now)) {
            prop_assert!(of_renewal(&times, &Policy::default(), at(now)).is_some());
            let later = now + more;
            prop_assert_eq!(renewal_is_due(&times, key, &rule, at(later)), later < times.ends_at);
        }
    }

    #[test]
    fn no_times_make_a_decision_panic(
        started in any::<u64>(), issued_at in any::<u64>(), expires in any::<u64>(), ends_at in any::<u64>(),
        now in any::<u64>(), one_in in any::<u64>(), not_before in any::<u64>(), most in any::<u64>(),
    ) {
        let times = Times { started, issued_at, expires, ends_at };
        let policy = Policy { max_token_lifetime: most, max_session_lifetime: most, ..Policy::default() };
        let rule = RenewalRule { after_one_in: one_in, not_before };
        of_renewal(&times, &policy, at(now));
        renewal_is_due(&times, Active, &rule, at(now));
        let _ = of_new(Wish::Default(expires), Wish::Asked(started), &policy);
    }

    #[test]
    fn a_new_session_ends_with_its_token_or_after(idle in any::<u64>(), absolute in any::<u64>(), asked in any::<(bool, bool)>()) {
        let wish = |asked, seconds| if asked { Wish::Asked(seconds) } else { Wish::Default(seconds) };
        let policy = Policy::default();
        if let Ok((expires, ends)) = of_new(wish(asked.0, idle), wish(asked.1, absolute), &policy) {
            prop_assert!(1 <= expires && expires <= ends);
            prop_assert!(expires <= policy.max_token_lifetime && ends <= policy.max_session_lifetime);
        }
    }
}

/// Numbers that look random, and are the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    /// From `least` to `most`, both included.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let range = most.saturating_sub(least).saturating_add(1);
        least + (z ^ (z >> 31)) % range
    }
}

/// Every generation of a ring, and since when it can be read.
struct History(Vec<(u64, KeyRing)>);

impl History {
    /// Somebody runs `rotate` now and then, for so many seconds.
    fn new(policy: Policy, seconds: u64, numbers: &mut Numbers) -> Self {
        let mut rng = rand::rngs::SysRng;
        let first = rotation::init("years", policy, at(START), &mut rng).unwrap().ring;
        let mut all = vec![(START, first)];
        let mut now = START;
        while now < START + seconds {
            // At times a rotation comes late, and the standby becomes active without a successor.
            let late = if numbers.between(0, 9) == 0 { 3 } else { 1 };
            now += numbers.between(1, (policy.rotate_every * late / 2).max(1));
            let last = &all.last().unwrap().1;
            if let rotation::Due::Now(plan) = rotation::rotate(last, at(now), &mut rng).unwrap() {
                all.push((now, plan.ring));
            }
        }
        Self(all)
    }

    fn at(&self, now: u64) -> usize {
        self.0.partition_point(|(since, _)| *since <= now).saturating_sub(1)
    }
}

/// One of the machines that the requests of a session come to.
struct Node {
    /// Its clock is so many seconds ahead of the slowest.
    ahead: u64,
    /// The generation that it has read.
    read: usize,
    next_read: u64,
}

/// A session's token as far as its lifetime goes.
struct Token {
    times: Times,
    key: KeyId,
}

/// Whether a node takes a token: its key and its times (sections 7.4 and 7.7 of the format).
fn verifies(token: &Token, ring: &KeyRing, now: u64) -> bool {
    let skew = ring.policy().clock_skew;
    let key = ring.key(token.key);
    key.is_some_and(|key| ring.state(key, at(now)).verifies())
        && now < token.times.issued_at + token.times.expires + skew
        && token.times.issued_at <= now + skew
}

/// How long a session may rest and still be one in use: whatever is left of its idle time-out when a
/// request came just before a renewal was due.
fn longest_rest(expires: u64) -> u64 {
    expires - (expires / 4).max(60.min(expires / 2))
}

/// Uses a session to its end and returns how many keys it went through.
fn live(
    history: &History,
    policy: &Policy,
    idle: u64,
    absolute: u64,
    began: u64,
    numbers: &mut Numbers,
) -> usize {
    let lag = policy.publish_ahead - 2 * policy.clock_skew;
    let mut nodes: Vec<Node> = (0..4)
        .map(|_| Node { ahead: numbers.between(0, policy.clock_skew), read: 0, next_read: 0 })
        .collect();
    let mut real = began;
    let mut token: Option<Token> = None;
    let mut keys = std::collections::HashSet::new();
    loop {
        let n = numbers.between(0, 3) as usize;
        let node = &mut nodes[n];
        if real >= node.next_read {
            node.read = history.at(real);
            node.next_read = real + numbers.between(1, lag.max(1));
        } else {
            // What it would have read in between is no older than its lag allows.
            node.read = node.read.max(history.at(real.saturating_sub(lag)));
        }
        let (ring, now) = (&history.0[node.read].1, real + node.ahead);
        let active = ring.active(at(now)).unwrap().id();
        let Some(held) = &mut token else {
            let (expires, ends) = of_new(Wish::Asked(idle), Wish::Asked(absolute), policy).unwrap();
            let times = Times { started: now, issued_at: now, expires, ends_at: now + ends };
            token = Some(Token { times, key: active });
            continue;
        };
        keys.insert(held.key);
        let ends_at = held.times.ends_at;
        if now >= ends_at + policy.clock_skew {
            assert!(!verifies(held, ring, now), "a session outlived its end");
            return keys.len();
        }
        if now < ends_at {
            assert!(
                verifies(held, ring, now),
                "a session in use was lost {} s before its end",
                ends_at - now
            );
        }
        let state = ring.state(ring.key(held.key).unwrap(), at(now));
        if renewal_is_due(&held.times, state, &RenewalRule::default(), at(now)) {
            let (issued, expires) = of_renewal(&held.times, policy, at(now)).unwrap();
            let issued_at = held.times.started + issued;
            assert!(issued_at >= held.times.issued_at && issued_at + expires <= ends_at);
            assert!(issued_at + expires >= held.times.issued_at + held.times.expires);
            held.times = Times { issued_at, expires, ..held.times };
            held.key = active;
        }
        // Often at once, often as late as may be.
        let rest = longest_rest(held.times.expires);
        real += match numbers.between(0, 3) {
            0 => rest,
            1 => numbers.between(0, rest / 10),
            _ => numbers.between(0, rest),
        };
    }
}

#[test]
fn a_session_in_use_is_never_lost_and_never_outlives_its_end() {
    let policy = |rotate_every, publish_ahead, max_token_lifetime, clock_skew| Policy {
        rotate_every,
        publish_ahead,
        max_token_lifetime,
        max_session_lifetime: 366 * DAY,
        clock_skew,
    };
    for (n, policy) in [
        Policy::default(),
        policy(DAY, DAY, 7 * DAY, 60),
        policy(7 * DAY, DAY, DAY, 0),
        policy(90 * DAY, 30 * DAY, 365 * DAY, 300),
        policy(3_600, 3_600, 12 * 3_600, 60),
        policy(600, 600, 1_800, 300),
        policy(60, 60, 900, 0),
        policy(3_600, 121, 60, 60),
    ]
    .into_iter()
    .enumerate()
    {
        let mut numbers = Numbers(n as u64);
        // A year, or as many keys as a year of the default policy's has some ten times over.
        let span = (policy.rotate_every * 150).min(366 * DAY);
        let history = History::new(policy, 2 * span, &mut numbers);
        let mut most_keys = 0;
        for session in 0..60 {
            // From a minute to the whole span, most of them in between.
            let longest = match session % 3 {
                0 => span,
                1 => span / 50,
                _ => 3_600.min(span),
            };
            let absolute = numbers.between(60.min(longest), longest);
            let least = (absolute / 400).max(2).min(policy.max_token_lifetime);
            let idle = numbers.between(least, policy.max_token_lifetime.min(absolute).max(least));
            let began = START + numbers.between(0, span);
            let keys = live(&history, &policy, idle, absolute, began, &mut numbers);
            most_keys = most_keys.max(keys);
        }
        assert!(most_keys > 3, "{policy:?} {most_keys}");
    }
}

const START: u64 = 1_800_000_000;
