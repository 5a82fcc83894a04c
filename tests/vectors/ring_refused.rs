//! Ring documents that must not load. All but the last groups have the digest of what they say, so that only one
//! thing is wrong with each.

use crate::keys::{Keys, fixed, root};
use crate::ring::{Document, Key, RingVector, many, policy, refuse, scoped, time};
use crate::text::{base64url, other_spellings, quoted};

pub fn vectors() -> Vec<RingVector> {
    let mut vectors = members();
    vectors.extend(numbers());
    vectors.extend(times());
    vectors.extend(secrets());
    vectors.extend(ids());
    vectors.extend(spellings());
    vectors.extend(lives());
    vectors.extend(audiences());
    vectors.extend(digests());
    vectors.extend(texts());
    vectors
}

fn base() -> Document {
    Document::default()
}

fn alone() -> Document {
    base().keys(&[Key::new("A", "2026-09-01")])
}

fn members() -> Vec<RingVector> {
    let mut vectors = Vec::new();
    let mut put = |name: String, reason, document: Document| {
        vectors.push(refuse(name, reason, document.text()));
    };
    for name in ["format", "name", "generation", "audience", "policy", "keys"] {
        put(format!("no `{name}`"), "missing", Document { without: name, ..base() });
    }
    for index in 0..5 {
        let mut document = base();
        let (name, _) = document.policy.remove(index);
        put(format!("no `{name}` in the policy"), "missing", document);
    }
    for index in 0..6 {
        let mut document = base();
        let (name, _) = document.keys[1].0.remove(index);
        put(format!("no `{name}` in a key"), "missing", document);
    }
    let more = vec![("comment", quoted("none"))];
    put("an unknown member".into(), "unknown", Document { more, ..base() });
    let mut document = base();
    document.policy.push(("grace", "60".into()));
    put("an unknown member of the policy".into(), "unknown", document);
    let mut document = base();
    document.keys[0].0.push(("alg", quoted("HS256")));
    put("an unknown member of a key".into(), "unknown", document);
    for value in ["\"saddlebag-ring/2\"", "\"saddlebag-ring\"", "\"Saddlebag-Ring/1\"", "1", "null"]
    {
        let document = Document { format: value.into(), ..base() };
        put(format!("the format {value}"), "format", document);
    }
    for (member, value) in [("name", "null"), ("name", "7"), ("audience", "7"), ("audience", "[]")]
    {
        let document = match member {
            "name" => Document { name: value.into(), ..base() },
            _ => Document { audience: value.into(), ..base() },
        };
        put(format!("{member} is {value}"), "type", document);
    }
    for (member, value) in
        [("id", "null"), ("secret", "null"), ("created_at", "null"), ("activates_at", "null")]
    {
        let mut document = base();
        document.keys[1] = document.keys[1].clone().set(member, value);
        put(format!("{member} is {value}"), "type", document);
    }
    vectors
}

/// Integers from 0 to 2^53 - 1, within their member's own bounds.
fn numbers() -> Vec<RingVector> {
    let mut vectors = Vec::new();
    for value in [
        "7.0",
        "7e0",
        "1e3",
        "-1",
        "9007199254740992",
        "\"7\"",
        "null",
        "true",
        "7.5",
        "1e400",
        "07",
    ] {
        let document = Document { generation: value.into(), ..alone() };
        let vector = refuse(format!("generation is {value}"), "number", document.text());
        vectors.push(match value {
            "07" | "1e400" => vector.or("json"),
            "null" | "true" | "\"7\"" => vector.or("type"),
            _ => vector,
        });
    }
    let document = Document { generation: "0".into(), ..base() };
    vectors.push(refuse("generation is 0", "generation", document.text()));
    for (member, value) in [
        ("clock_skew", "301"),
        ("rotate_every", "3155760001"),
        ("publish_ahead", "3155760001"),
        ("max_token_lifetime", "3155760001"),
        ("max_session_lifetime", "9007199254740991"),
    ] {
        let document = Document { policy: policy(member, value), ..alone() };
        vectors.push(refuse(format!("{member} is {value}"), "policy", document.text()));
    }
    for (member, value) in [
        ("clock_skew", "60.0"),
        ("clock_skew", "-1"),
        ("clock_skew", "\"60\""),
        ("clock_skew", "null"),
        ("publish_ahead", "86.4e3"),
        ("publish_ahead", "\"1d\""),
        ("rotate_every", "9007199254740992"),
    ] {
        let document = Document { policy: policy(member, value), ..alone() };
        vectors.push(refuse(format!("{member} is {value}"), "number", document.text()));
    }
    vectors
}

