//! T02, T28: the one negative answer. Whichever check a token fails, nothing of it comes through, and the answer
//! is the same to the byte.

use std::collections::BTreeSet;

use saddlebag::Reason;
use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{
    Audience, FileStore, KeyId, KeyRing, Policy, Secret, Store, UnixTime, derive,
};
use serde_json::json;

use crate::forge;
use crate::support::{Answer, Caller, Ring, Server};

const DAY: u64 = 86_400;

/// A ring with a key in every state that a token can meet, and what their secrets are.
fn ring() -> (Ring, KeyRing) {
    let ring = Ring::missing();
    let now = UnixTime::now();
    let key = |n: u8, activates: u64, drained: Option<u64>, revoked: bool| ChosenKey {
        secret: secret(n),
        id: None,
        created_at: now.saturating_sub(activates + DAY),
        activates_at: now.saturating_sub(activates),
        drains_until: drained.map(|ago| now.saturating_sub(ago)),
        revoked_at: revoked.then(|| now.saturating_sub(DAY)),
    };
    let keys = [
        key(RETIRED, 200 * DAY, Some(DAY), false),
        key(REVOKED, 100 * DAY, None, true),
        key(ACTIVE, 50 * DAY, None, false),
    ];
    let made = insecure::ring("negative", 1, Policy::default(), &keys).unwrap();
    FileStore::new(ring.path()).save(&made, None).unwrap();
    (ring, made)
}

const RETIRED: u8 = 1;
const REVOKED: u8 = 2;
const ACTIVE: u8 = 3;

fn secret(n: u8) -> [u8; 32] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(57) ^ n.wrapping_mul(101))
}

fn id(n: u8) -> KeyId {
    derive::key_id(&Secret::from_bytes(secret(n)))
}

/// Alice's claims under the n-th secret.
fn signed(n: u8, audience: &str, claims: &[u8]) -> String {
    let root = Secret::from_bytes(secret(n));
    forge::signed(id(n), &derive::audience(&root, &Audience::new(audience).unwrap()), claims)
}

fn claims(started: u64, state: &[u8]) -> Vec<u8> {
    forge::claims(started, Some("alice"), state)
}

/// Tokens by the check that they fail.
fn refused_tokens(caller: &Caller, hs256: &Caller) -> Vec<(&'static str, String)> {
    let now = UnixTime::now().as_secs();
    let good = caller.issue(&json!({"subject": "alice"}));
    let at = good.len() / 2;
    let changed = if &good[at..=at] == "A" { "B" } else { "A" };
    let forged = format!("{}{changed}{}", &good[..at], &good[at + 1..]);
    let mut unknown = good.clone();
    unknown.replace_range(4..9, if &good[4..9] == "AAAAA" { "BBBBB" } else { "AAAAA" });
    let jwt = hs256.issue(&json!({"subject": "alice", "protection": "jwt"}));
    let other = caller.issue(&json!({"subject": "alice", "audience": "shop"}));
    let bound = caller.issue(&json!({"subject": "alice", "binding": "Y2VydA"}));
    let state = [0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02];
    vec![
        ("too_long", "sb1e".to_owned() + &"A".repeat(5_000)),
        ("not_a_token", "alice".to_owned()),
        ("not_a_token", String::new()),
        ("malformed", format!("{good}=")),
        ("malformed", "sb1eAAAA".to_owned()),
        ("jwt_not_accepted", jwt),
        ("unknown_key", unknown),
        ("key_retired", signed(RETIRED, "default", &claims(now, &[0xf6]))),
        ("key_revoked", signed(REVOKED, "default", &claims(now, &[0xf6]))),
        ("bad_tag", forged),
        ("bad_tag", other),
        ("bad_tag", bound),
        ("bad_claims", signed(ACTIVE, "default", &[0xf6; 30])),
        ("bad_state", signed(ACTIVE, "default", &claims(now, &[0xf6, 0xf6]))),
        ("bad_state", signed(ACTIVE, "default", &claims(now, &state))),
        ("expired", signed(ACTIVE, "default", &claims(now - 2_000, &[0xf6]))),
        ("not_yet_valid", signed(ACTIVE, "default", &claims(now + 2_000, &[0xf6]))),
    ]
}

