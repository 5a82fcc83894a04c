//! `ring.json`: documents of `saddlebag-ring/1` that load; `ring_refused.rs` has the others.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::keys::{Keys, fixed, key_id, root};
use crate::ring_refused;
use crate::text::{base64url, quoted};

#[derive(Serialize)]
pub struct RingVector {
    name: String,
    expect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    or: Option<&'static str>,
    document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    states: Vec<State>,
}

/// The state of one key at one instant.
#[derive(Serialize)]
struct State {
    at: String,
    id: String,
    state: &'static str,
}

/// A ring document as its JSON texts, so that each can be spoilt. `Key` writes one of `keys`.
#[derive(Clone)]
pub struct Document {
    pub format: String,
    pub name: String,
    pub generation: String,
    pub audience: String,
    pub policy: Vec<(&'static str, String)>,
    pub keys: Vec<Key>,
    /// Members that no ring has, as name and value.
    pub more: Vec<(&'static str, String)>,
    /// Members that this one lacks.
    pub without: &'static str,
}

#[derive(Clone)]
pub struct Key(pub Vec<(&'static str, String)>);

impl Key {
    /// A key of a root ring: `activates` is a date.
    pub fn new(label: &str, activates: &str) -> Self {
        Self::of(&root(label), activates)
    }

    pub fn of(secret: &[u8; 32], activates: &str) -> Self {
        Self::with_id(&base64url(&key_id(secret)), &base64url(secret), activates)
    }

    pub fn with_id(id: &str, secret: &str, activates: &str) -> Self {
        Self(vec![
            ("id", quoted(id)),
            ("secret", quoted(secret)),
            ("created_at", time("2026-01-01")),
            ("activates_at", time(activates)),
            ("drains_until", "null".into()),
            ("revoked_at", "null".into()),
        ])
    }

    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.iter_mut().find(|member| member.0 == name).unwrap().1 = value.into();
        self
    }

    pub fn drains(self, date: &str) -> Self {
        self.set("drains_until", time(date))
    }

    pub fn revoked(self, date: &str) -> Self {
        self.set("revoked_at", time(date))
    }

    fn id(&self) -> String {
        self.0[0].1.trim_matches('"').to_owned()
    }
}

/// Midnight of a date, in quotes.
pub fn time(date: &str) -> String {
    format!("\"{date}T00:00:00Z\"")
}

impl Default for Document {
    /// One active key and its standby.
    fn default() -> Self {
        Self {
            format: quoted("saddlebag-ring/1"),
            name: quoted("shop-prod"),
            generation: "7".into(),
            audience: "null".into(),
            policy: vec![
                ("rotate_every", "2592000".into()),
                ("publish_ahead", "86400".into()),
                ("max_token_lifetime", "2592000".into()),
                ("max_session_lifetime", "31536000".into()),
                ("clock_skew", "60".into()),
            ],
            keys: vec![
                Key::new("A", "2026-09-01").drains("2026-11-03"),
                Key::new("B", "2026-10-01"),
            ],
            more: Vec::new(),
            without: "",
        }
    }
}

impl Document {
    pub fn keys(self, keys: &[Key]) -> Self {
        Self { keys: keys.to_vec(), ..self }
    }

    /// All members but the digest, in the order of the design.
    fn members(&self) -> Vec<(&'static str, String)> {
        let keys: Vec<String> = self.keys.iter().map(|key| object(&key.0)).collect();
        let mut members = vec![
            ("format", self.format.clone()),
            ("name", self.name.clone()),
            ("generation", self.generation.clone()),
            ("audience", self.audience.clone()),
            ("policy", object(&self.policy)),
            ("keys", format!("[{}]", keys.join(","))),
        ];
        members.extend(self.more.iter().cloned());
        members.retain(|member| member.0 != self.without);
        members
    }

    /// RFC 8785: names sorted, numbers and texts as ECMAScript writes them.
    fn canonical(&self) -> String {
        let mut sorted = self.clone();
        sorted.policy.sort();
        sorted.keys.iter_mut().for_each(|key| key.0.sort());
        let mut members = sorted.members();
        members.sort();
        canonical_numbers(&object(&members))
    }

    pub fn digest(&self) -> String {
        base64url(&Sha256::digest(self.canonical()))
    }

    pub fn text(&self) -> String {
        self.text_with(&quoted(&self.digest()))
    }

    /// With something else for the digest.
    pub fn text_with(&self, digest: &str) -> String {
        let mut members = self.members();
        members.push(("digest", digest.into()));
        object(&members)
    }
}

/// The few other spellings of numbers that negative vectors use. All of them are values of a member.
fn canonical_numbers(text: &str) -> String {
    [
        (":7.0,", ":7,"),
        (":7e0,", ":7,"),
        (":1e3,", ":1000,"),
        (":60.0,", ":60,"),
        (":86.4e3,", ":86400,"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (other, canonical)| text.replace(other, canonical))
}

fn object(members: &[(&str, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

pub fn vectors() -> Vec<RingVector> {
    let mut vectors = accepted();
    vectors.extend(near_weak());
    vectors.extend(texts());
    vectors.extend(ring_refused::vectors());
    vectors
}

pub fn refuse(name: impl Into<String>, reason: &'static str, document: String) -> RingVector {
    let (name, expect, reason) = (name.into(), "refuse", Some(reason));
    RingVector { name, expect, reason, or: None, document, generation: None, states: Vec::new() }
}

impl RingVector {
    /// Names a second reason, where the contract leaves open which check comes first.
    pub fn or(self, reason: &'static str) -> Self {
        Self { or: Some(reason), ..self }
    }
}

fn accept(name: impl Into<String>, document: &Document) -> RingVector {
    accept_text(name, document, document.text())
}

fn accept_text(name: impl Into<String>, document: &Document, text: String) -> RingVector {
    let generation = Some(document.generation.parse().unwrap());
    RingVector { expect: "accept", reason: None, generation, ..refuse(name, "", text) }
}

/// Adds what each key is at midnight of each date.
fn with_states(
    vector: RingVector,
    document: &Document,
    days: &[(&str, &[&'static str])],
) -> RingVector {
    let mut all = Vec::new();
    for (date, states) in days {
        assert_eq!(states.len(), document.keys.len());
        for (key, state) in document.keys.iter().zip(*states) {
            let at = time(date).trim_matches('"').to_owned();
            all.push(State { at, id: key.id(), state });
        }
    }
    RingVector { states: all, ..vector }
}

fn accepted() -> Vec<RingVector> {
    let base = Document::default;
    let usual = base();
    let mut vectors = vec![with_states(
        accept("an active key and its standby", &usual),
        &usual,
        &[
            ("2026-09-01", &["active", "staged"]),
            ("2026-09-30", &["active", "staged"]),
            ("2026-10-01", &["draining", "active"]),
            ("2026-11-02", &["draining", "active"]),
            ("2026-11-03", &["retired", "active"]),
        ],
    )];
    let alone = base().keys(&[Key::new("A", "2026-09-01")]);
    vectors.push(accept("a key alone", &alone));
    let three = base().keys(&[
        Key::new("A", "2026-07-01").drains("2026-09-15"),
        Key::new("B", "2026-08-01").drains("2026-10-15"),
        Key::new("C", "2026-09-01"),
    ]);
    vectors.push(with_states(
        accept("three keys", &three),
        &three,
        &[("2026-09-10", &["draining", "draining", "active"])],
    ));
    let mut backwards = three.clone();
    backwards.keys.reverse();
    vectors.push(accept("three keys, the newest first", &backwards));
    let waiting = base().keys(&[Key::new("A", "2026-09-01"), Key::new("B", "2026-10-01")]);
    vectors.push(with_states(
        accept("a standby that became active before anybody saved", &waiting),
        &waiting,
        &[("2026-10-02", &["draining", "active"]), ("2027-10-02", &["draining", "active"])],
    ));
    let handed_on = base().keys(&[
        Key::new("A", "2026-09-01").drains("2026-11-03").revoked("2026-09-20"),
        Key::new("B", "2026-09-01").drains("2026-12-03"),
        Key::new("C", "2026-10-20"),
    ]);
    vectors.push(with_states(
        accept("a revoked key whose activates_at the standby took over", &handed_on),
        &handed_on,
        &[
            ("2026-09-02", &["revoked", "active", "staged"]),
            ("2026-10-20", &["revoked", "draining", "active"]),
            ("2026-12-03", &["revoked", "retired", "active"]),
        ],
    ));
    let later = base().keys(&[
        Key::new("A", "2026-09-01").drains("2026-11-03").revoked("2099-01-01"),
        Key::new("B", "2026-09-02"),
    ]);
    vectors.push(with_states(
        accept("a key revoked in the future is revoked now", &later),
        &later,
        &[("2026-09-03", &["revoked", "active"])],
    ));
    let two_revoked = base().keys(&[
        Key::new("A", "2026-09-01").drains("2026-11-03").revoked("2026-09-20"),
        Key::new("B", "2026-09-01").drains("2026-11-03").revoked("2026-09-21"),
        Key::new("C", "2026-09-01"),
    ]);
    vectors.push(accept("two revoked keys of one activates_at", &two_revoked));
    let touching = base()
        .keys(&[Key::new("A", "2026-09-01").drains("2026-10-01"), Key::new("B", "2026-10-01")]);
    vectors.push(with_states(
        accept("drains_until is the successor's activates_at", &touching),
        &touching,
        &[("2026-09-30", &["active", "staged"]), ("2026-10-01", &["retired", "active"])],
    ));
    let late = base().keys(&[Key::new("A", "2025-12-01")]);
    vectors.push(accept("activates_at before created_at", &late));
    vectors.push(accept("32 keys", &base().keys(&many(32))));
    for (name, generation) in [("1", "1"), ("2^53 - 1", "9007199254740991")] {
        let document = Document { generation: generation.into(), ..base() };
        vectors.push(accept(format!("generation {name}"), &document));
    }
    for (member, value) in [
        ("clock_skew", "0"),
        ("clock_skew", "300"),
        ("max_session_lifetime", "3155760000"),
        ("rotate_every", "3155760000"),
    ] {
        let document = Document { policy: policy(member, value), ..base() };
        vectors.push(accept(format!("{member} is {value}"), &document));
    }
    vectors.push(accept("a scoped ring, whose ids are copied", &scoped("shop")));
    vectors.push(accept("a scoped ring of the system's own", &scoped("saddlebag:credential")));
    let longest = "a1.b_c:d/e-".repeat(12)[..128].to_owned();
    vectors.push(accept("a scoped ring for 128 characters", &scoped(&longest)));
    vectors
}

pub fn policy(member: &str, value: &str) -> Vec<(&'static str, String)> {
    let mut policy = Document::default().policy;
    policy.iter_mut().find(|(name, _)| *name == member).unwrap().1 = value.into();
    policy
}

/// Keys one hour apart.
pub fn many(count: usize) -> Vec<Key> {
    let key = |n: usize| {
        let activates = format!("\"2026-09-{:02}T{:02}:00:00Z\"", 1 + n / 24, n % 24);
        Key::new(&format!("many {n}"), "2026-09-01").set("activates_at", activates)
    };
    (0..count).map(key).collect()
}

pub fn scoped(audience: &str) -> Document {
    let usual = Document::default();
    let mut document = Document { audience: quoted(audience), ..usual };
    for (key, label) in document.keys.iter_mut().zip(["A", "B"]) {
        let secret = quoted(&base64url(&Keys::new(&root(label), audience).audience));
        *key = key.clone().set("secret", secret);
    }
    document
}

/// Just not weak: what the checks for weak secrets must let through.
fn near_weak() -> Vec<RingVector> {
    let noise = fixed("near weak");
    let period: [u8; 32] = core::array::from_fn(|i| noise[i % 17]);
    // Eight values, each once and then without a pattern.
    let mut eight: [u8; 32] = core::array::from_fn(|i| noise[i] % 8);
    eight[..8].copy_from_slice(&[3, 1, 4, 0, 5, 2, 6, 7]);
    let mut nearly_ascii = *b"correct horse battery staple 123";
    nearly_ascii[31] = 0x80;
    let mut counting: [u8; 32] = core::array::from_fn(|i| 200 + i as u8);
    counting[31] = 0;
    [
        ("a secret with a period of 17 bytes", period),
        ("a secret of eight values", eight),
        ("a secret that is printable ASCII but for its last byte", nearly_ascii),
        ("a secret that counts up but for its last byte", counting),
    ]
    .map(|(name, secret)| {
        accept(name, &Document::default().keys(&[Key::of(&secret, "2026-09-01")]))
    })
    .into()
}

/// One document in other JSON texts: the digest is of the canonical form.
fn texts() -> Vec<RingVector> {
    let usual = Document::default();
    let text = usual.text();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut reversed = usual.clone();
    reversed.policy.reverse();
    reversed.keys.iter_mut().for_each(|key| key.0.reverse());
    let mut members = reversed.members();
    members.reverse();
    members.insert(3, ("digest", quoted(&usual.digest())));
    [
        ("written over many lines", serde_json::to_string_pretty(&value).unwrap() + "\n"),
        ("members in another order", object(&members)),
        ("escapes in names and texts", {
            text.replace("\"name\"", r#""\u006eame""#).replace("shop-prod", r"shop\u002dprod")
        }),
        ("white space of all four sorts around it", format!(" \t\r\n{text}\n")),
    ]
    .map(|(name, text)| accept_text(name, &usual, text))
    .into()
}

#[test]
fn the_digest_is_of_what_another_canonicalizer_writes() {
    let wide =
        Document { name: quoted("laden \u{e4}\u{1f600}\"\\\n\u{7f}"), ..Document::default() };
    let other =
        Document { generation: "7e0".into(), policy: policy("clock_skew", "60.0"), ..wide.clone() };
    for document in [Document::default(), scoped("shop"), wide, other] {
        let mut value: serde_json::Value = serde_json::from_str(&document.text()).unwrap();
        value.as_object_mut().unwrap().remove("digest");
        let oracle = serde_json_canonicalizer::to_string(&value).unwrap();
        assert_eq!(document.canonical(), oracle);
    }
}