/// `YYYY-MM-DDTHH:MM:SSZ` and nothing else.
fn times() -> Vec<RingVector> {
    let mut vectors = Vec::new();
    for text in [
        "2026-10-01t00:00:00Z",
        "2026-10-01T00:00:00z",
        "2026-10-01 00:00:00Z",
        "2026-10-01T00:00:00",
        "2026-10-01T00:00:00+00:00",
        "2026-10-01T00:00:00-00:00",
        "2026-10-01T02:00:00+02:00",
        "2026-10-01T00:00:00.0Z",
        "2026-10-01T00:00:00.000Z",
        "2026-10-01T00:00Z",
        "2026-10-01",
        "20261001T000000Z",
        "2026-10-01T00:00:00Z ",
        " 2026-10-01T00:00:00Z",
        "2026-10-01T00:00:00Z[UTC]",
        "2026-10-1T00:00:00Z",
        "+002026-10-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-10-00T00:00:00Z",
        "2026-10-01T24:00:00Z",
        "2026-10-01T00:60:00Z",
        "2026-10-01T00:00:60Z",
        "2026-W40-4T00:00:00Z",
        "2026-274T00:00:00Z",
        "1790812800",
        "now",
        "",
    ] {
        let mut document = base();
        document.keys[1] = document.keys[1].clone().set("activates_at", quoted(text));
        vectors.push(refuse(format!("activates_at is {text:?}"), "time", document.text()));
    }
    for member in ["created_at", "drains_until", "revoked_at"] {
        let mut document = base();
        let other = quoted("2026-11-03T00:00:00+00:00");
        document.keys[0] = document.keys[0].clone().set(member, other);
        vectors.push(refuse(format!("{member} has an offset"), "time", document.text()));
        let mut document = base();
        document.keys[0] = document.keys[0].clone().set(member, "1793664000");
        vectors.push(refuse(format!("{member} is a number"), "time", document.text()).or("type"));
    }
    vectors
}

