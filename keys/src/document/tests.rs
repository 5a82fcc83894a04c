//! The document: what is read back, and everything that is not.

use super::*;
use crate::ring::tests::{key, ring};

fn sample() -> KeyRing {
    let first = Key { drains_until: Some(UnixTime::from_secs(9_000)), ..key(1, 1_000) };
    let revoked = Key { revoked_at: Some(UnixTime::from_secs(7)), ..key(3, 1_000) };
    ring(vec![first, key(2, 2_000), revoked])
}

fn text(ring: &KeyRing) -> String {
    String::from_utf8(to_json(ring).to_vec()).unwrap()
}

#[test]
fn what_is_written_is_read_back() {
    let root = sample();
    assert_eq!(parse(&to_json(&root)).unwrap(), root);
    let scoped = root.scoped_to(&Audience::new("shop").unwrap()).unwrap();
    assert_eq!(parse(&to_json(&scoped)).unwrap(), scoped);
}

#[test]
fn the_digest_is_over_the_canonical_form() {
    let named = KeyRing { name: "a \"b\" \\ \u{e9} \u{1f40e} \u{85ff}/".into(), ..sample() };
    let mut value: serde_json::Value = serde_json::from_slice(&to_json(&named)).unwrap();
    let written = value.as_object_mut().unwrap().remove("digest").unwrap();
    let canonical = serde_json_canonicalizer::to_vec(&value).unwrap();
    let oracle = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&canonical));
    assert_eq!(written, oracle);
    assert!(parse(&to_json(&named)).is_ok());
}

/// T60: what to replace in a good document and by what; the error's start, its line and column apart.
#[test]
fn anything_else_is_refused_with_the_place() {
    let good = text(&sample());
    let id = sample().keys[1].id.to_string();
    for (from, to, reason) in [
        ("saddlebag-ring/1", "saddlebag-ring/2", "format is \"saddlebag-ring/2\""),
        ("\"generation\": 1", "\"generation\": 2", "the digest does not match"),
        ("\"generation\": 1", "\"generation\": 1.0", "line: invalid type"),
        ("\"generation\": 1", "\"generation\": 1e0", "line: invalid type"),
        ("\"generation\": 1", "\"generation\": -1", "line: invalid type"),
        ("\"generation\": 1", "\"generation\": \"1\"", "line: invalid type"),
        ("\"generation\": 1", "\"generation\": 9007199254740992", "line: not an integer"),
        ("\"generation\": 1", "\"generation\": 0", "generation is 0"),
        ("\"generation\": 1,", "", "line: missing field `generation`"),
        ("\"generation\": 1", "\"generation\": 1, \"generation\": 1", "line: duplicate field"),
        ("\"generation\": 1", "\"generation\": 1, \"color\": 1", "line: unknown field `color`"),
        ("\"drains_until\": null,", "", "line: missing field `drains_until`"),
        ("1970-01-01T00:16:40Z", "1970-01-01T00:16:40+00:00", "line: not a time"),
        ("\"clock_skew\": 60", "\"clock_skew\": 301", "policy: clock_skew is 301 s"),
        ("\"audience\": null", "\"audience\": \"Shop\"", "line: not an audience"),
        (&id, "AAAAAA", "the id AAAAAA is not the one"),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{from}");
        let refusal = parse(broken.as_bytes()).unwrap_err().to_string();
        let place = refusal.split_once(": ").filter(|(place, _)| place.starts_with("line "));
        let told = place.map_or(refusal.clone(), |(_, reason)| format!("line: {reason}"));
        assert!(told.starts_with(reason), "{from} -> {to}: {refusal}");
    }
    assert!(parse(format!("{good}{{}}").as_bytes()).is_err());
    assert!(parse(format!("\u{feff}{good}").as_bytes()).is_err());
}

