//! What depends on `now`, the same for signed, sealed and jwt: the session's times and the key's.

use crate::claims::{Claims, START};
use crate::vector::{Case, RingKey};

/// A verifier, the label of the root that made the token, its claims, and why it is refused.
pub struct Clocked {
    pub case: Case,
    pub signer: &'static str,
    pub claims: Claims,
    pub reason: Option<&'static str>,
}

pub fn cases() -> Vec<Clocked> {
    let mut cases = session_times();
    cases.extend(key_times());
    cases
}

/// `now < expires_at + skew` and `issued_at <= now + skew`.
fn session_times() -> Vec<Clocked> {
    let claims = Claims::renewed();
    let (issued, expires) = (claims.issued_at(), claims.expires_at());
    let mut cases = Vec::new();
    let mut add = |name: String, now, skew, reason| {
        let claims = claims.clone();
        cases.push(Clocked { case: Case::new(name).at(now, skew), signer: "A", claims, reason });
    };
    for skew in [0, 60, 300] {
        let (end, late) = (expires + skew, Some("expired"));
        add(format!("the last second before expires_at + skew {skew}"), end - 1, skew, None);
        add(format!("expired exactly at expires_at + skew {skew}"), end, skew, late);
        add(format!("expired a second after expires_at + skew {skew}"), end + 1, skew, late);
        let (first, early) = (issued - skew, Some("not_yet_valid"));
        add(format!("a second before issued_at - skew {skew}"), first - 1, skew, early);
        add(format!("valid exactly at issued_at - skew {skew}"), first, skew, None);
    }
    add("issued in the future of a clock at zero".into(), 0, 60, Some("not_yet_valid"));
    add("expired for a clock at 2^53 - 1".into(), (1 << 53) - 1, 60, Some("expired"));
    let last = Claims { issued: 86_000, expires: 400, revision: 9, ..Claims::default() };
    let case =
        Case::new("still verifies between ends_at and ends_at + skew").at(START + 86_459, 60);
    cases.push(Clocked { case, signer: "A", claims: last.clone(), reason: None });
    let case = Case::new("expired at ends_at + skew").at(START + 86_460, 60);
    cases.push(Clocked { case, signer: "A", claims: last, reason: Some("expired") });
    cases
}

/// What a key may verify: staged and draining yes, retired and revoked no.
fn key_times() -> Vec<Clocked> {
    let month = 30 * 86_400;
    let draining = [
        RingKey { drains_until: Some(START + 500), ..RingKey::new("A", START - month) },
        RingKey::new("B", START + 100),
    ];
    let revoked = |revoked_at, drains_until| {
        let (revoked_at, drains_until) = (Some(revoked_at), Some(drains_until));
        let key = RingKey { revoked_at, drains_until, ..RingKey::new("A", START - month) };
        [key, RingKey::new("B", START - month)]
    };
    let staged = [RingKey::new("A", START - month), RingKey::new("B", START + 86_400)];
    let mut cases = Vec::new();
    let mut add = |name: &str, signer, roots: &[RingKey], now: u64, skew, reason| {
        let case = Case::new(name).roots(roots).at(START + now, skew);
        cases.push(Clocked { case, signer, claims: Claims::default(), reason });
    };
    let (retired, gone) = (Some("key_retired"), Some("key_revoked"));
    add("a draining key verifies", "A", &draining, 200, 60, None);
    add("a draining key verifies up to the second before it retires", "A", &draining, 499, 0, None);
    add("a key is retired exactly at drains_until", "A", &draining, 500, 0, retired);
    add("skew does not prolong a key", "A", &draining, 500, 300, retired);
    add("a key stays retired", "A", &draining, 800, 60, retired);
    add("the key active after another verifies", "B", &draining, 500, 60, None);
    add("a staged key verifies", "B", &staged, 10, 60, None);
    add("an active key verifies beside a staged one", "A", &staged, 10, 60, None);
    add("a revoked key is refused", "A", &revoked(START + 5, START + 9_000), 10, 60, gone);
    let future = revoked(START + 500, START + 9_000);
    add("a key revoked in the future is refused now", "A", &future, 10, 60, gone);
    add("a revocation spares the other key", "B", &future, 10, 60, None);
    cases
}