/// Secrets that nobody draws by chance. Each stands under the id that it gives.
fn secrets() -> Vec<RingVector> {
    let noise = fixed("weak");
    let ascii = |text: &str| {
        let mut secret = [0; 32];
        secret[..text.len()].copy_from_slice(text.as_bytes());
        secret
    };
    let mut in_front = ascii("correct horse battery");
    in_front.rotate_right(11);
    let periodic = |period: usize| core::array::from_fn(|i| noise[i % period]);
    let mut seven: [u8; 32] = core::array::from_fn(|i| noise[i] % 7);
    seven[..7].copy_from_slice(&[3, 1, 4, 0, 5, 2, 6]);
    let weak: [(&str, [u8; 32]); 24] = [
        ("of zeros", [0; 32]),
        ("of ones", [0xff; 32]),
        ("of one byte, repeated", [0xa7; 32]),
        ("of two values", core::array::from_fn(|i| if noise[i] < 128 { 0x13 } else { 0xc4 })),
        ("of seven values", seven),
        ("with a single one in zeros", core::array::from_fn(|i| u8::from(i == 17))),
        ("with a period of 2 bytes", periodic(2)),
        ("with a period of 8 bytes", periodic(8)),
        ("with a period of 11 bytes", periodic(11)),
        ("with a period of 15 bytes", periodic(15)),
        ("with a period of 16 bytes", periodic(16)),
        ("of 32 printable characters", *b"correct horse battery staple 123"),
        ("of 32 spaces and marks", *b" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}"),
        ("of 32 hex digits", *b"8f0c2a9d417be635d0f1e2c3b4a59687"),
        ("of 21 characters and zeros", ascii("correct horse battery")),
        ("of 31 characters and a zero", ascii("correct horse battery staple 12")),
        ("of zeros and 21 characters", in_front),
        ("of a short password and zeros", ascii("changeme")),
        ("that counts up from 0", core::array::from_fn(|i| i as u8)),
        ("that counts up from 1", core::array::from_fn(|i| i as u8 + 1)),
        ("that counts up from 200", core::array::from_fn(|i| i as u8 + 200)),
        ("that counts up past 255", core::array::from_fn(|i| (i as u8).wrapping_add(240))),
        ("that counts down from 31", core::array::from_fn(|i| 31 - i as u8)),
        ("that counts down from 255", core::array::from_fn(|i| 255 - i as u8)),
    ];
    let mut vectors: Vec<RingVector> = weak
        .iter()
        .map(|(name, secret)| {
            let document = base().keys(&[Key::of(secret, "2026-09-01")]);
            refuse(format!("a weak secret {name}"), "weak_secret", document.text())
        })
        .collect();
    let mut scoped = scoped("shop");
    scoped.keys[0] = scoped.keys[0].clone().set("secret", quoted(&base64url(&periodic(16))));
    vectors.push(refuse("a weak secret in a scoped ring", "weak_secret", scoped.text()));
    let mut old = base();
    old.keys[0] = Key::of(&[0; 32], "2026-09-01").drains("2026-11-03").revoked("2026-09-02");
    vectors.push(refuse("a weak secret that is revoked", "weak_secret", old.text()));
    let long = [&noise[..], &noise].concat();
    for length in [0, 16, 31, 33, 64] {
        let key = Key::new("A", "2026-09-01").set("secret", quoted(&base64url(&long[..length])));
        let name = format!("a secret of {length} bytes");
        vectors.push(refuse(name, "secret_length", base().keys(&[key]).text()));
    }
    vectors
}

fn ids() -> Vec<RingVector> {
    let mut vectors = Vec::new();
    let a = Key::new("A", "2026-09-01").drains("2026-11-03");
    let b = Key::new("B", "2026-10-01");
    let twin = a.clone().set("drains_until", "null").set("activates_at", time("2026-10-01"));
    let twice = base().keys(&[a.clone(), twin.clone()]);
    vectors.push(refuse("one key twice", "duplicate_id", twice.text()));
    let revoked = base().keys(&[a.clone().revoked("2026-09-20"), twin]);
    vectors.push(refuse("one key twice, once revoked", "duplicate_id", revoked.text()));
    let mut scoped = scoped("shop");
    let id = scoped.keys[0].0[0].1.clone();
    scoped.keys[1] = scoped.keys[1].clone().set("id", id);
    let text = scoped.text();
    vectors.push(refuse("two keys of a scoped ring with one id", "duplicate_id", text));
    let other = base().keys(&[a.clone(), b.clone().set("id", quoted("AAAAAA"))]);
    vectors.push(refuse("an id that its secret does not give", "id", other.text()));
    let swapped = base()
        .keys(&[a.clone().set("id", b.0[0].1.clone()), b.clone().set("id", a.0[0].1.clone())]);
    vectors.push(refuse("two ids exchanged", "id", swapped.text()));
    let audience = quoted(&base64url(&Keys::new(&root("A"), "shop").audience));
    let leaked = base().keys(&[a.clone().set("secret", audience), b.clone()]);
    vectors.push(refuse("an audience's key in a root ring", "id", leaked.text()));
    for (name, id) in [("three", "q83v"), ("five", "q83vEjQ"), ("no", "")] {
        let key = Key::new("A", "2026-09-01").set("id", quoted(id));
        let text = base().keys(&[key]).text();
        vectors.push(refuse(format!("an id of {name} bytes"), "id", text));
    }
    vectors
}