/// How often tokens were refused for this reason.
fn counted(server: &Server, reason: &str) -> u64 {
    let metrics = server.admin().get("/metrics").text;
    let lines = metrics.lines().filter(|line| line.starts_with("saddlebag_tokens_verified_total{"));
    let label = format!("reason=\"{reason}\"");
    let line = lines.into_iter().find(|line| line.contains(&label)).unwrap();
    line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
}

/// Everything of an answer but the time it was sent.
fn shown(answer: Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers = answer.headers;
    headers.retain(|(name, _)| name != "date");
    (answer.status, headers, answer.text)
}

/// T02, T28.
#[test]
fn whichever_check_a_token_fails_nothing_of_it_comes_through_and_nobody_can_tell() {
    let (ring, made) = ring();
    assert_eq!(made.active(UnixTime::now()).unwrap().id(), id(ACTIVE));
    let (server, other) = (ring.serve(&[]).ready(), ring.serve(&["--jwt", "hs256"]).ready());
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let (caller, hs256) = (server.caller(&credential), other.caller(&credential));
    let good = signed(ACTIVE, "default", &claims(UnixTime::now().as_secs(), &[0xf6]));
    assert_eq!(caller.verify(&good)["session"]["subject"], "alice", "the forger knows its trade");

    let tokens = refused_tokens(&caller, &hs256);
    let mut answers = BTreeSet::new();
    for (reason, token) in &tokens {
        let before = counted(&server, reason);
        let body = json!({"token": token});
        for path in ["/v1/sessions/verify", "/v1/sessions/renew"] {
            answers.insert(shown(caller.post(path, &body)));
        }
        let renewal = json!({"token": token, "subject": "mallory", "state": 1, "rotate_id": true});
        answers.insert(shown(caller.post("/v1/sessions/renew", &renewal)));
        answers.insert(shown(caller.form("/v1/introspect", &format!("token={token}"))));
        assert_eq!(counted(&server, reason), before + 4, "each by this very check: {reason}");
    }
    assert_eq!(answers.len(), 1, "{answers:#?}");
    let (status, _, text) = answers.pop_first().unwrap();
    assert_eq!((status, &*text), (200, r#"{"active":false}"#));

    // In a batch, beside a good one.
    for (reason, token) in &tokens {
        let batch = caller.post("/v1/sessions/verify-batch", &json!({"tokens": [token, good]}));
        let results = batch.json()["results"].clone();
        assert_eq!(results[0], json!({"active": false}), "{reason}");
        assert_eq!(results[1]["session"]["subject"], "alice");
    }

    // Every reason there is was met, but the one that is a node's own trouble.
    let met: BTreeSet<_> = tokens.iter().map(|(reason, _)| *reason).collect();
    let all = Reason::ALL.iter().map(|reason| reason.code()).filter(|code| *code != "no_ring");
    assert_eq!(met, all.chain(["bad_state"]).collect());
}

/// T02, T28: The same of callers: whatever is wrong with a credential, the 401 is the same.
#[test]
fn whatever_is_wrong_with_a_credential_nobody_can_tell() {
    let (ring, _) = ring();
    let server = ring.serve(&[]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify", "--role", "admin"]);
    let caller = server.caller(&credential);
    let mut answers = BTreeSet::new();
    let hs256 = ring.serve(&["--jwt", "hs256"]).ready();
    let tokens = refused_tokens(&caller, &hs256.caller(&credential));
    for (_, token) in tokens.iter().filter(|(_, token)| token.len() < 5_000) {
        let other = server.caller(token);
        answers.insert(shown(other.get("/v1/keys")));
        answers.insert(shown(other.post("/v1/sessions/verify", &json!({"token": "x"}))));
    }
    // Bodies that were not read end a connection of HTTP/1.1, which is no matter of the credential's.
    let mut told: Vec<_> = answers.into_iter().collect();
    for (_, headers, _) in &mut told {
        headers.retain(|(name, _)| name != "connection");
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0].0, 401);
}
