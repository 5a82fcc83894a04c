//! What a hostile text costs: no memory for what is too long, no stack for what is deep, no length that
//! tells what a token hides.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use common::{NOW, Numbers, at, builder};
use saddlebag::{NewSession, Protection, RawState, Reason};

/// T21: `huge_texts_are_refused_without_being_read` compares the time; this is the memory.
#[test]
fn texts_that_are_too_long_take_no_memory() {
    const NAME: &str = "texts_that_are_too_long_take_no_memory";
    if std::env::var_os("SADDLEBAG_TEST_PART").is_none() {
        // Alone in its process, so that what is counted is its own.
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        alone.args([NAME, "--exact"]).env("SADDLEBAG_TEST_PART", "1");
        assert!(alone.status().unwrap().success());
        return;
    }
    let tokens = builder();
    #[cfg(feature = "jwt")]
    let tokens = tokens.jwt(saddlebag::JwtAlgorithm::Hs256);
    let tokens = tokens.build().unwrap();
    let texts = [
        ".".repeat(10_000_000),
        format!("sb1s{}", ".".repeat(10_000_000)),
        format!("sb1e{}", "A".repeat(1 << 20)),
        "A".repeat(8 * 1_024 + 1),
        format!("sb1s{}", "=".repeat(4_093)),
        "a.".repeat(5_000_000),
        format!("{}.{}.{}", "A".repeat(1 << 20), "A".repeat(1 << 20), "A".repeat(1 << 20)),
    ];
    let refuse_all = || {
        for text in &texts {
            let refused = tokens.verify_at(text, at(NOW)).unwrap_err();
            assert_eq!(refused.reason(), Reason::TooLong);
        }
    };
    refuse_all();
    let before = peak();
    for _ in 0..1_000 {
        refuse_all();
    }
    let grown = peak() - before;
    assert!(grown < 1_024, "{grown} KiB more");
    // It would have been seen.
    let copy = texts[0].clone();
    assert!(peak() - before > 1_024 && copy.len() == texts[0].len());
}

/// The most memory that this process ever had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// T22, T23: nothing is compressed, so a token is as long as its claims, whatever they say: a guess that
/// repeats a secret makes it no shorter, and no small token holds a large state.
#[test]
fn a_tokens_length_depends_on_the_length_of_its_claims_alone() {
    let tokens = builder().longest_verified(65_536).longest_issued(65_536).build().unwrap();
    let secret = "3GezBv-kfUupw2QcsvBu3j";
    let mut numbers = Numbers(1);
    for protection in [Protection::Signed, Protection::Sealed] {
        let fixed = if protection == Protection::Signed { 53 } else { 77 };
        for length in [22, 300, 3_000, 40_000] {
            let random: String =
                (0..length).map(|_| char::from(b'a' + numbers.below(26) as u8)).collect();
            let guessed: String = secret.chars().cycle().take(length).collect();
            let nearly: String = "3GezBv-kfUupw2QcsvBu3k".chars().cycle().take(length).collect();
            let lengths: HashSet<usize> = ["a".repeat(length), random, guessed, nearly]
                .iter()
                .map(|guess| {
                    let state = [secret, guess];
                    let session = NewSession::of(&state).protection(protection);
                    let token = tokens.issue_at(session, at(NOW)).unwrap().token;
                    let cbor = RawState::of(&state).unwrap().as_cbor().len();
                    assert!(cbor > length + secret.len());
                    assert_eq!(common::decode(&token).len(), fixed + cbor);
                    token.len()
                })
                .collect();
            assert_eq!(lengths.len(), 1, "{lengths:?}");
        }
        // A state of a thousand to one.
        let session = NewSession::of(&"a".repeat(1_000_000)).protection(protection);
        assert!(tokens.issue_at(session, at(NOW)).is_err());
    }
}