/// One base64url spelling for each id, secret and digest.
fn spellings() -> Vec<RingVector> {
    let mut vectors = Vec::new();
    let (id, secret) = (base64url(&crate::keys::key_id(&root("A"))), base64url(&root("A")));
    let id_bits = other_spellings(&id).remove(0);
    let secret_bits = other_spellings(&secret).remove(0);
    for (what, member, text) in [
        ("padding", "id", format!("{id}==")),
        ("unused bits", "id", id_bits),
        ("a space behind it", "id", format!("{id} ")),
        ("a length of 1 modulo 4", "id", id[..5].into()),
        ("hexadecimal", "id", crate::text::hex(&crate::keys::key_id(&root("A")))),
        ("padding", "secret", format!("{secret}=")),
        ("unused bits", "secret", secret_bits),
        ("a line feed in it", "secret", format!("{}\n{}", &secret[..20], &secret[20..])),
        ("the standard alphabet", "secret", format!("+/{}", &secret[2..])),
        ("hexadecimal", "secret", crate::text::hex(&root("A"))),
    ] {
        let key = Key::new("A", "2026-09-01").set(member, quoted(&text));
        let vector =
            refuse(format!("{member} with {what}"), "base64url", base().keys(&[key]).text());
        vectors.push(match (member, what) {
            ("id", "hexadecimal") => vector.or("id"),
            ("secret", "hexadecimal") => vector.or("secret_length"),
            _ => vector,
        });
    }
    let digest = base().digest();
    for (what, text) in [
        ("padding", format!("{digest}=")),
        ("unused bits", other_spellings(&digest).remove(0)),
        ("a space behind it", format!("{digest} ")),
    ] {
        let text = base().text_with(&quoted(&text));
        vectors.push(refuse(format!("digest with {what}"), "base64url", text).or("digest"));
    }
    vectors
}

fn lives() -> Vec<RingVector> {
    let a = Key::new("A", "2026-09-01").drains("2026-11-03");
    let b = Key::new("B", "2026-10-01");
    let c = Key::new("C", "2026-11-01");
    let equal = b.clone().set("activates_at", time("2026-09-01"));
    let before = a.clone().set("drains_until", quoted("2026-09-30T23:59:59Z"));
    [
        ("no keys", "no_key", vec![]),
        ("33 keys", "too_many_keys", many(33)),
        ("two unrevoked keys of one activates_at", "equal_activation", vec![a.clone(), equal]),
        ("the only key is revoked", "no_key", vec![a.clone().revoked("2026-09-20")]),
        (
            "all keys are revoked",
            "no_key",
            vec![
                a.clone().revoked("2026-09-20"),
                b.clone().drains("2026-12-03").revoked("2099-01-01"),
            ],
        ),
        ("the only key retires", "last_key_drains", vec![a.clone()]),
        (
            "the last key retires",
            "last_key_drains",
            vec![a.clone(), b.clone().drains("2027-01-01")],
        ),
        (
            "the last unrevoked key retires",
            "last_key_drains",
            vec![a.clone(), b.clone().drains("2026-12-03").revoked("2026-09-20")],
        ),
        ("a key retires before its successor activates", "drains_early", vec![before, b.clone()]),
        (
            "a key retires before the successor that is left activates",
            "drains_early",
            vec![a.clone().drains("2026-10-15"), b.drains("2026-12-03").revoked("2026-09-20"), c],
        ),
    ]
    .map(|(name, reason, keys)| refuse(name, reason, base().keys(&keys).text()))
    .into()
}

fn audiences() -> Vec<RingVector> {
    let longer = "a".repeat(129);
    ["", "Shop", "shop ", "my shop", "caf\u{e9}", "shop\0", &longer]
        .map(|audience| {
            let name = format!("a scoped ring for {audience:?}");
            refuse(name, "audience", scoped(audience).text())
        })
        .into()
}