/// T55, T60.
#[test]
fn every_cut_and_every_changed_byte_is_refused() {
    let good = to_json(&sample());
    // An interpreter takes ten seconds for each.
    let step = if cfg!(miri) { 499 } else { 1 };
    for end in (0..good.len() - 2).step_by(step) {
        assert!(parse(&good[..end]).is_err(), "cut at {end}");
    }
    for n in (0..good.len()).step_by(step) {
        let mut bad = good.to_vec();
        bad[n] ^= 0x01;
        let same = parse(&bad).is_ok_and(|ring| ring == sample());
        let blank = good[n].is_ascii_whitespace();
        assert!(parse(&bad).is_err() || (same && blank), "byte {n} ({})", char::from(good[n]));
    }
}

/// T05.
#[test]
fn weak_secrets_are_refused_and_never_shown() {
    let secret = Secret::from_bytes(*b"passwordpasswordpasswordpassword");
    let weak = Key { id: crate::derive::key_id(&secret), secret, ..key(1, 1_000) };
    let refusal = parse(&to_json(&ring(vec![weak]))).unwrap_err().to_string();
    assert!(refusal.ends_with("is weak: it is text, not 32 random bytes"), "{refusal}");
}

/// T64.
#[test]
fn no_error_quotes_a_secret_whatever_member_it_was_pasted_into() {
    let good = text(&sample());
    let secret = BASE64_URL_SAFE_NO_PAD.encode(sample().keys[0].secret.expose());
    for member in ["id", "created_at", "name", "generation", "audience", "clock_skew", "digest"] {
        let at = good.find(&format!("\"{member}\": ")).unwrap() + member.len() + 4;
        let end = at + good[at..].find(['\n', ',']).unwrap();
        let broken = format!("{}\"{secret}\"{}", &good[..at], &good[end..]);
        let refusal = format!("{:?}", parse(broken.as_bytes()).unwrap_err());
        assert!(!refusal.contains(&secret[..8]), "{member}: {refusal}");
    }
    let renamed = good.replacen("\"generation\"", &format!("\"{secret}\""), 1);
    let refusal = format!("{:?}", parse(renamed.as_bytes()).unwrap_err());
    assert!(!refusal.contains(&secret[..8]), "{refusal}");
    let renamed = good.replacen("\"created_at\"", &format!("\"{secret}\""), 1);
    let refusal = format!("{:?}", parse(renamed.as_bytes()).unwrap_err());
    assert!(!refusal.contains(&secret[..8]), "{refusal}");
}

/// A name was taken to end at its first backtick, and shown whole where that was near; of a format 64 characters were.
#[test]
fn no_error_quotes_a_secret_behind_a_backtick_or_in_the_format() {
    let good = text(&sample());
    let secret = BASE64_URL_SAFE_NO_PAD.encode(sample().keys[0].secret.expose());
    for member in ["\"generation\"", "\"created_at\"", "\"rotate_every\""] {
        for name in ["a`", "`, expected", "a` at line ", "a`: \\\"", ""] {
            let renamed = good.replacen(member, &format!("\"{name}{secret}\""), 1);
            let error = parse(renamed.as_bytes()).unwrap_err();
            let refusal = format!("{error} {error:?}");
            assert!(!refusal.contains(&secret[..8]), "{member} {name}: {refusal}");
        }
    }
    for (format, shown) in [(secret.as_str(), false), ("saddlebag-ring/2", true)] {
        let other = good.replacen(FORMAT, format, 1);
        let refusal = parse(other.as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with("format is "), "{refusal}");
        assert_eq!(refusal.contains(format), shown, "{refusal}");
    }
}

#[test]
fn a_full_ring_fits_the_buffer_it_is_written_to() {
    let mut full: Vec<Key> = (0..32).map(|n| key(n, 1_000_000_000 + u64::from(n))).collect();
    full[0].drains_until = Some(UnixTime::from_secs(2_000_000_000));
    let named = KeyRing { name: "\u{1f40e}".repeat(128), ..ring(full) };
    assert!(to_json(&named).len() < MAX_LEN / 4, "{}", to_json(&named).len());
}
