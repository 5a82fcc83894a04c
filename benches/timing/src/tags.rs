//! Tags of tokens, through the public API: all of a tag right but its last byte, beside a random one.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use dudect_bencher::rand::{Rng, RngExt};
use dudect_bencher::{BenchRng, Class, CtRunner};
use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{JwtAlgorithm, NewSession, Protection, Tokens};

use crate::SAMPLES;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn tokens(protection: Protection) -> (Tokens, String) {
    let plan = rotation::init("timing", Policy::default(), NOW, &mut rand::rngs::SysRng).unwrap();
    let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("shop");
    let tokens = tokens.jwt(JwtAlgorithm::Hs256).protection(protection).build().unwrap();
    let state = "some state of a usual length, forty bytes";
    let issued = tokens.issue_at(NewSession::of(state).subject("alice"), NOW).unwrap();
    (tokens, issued.token)
}

/// Verifies forgeries of a token whose last part ends with a tag of so many bytes.
fn forgeries(runner: &mut CtRunner, rng: &mut BenchRng, protection: Protection, length: usize) {
    let (tokens, token) = tokens(protection);
    assert!(tokens.verify_at(&token, NOW).is_ok());
    let (start, coded) = token.split_at(token.rfind('.').map_or(0, |dot| dot + 1));
    let bytes = BASE64.decode(coded).unwrap();
    let (body, tag) = bytes.split_at(bytes.len() - length);
    // One buffer for all, so that both classes are read from the same place.
    let mut forged = String::with_capacity(token.len());
    for sample in 0..SAMPLES + WARM {
        let mut wrong = vec![0; length];
        rng.fill_bytes(&mut wrong);
        let nearly = rng.random::<bool>();
        // Both are made, whichever is used.
        let mut near = tag.to_vec();
        near[length - 1] ^= wrong[length - 1] | 1;
        let used = if nearly { &near } else { &wrong };
        forged.clear();
        forged.push_str(start);
        BASE64.encode_string([body, used].concat(), &mut forged);
        let class = if nearly { Class::Left } else { Class::Right };
        if sample < WARM {
            assert!(tokens.verify_at(&forged, NOW).is_err());
        } else {
            runner.run_one(class, || tokens.verify_at(&forged, NOW).is_err());
        }
    }
}

/// Verified before anything is timed, for caches and the clock rate.
const WARM: usize = 20_000;

pub(crate) fn a_signed_tag(runner: &mut CtRunner, rng: &mut BenchRng) {
    forgeries(runner, rng, Protection::Signed, 16);
}

pub(crate) fn a_sealed_tag(runner: &mut CtRunner, rng: &mut BenchRng) {
    forgeries(runner, rng, Protection::Sealed, 16);
}

pub(crate) fn a_jwt_tag(runner: &mut CtRunner, rng: &mut BenchRng) {
    forgeries(runner, rng, Protection::Jwt, 32);
}

/// What must be found: a comparison that ends at the first byte that differs. Where this is not seen, the others
/// show nothing.
pub(crate) fn a_comparison_that_leaks(runner: &mut CtRunner, rng: &mut BenchRng) {
    let mut tag = [0; 32];
    rng.fill_bytes(&mut tag);
    for _ in 0..SAMPLES {
        let mut wrong = [0; 32];
        rng.fill_bytes(&mut wrong);
        let nearly = rng.random::<bool>();
        let mut near = tag;
        near[31] ^= wrong[31] | 1;
        let used = if nearly { near } else { wrong };
        let class = if nearly { Class::Left } else { Class::Right };
        runner.run_one(class, || {
            std::hint::black_box(&tag)
                .iter()
                .zip(std::hint::black_box(&used))
                .all(|(one, other)| std::hint::black_box(one) == other)
        });
    }
}