fn digests() -> Vec<RingVector> {
    let text = base().text();
    let digest = base().digest();
    let edited = text.replace("\"generation\":7", "\"generation\":8");
    let renamed = text.replace("shop-prod", "shop-test");
    let other = Document { generation: "8".into(), ..base() }.digest();
    let zeros = base64url(&[0; 32]);
    let missing = text.replace(&format!(",\"digest\":\"{digest}\""), "");
    let mut vectors: Vec<RingVector> = [
        ("the generation edited under the digest", "digest", edited),
        ("the name edited under the digest", "digest", renamed),
        ("the digest of another generation", "digest", base().text_with(&quoted(&other))),
        ("a digest of zeros", "digest", base().text_with(&quoted(&zeros))),
        ("the digest in another case", "digest", base().text_with(&quoted(&other_case(&digest)))),
        ("no `digest`", "missing", missing),
    ]
    .map(|(name, reason, text)| refuse(name, reason, text))
    .into();
    for (name, value) in [
        ("a digest cut short", quoted(&digest[..40])),
        ("an empty digest", quoted("")),
        ("a null digest", "null".into()),
    ] {
        vectors.push(refuse(name, "digest", base().text_with(&value)).or(match name {
            "a null digest" => "type",
            _ => "base64url",
        }));
    }
    // The digest of the text as it is written, not of its canonical form.
    let plain = text.replace(&format!(",\"digest\":\"{digest}\""), "");
    let of_text = base64url(&<sha2::Sha256 as sha2::Digest>::digest(plain));
    let text = base().text_with(&quoted(&of_text));
    vectors.push(refuse("the digest of the text as it is written", "digest", text));
    vectors
}

fn other_case(text: &str) -> String {
    let at = text.find(|c: char| c.is_ascii_lowercase()).unwrap();
    format!("{}{}{}", &text[..at], text[at..=at].to_uppercase(), &text[at + 1..])
}

/// Not strict JSON. What these would mean has the right digest.
fn texts() -> Vec<RingVector> {
    let text = base().text();
    let twice = |from: &str, to: &str| text.replacen(from, to, 1);
    let generation = r#""generation":7"#;
    let mut vectors: Vec<RingVector> = [
        ("generation twice, the same", twice(generation, r#""generation":7,"generation":7"#)),
        ("generation twice", twice(generation, r#""generation":6,"generation":7"#)),
        ("generation twice, once in escapes", {
            twice(generation, r#""\u0067eneration":6,"generation":7"#)
        }),
        ("keys twice", twice(r#""keys":"#, r#""keys":[],"keys":"#)),
        ("digest twice", twice(r#""digest":"#, r#""digest":"","digest":"#)),
        ("clock_skew twice", twice(r#""clock_skew":"#, r#""clock_skew":300,"clock_skew":"#)),
        ("secret twice", twice(r#""secret":"#, r#""secret":"","secret":"#)),
        ("revoked_at twice, the same", {
            twice(r#""revoked_at":null"#, r#""revoked_at":null,"revoked_at":null"#)
        }),
    ]
    .map(|(name, text)| refuse(name, "duplicate_name", text))
    .into();
    let half = text.len() / 2;
    vectors.extend(
        [
            ("an empty file", String::new()),
            ("a line feed alone", "\n".into()),
            ("an empty object", "{}".into()),
            ("null", "null".into()),
            ("an array around it", format!("[{text}]")),
            ("half of it", text[..half].into()),
            ("all but the last brace", text[..text.len() - 1].into()),
            ("twice", format!("{text}{text}")),
            ("a letter behind it", format!("{text}x")),
            ("a zero byte behind it", format!("{text}\0")),
            ("a byte order mark in front", format!("\u{feff}{text}")),
            ("a comment in front", format!("// ring\n{text}")),
            ("a trailing comma", format!("{},}}", &text[..text.len() - 1])),
            ("single quotes", text.replace('"', "'")),
            ("a lone surrogate in the name", text.replace("shop-prod", r"shop\ud800")),
        ]
        .map(|(name, text)| {
            let vector = refuse(format!("the text: {name}"), "json", text);
            match name {
                "an empty object" => vector.or("missing"),
                "null" | "an array around it" => vector.or("type"),
                _ => vector,
            }
        }),
    );
    vectors
}
