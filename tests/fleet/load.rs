//! Issuers and verifiers at whichever node is there, and the count of what went wrong.

use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::json;

use crate::Scale;
use crate::nodes::{Addresses, CUT_OFF, Fleet, now};
use crate::support::Caller;

const ISSUERS: usize = 2;
const VERIFIERS: usize = 2;
const BATCH: usize = 256;

pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    scale: Scale,
    addresses: Addresses,
    tokens: Mutex<VecDeque<Held>>,
    /// What the node that is cut off was told of; none as long as it is not.
    known: Mutex<Option<BTreeSet<String>>>,
    ended: AtomicBool,
    verified: AtomicU64,
    issued: AtomicU64,
    unanswered: AtomicU64,
    skipped: AtomicU64,
    refused: Mutex<Vec<String>>,
}

#[derive(Clone)]
pub struct Held {
    token: String,
    pub key: String,
    /// By the true clock: until then no clock of the fleet thinks it ended.
    until: u64,
}

#[derive(Debug)]
pub struct Outcome {
    pub verified: u64,
    pub issued: u64,
    pub unanswered: u64,
    pub skipped: u64,
    pub refused: Vec<String>,
}

impl Load {
    pub fn start(fleet: &Fleet, scale: Scale) -> Self {
        let shared = Arc::new(Shared {
            scale,
            addresses: Arc::clone(&fleet.addresses),
            tokens: Mutex::default(),
            known: Mutex::new(None),
            ended: AtomicBool::new(false),
            verified: AtomicU64::new(0),
            issued: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            refused: Mutex::default(),
        });
        let work: [fn(&Shared, u64); ISSUERS + VERIFIERS] =
            [Shared::issue, Shared::issue, Shared::verify, Shared::verify];
        let threads = (1..).zip(work).map(|(seed, work)| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || {
                let mut turn = seed * 7_919;
                while !shared.ended.load(Ordering::Relaxed) {
                    turn += 1;
                    work(&shared, turn);
                }
            })
        });
        Self { threads: threads.collect(), shared }
    }

    pub fn verified(&self) -> u64 {
        self.shared.verified.load(Ordering::Relaxed)
    }

    pub fn knows(&self, keys: BTreeSet<String>) {
        *self.shared.known.lock().unwrap() = Some(keys);
    }

    /// What there was to count, and the tokens that are left.
    pub fn end(self) -> (Outcome, Vec<Held>) {
        self.shared.ended.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let tokens = self.shared.tokens.lock().unwrap().iter().cloned().collect();
        let outcome = Outcome {
            verified: count(&self.shared.verified),
            issued: count(&self.shared.issued),
            unanswered: count(&self.shared.unanswered),
            skipped: count(&self.shared.skipped),
            refused: std::mem::take(&mut self.shared.refused.lock().unwrap()),
        };
        (outcome, tokens)
    }
}

/// How many of these tokens, of this key, the nodes that reach Vault still take.
pub fn taken_under(key: &str, tokens: &[Held], fleet: &Fleet) -> usize {
    let of_key: Vec<_> =
        tokens.iter().filter(|held| held.key == key && held.until > now()).collect();
    assert!(!of_key.is_empty(), "no live token of the key that was revoked is left to ask about");
    let texts: Vec<_> = of_key.iter().take(BATCH).map(|held| &held.token).collect();
    let addresses = fleet.addresses.lock().unwrap();
    let taken = addresses.iter().take(CUT_OFF).flatten().map(|node| {
        let answer = node.post("/v1/sessions/verify-batch", &json!({ "tokens": texts })).json();
        let results = answer["results"].as_array().unwrap().clone();
        results.iter().filter(|result| result["active"] == true).count()
    });
    taken.sum()
}

impl Shared {
    fn node(&self, turn: u64) -> Option<(usize, Caller)> {
        let addresses = self.addresses.lock().unwrap();
        let index = usize::try_from(turn).unwrap() % addresses.len();
        addresses[index].clone().map(|caller| (index, caller))
    }

    fn issue(&self, turn: u64) {
        std::thread::sleep(Duration::from_millis(10));
        let Some((_, caller)) = self.node(turn) else { return };
        let begin = now();
        let protection = ["sealed", "signed"][usize::try_from(turn / 5).unwrap() % 2];
        let body = json!({
            "audience": "shop", "subject": format!("user-{turn}"), "protection": protection,
            "state": { "cart": turn }, "lifetime": self.scale.lifetime,
        });
        let answer = caller.try_send(
            "POST",
            "/v1/sessions",
            Some("application/json"),
            body.to_string().as_bytes(),
        );
        match answer {
            Ok(answer) if answer.status == 201 => {
                let token = answer.json()["token"].as_str().unwrap().to_owned();
                let header = BASE64.decode(&token[..12]).unwrap();
                let key = BASE64.encode(&header[3..7]);
                let until = begin + self.scale.lifetime - self.scale.skew - 1;
                let mut tokens = self.tokens.lock().unwrap();
                tokens.push_back(Held { token, key, until });
                if tokens.len() > 4_096 {
                    tokens.pop_front();
                }
                drop(tokens);
                self.issued.fetch_add(1, Ordering::Relaxed);
            }
            // A node that was killed, or one that is stale: what it may do.
            Ok(answer) if answer.status == 503 => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => self.refused.lock().unwrap().push(format!("issue: {answer:?}")),
            Err(_) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn verify(&self, turn: u64) {
        std::thread::sleep(Duration::from_millis(100));
        let Some((index, caller)) = self.node(turn) else { return };
        let mut batch: Vec<Held> = self.tokens.lock().unwrap().iter().cloned().collect();
        batch.retain(|held| held.until > now() + 1);
        if index == CUT_OFF
            && let Some(known) = &*self.known.lock().unwrap()
        {
            let all = batch.len();
            batch.retain(|held| known.contains(&held.key));
            self.skipped.fetch_add(u64::try_from(all - batch.len()).unwrap(), Ordering::Relaxed);
        }
        if batch.is_empty() {
            std::thread::sleep(Duration::from_millis(20));
            return;
        }
        // Young and old ones.
        let from = usize::try_from(turn).unwrap().wrapping_mul(6_151) % batch.len();
        batch.rotate_left(from);
        batch.truncate(BATCH);
        let texts: Vec<_> = batch.iter().map(|held| &held.token).collect();
        let body = json!({ "tokens": texts, "audience": "shop" }).to_string();
        let path = "/v1/sessions/verify-batch";
        let answer = caller.try_send("POST", path, Some("application/json"), body.as_bytes());
        let Ok(answer) = answer else {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let end = now();
        if answer.status != 200 {
            self.refused.lock().unwrap().push(format!("verify at node {index}: {answer:?}"));
            return;
        }
        let json = answer.json();
        let results = json["results"].as_array().unwrap();
        assert_eq!(results.len(), batch.len());
        for (held, result) in batch.iter().zip(results) {
            if result["active"] == true {
                self.verified.fetch_add(1, Ordering::Relaxed);
            } else if held.until >= end {
                let ring = caller.get("/v1/keys").text;
                let told = format!(
                    "{}: node {index} refused a token of key {} with {} s to live; its ring: {ring}",
                    now(),
                    held.key,
                    held.until - end
                );
                self.refused.lock().unwrap().push(told);
            }
        }
    }
}