/// T24: on a thread with little stack, at every depth that the list of threats names.
#[test]
fn deep_nesting_is_refused_on_a_small_stack() {
    let small = std::thread::Builder::new().stack_size(192 * 1_024);
    let deep = small.spawn(|| {
        for depth in [17, 32, 33, 129, 100_000, 1_000_000] {
            let allowed = depth <= 32;
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let text = format!("{}null{}", open.repeat(depth), close.repeat(depth));
                assert_eq!(RawState::from_json(text.as_bytes()).is_ok(), allowed, "{depth}");
                let text = open.repeat(depth);
                assert!(RawState::from_json(text.as_bytes()).is_err(), "{depth}");
            }
            for open in [&b"\x81"[..], b"\xa1\x61a"] {
                let mut cbor = open.repeat(depth);
                assert!(RawState::from_cbor(cbor.clone()).is_err(), "{depth}");
                cbor.push(0xf6);
                assert_eq!(RawState::from_cbor(cbor).is_ok(), allowed, "{depth}");
            }
            // Authentic, and deep.
            let tokens = builder().longest_verified(65_536).build().unwrap();
            let state = [&b"\x81".repeat(depth.min(40_000))[..], &[0xf6]].concat();
            let token = common::Forged { state: &state, ..common::FORGED }.signed(1, "shop");
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            assert_eq!(verified.state::<serde_json::Value>().is_ok(), allowed, "{depth}");
            assert_eq!(verified.state_json().is_ok(), allowed, "{depth}");
        }
    });
    deep.unwrap().join().unwrap();
}

/// T25: 65,536 names that a hash without a secret (FxHash) puts into one bucket cost no more than others.
#[test]
fn names_that_collide_under_a_known_hash_cost_no_more_than_random_ones() {
    const NAMES: usize = 1 << 16;
    // FxHash of 16 bytes: two rounds of rotate, xor, multiply. The second word undoes the first.
    const K: u64 = 0x517c_c1b7_2722_0a95;
    let text = |word: u64| word & 0x8080_8080_8080_8080 == 0;
    let mut colliding = Vec::with_capacity(NAMES);
    let mut word = u64::from_be_bytes(*b"name0000");
    while colliding.len() < NAMES {
        word += 1;
        let other = word.wrapping_mul(K).rotate_left(5) ^ 0x1234_5678_9abc_def0;
        if text(word) && text(other) {
            let hash = (word.wrapping_mul(K).rotate_left(5) ^ other).wrapping_mul(K);
            assert_eq!(hash, 0x1234_5678_9abc_def0_u64.wrapping_mul(K));
            colliding.push([word.to_be_bytes(), other.to_be_bytes()].concat());
        }
    }
    let mut numbers = Numbers(2);
    let random: Vec<Vec<u8>> = (0..NAMES)
        .map(|_| [numbers.next(), numbers.next()].map(|n| n & 0x7f7f_7f7f_7f7f_7f7f))
        .map(|words| words.map(u64::to_be_bytes).concat())
        .collect();
    let map = |names: &[Vec<u8>]| {
        let mut cbor = vec![0xba, 0, 1, 0, 0];
        for name in names {
            cbor.extend_from_slice(&[0x70]);
            cbor.extend_from_slice(name);
            cbor.push(0x01);
        }
        cbor
    };
    let [colliding, random] = [&colliding, &random].map(|names| map(names));
    let read = |cbor: &[u8]| {
        let started = Instant::now();
        let state = RawState::from_cbor(cbor.to_vec()).unwrap();
        assert_eq!(state.as_cbor().len(), cbor.len());
        started.elapsed()
    };
    // The least of some rounds in turn: what else the machine does is not counted.
    let (mut hostile, mut usual) = (Duration::MAX, Duration::MAX);
    for _ in 0..7 {
        hostile = hostile.min(read(&colliding));
        usual = usual.min(read(&random));
    }
    assert!(hostile <= 2 * usual, "{hostile:?} and {usual:?}");
}
