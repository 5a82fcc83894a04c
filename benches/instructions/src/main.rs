//! Issue and verify, a few times each, for callgrind to count between the two ends of [`counted`].
//!
//! Prints what the processor is said to have, how often each operation runs in [`counted`], and then a line for each
//! call of it: callgrind writes its numbers in that order, and ./run puts the two together. Whatever could differ from
//! run to run is fixed: keys, time, states. Nonces and ids are drawn, and are as long each time.

#[allow(dead_code, reason = "the peers' benches need more of it")]
#[path = "../../peers/src/states.rs"]
mod states;

use std::hint::black_box;

use saddlebag::keys::insecure::{ChosenKey, ring};
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime};
use saddlebag::{JwtAlgorithm, NewSession, Protection, RawState, Tokens};

use states::{PAYLOADS, Payload, State};

fn main() {
    println!("{}", processor());
    println!("{TIMES}");
    for protection in [Protection::Sealed, Protection::Signed, Protection::Jwt] {
        let tokens = tokens(protection);
        for payload in &PAYLOADS {
            count(&tokens, protection, payload);
        }
    }
}

/// Each operation as users call it, but for the time, which is an argument here.
fn count(tokens: &Tokens, protection: Protection, payload: &Payload) {
    let typed = payload.typed();
    let raw = RawState::from_json(payload.json.as_bytes()).expect("JSON");
    let token = tokens.issue_at(NewSession::of(&typed), NOW).expect("a token").token;
    let verified = || tokens.verify_at(black_box(&token), NOW).expect("a session");
    assert_eq!(verified().state_cbor(), raw.as_cbor());
    assert_eq!(verified().state::<State>().expect("a state"), typed);

    let case = |operation: &str, run: &dyn Fn()| {
        // Tables, caches and the allocator's lists are what they are in a program that has run for a while.
        for _ in 0..WARM {
            run();
        }
        counted(run);
        println!("{protection},{},{operation}", payload.json.len());
    };
    case("issue", &|| {
        let session = NewSession::raw(black_box(&raw).clone());
        black_box(tokens.issue_at(session, NOW).expect("a token"));
    });
    case("issue typed", &|| {
        let session = NewSession::of(black_box(&typed));
        black_box(tokens.issue_at(session, NOW).expect("a token"));
    });
    case("verify", &|| {
        black_box(verified());
    });
    case("verify typed", &|| {
        black_box(verified().state::<State>().expect("a state"));
    });
}

/// Callgrind counts from where this is entered to where it is left; ./run knows it by its name.
#[inline(never)]
fn counted(run: &dyn Fn()) {
    for _ in 0..TIMES {
        run();
    }
}

/// As most users have them: two keys, no subject.
fn tokens(protection: Protection) -> Tokens {
    let day = 86_400;
    let key = |first: u8, activates_at: UnixTime| ChosenKey {
        secret: std::array::from_fn(|i| first.wrapping_add((i as u8).wrapping_mul(101))),
        id: None,
        created_at: NOW.saturating_sub(day),
        activates_at,
        drains_until: None,
        revoked_at: None,
    };
    let keys = [key(37, NOW.saturating_sub(day)), key(74, NOW.saturating_add(29 * day))];
    let ring = ring("instructions", 1, Policy::default(), &keys).expect("a ring");
    let builder = Tokens::builder(KeyRingHandle::fixed(ring)).audience("shop");
    // A JWT of the largest state is longer than a cookie.
    let builder = builder.longest_verified(8_192).longest_issued(8_192);
    builder.protection(protection).jwt(JwtAlgorithm::Hs256).build().expect("tokens")
}

/// What the crates below ask the processor for: other answers, other code. Under valgrind the answers are valgrind's.
#[cfg(target_arch = "x86_64")]
fn processor() -> String {
    let mut found = vec!["x86_64"];
    macro_rules! ask {
        ($($feature:tt)*) => { $(if is_x86_feature_detected!($feature) { found.push($feature); })* };
    }
    ask!("ssse3" "sse4.1" "aes" "pclmulqdq" "avx" "avx2" "bmi1" "bmi2" "adx" "sha" "vaes" "vpclmulqdq" "avx512f" "avx512vl");
    found.join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> String {
    std::env::consts::ARCH.to_owned()
}

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const WARM: usize = 20;
const TIMES: usize = 20;
