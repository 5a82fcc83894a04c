//! What is wrong with a token before its claims are read: text, kind, key id, tag, length.

use crate::claims::{Claims, START, State};
use crate::keys::{Keys, nonce, root};
use crate::text::{base64url, other_spellings};
use crate::tokens::{Kind, Mint};
use crate::vector::{Case, RingKey, Vector};
use crate::xaes;

pub fn refused(kind: Kind) -> Vec<Vector> {
    let mut vectors = texts(kind);
    vectors.extend(kinds(kind));
    vectors.extend(key_ids(kind));
    vectors.extend(tags(kind));
    vectors.extend(flips(kind));
    vectors
}

/// Other texts of an authentic token: exactly one is accepted.
fn texts(kind: Kind) -> Vec<Vector> {
    let case = |name: &str| Mint::named(kind, name);
    let good = |name: &str| base64url(&case(name).bytes(&Claims::default().encode()));
    let mut vectors = Vec::new();
    let mut text = |name: &str, reason, edit: &dyn Fn(String) -> String| {
        vectors.push(case(name).case.refuse(reason, edit(good(name))));
    };
    text("padding at the end", "malformed", &|token| token + "=");
    text("padding twice at the end", "malformed", &|token| token + "==");
    text("a percent-encoded padding at the end", "malformed", &|token| token + "%3D");
    text("a space at the end", "malformed", &|token| token + " ");
    text("a line feed at the end", "malformed", &|token| token + "\n");
    text("a carriage return and a line feed at the end", "malformed", &|token| token + "\r\n");
    text("a zero byte at the end", "malformed", &|token| token + "\0");
    text("a space in front", "not_a_token", &|token| format!(" {token}"));
    text("a line feed in front", "not_a_token", &|token| format!("\n{token}"));
    text("a byte order mark in front", "not_a_token", &|token| format!("\u{feff}{token}"));
    text("a quoted token", "not_a_token", &|token| format!("\"{token}\""));
    text("`Bearer ` in front", "not_a_token", &|token| format!("Bearer {token}"));
    text("two tokens with a comma", "malformed", &|token| format!("{token},{token}"));
    text("the token twice", "bad_tag", &|token| doubled(&token));
    for (name, character) in [
        ("a space", ' '),
        ("a tab", '\t'),
        ("a line feed", '\n'),
        ("a plus sign", '+'),
        ("a slash", '/'),
        ("an equals sign", '='),
        ("a full stop", '.'),
        ("a letter beyond ASCII", 'é'),
    ] {
        for offset in [4, 30] {
            let name = format!("{name} inserted after {offset} characters");
            text(&name, "malformed", &|token| {
                let (left, right) = token.split_at(offset);
                format!("{left}{character}{right}")
            });
        }
        let name = format!("{name} as the last character");
        text(&name, "malformed", &|token| format!("{}{character}", &token[..token.len() - 1]));
    }
    vectors.push(plus_and_slash(kind));
    vectors.extend(unused_bits(kind));
    vectors.extend(bare_words(kind));
    // These verifiers take no jwt, and two dots are all that the two have in common.
    let paseto = format!("v4.local.{}", "A".repeat(80));
    let case = case("a PASETO, which has two dots").case;
    vectors.push(case.refuse("jwt_not_accepted", paseto).or("not_a_token"));
    vectors
}

/// A multiple of three bytes has no loose end, so two tokens can stand behind each other.
fn doubled(token: &str) -> String {
    let whole = &token[..token.len() / 4 * 4];
    format!("{whole}{token}")
}

fn plus_and_slash(kind: Kind) -> Vector {
    let mint = Mint::named(kind, "the standard alphabet in place of the URL's");
    // In a signed token, an id of ones is all `_`.
    let id = if kind == Kind::Signed { [0xff; 12] } else { Claims::default().id };
    let token = base64url(&mint.bytes(&Claims { id, ..Claims::default() }.encode()));
    assert!(token.contains(['-', '_']));
    mint.case.refuse("malformed", token.replace('-', "+").replace('_', "/"))
}

fn unused_bits(kind: Kind) -> Vec<Vector> {
    let mut vectors = Vec::new();
    // Three lengths in a row: two of them leave bits over, two and four.
    for letters in [4, 5, 6] {
        let state = State::text(&"abcdef"[..letters]);
        let claims = Claims { state, ..Claims::default() }.encode();
        for spelling in 0..15 {
            let name =
                format!("unused last bits set, {letters} letters, spelling {}", spelling + 2);
            let mint = Mint::named(kind, name);
            let others = other_spellings(&base64url(&mint.bytes(&claims)));
            if let Some(other) = others.get(spelling) {
                vectors.push(mint.case.refuse("malformed", other.clone()));
            }
        }
    }
    assert_eq!(vectors.len(), 3 + 15);
    let name = "a length of 1 modulo 4";
    let mint = Mint::named(kind, name);
    let mut token = base64url(&mint.bytes(&Claims::default().encode()));
    while token.len() % 4 != 1 {
        token.push('A');
    }
    vectors.push(mint.case.refuse("malformed", token));
    vectors
}

fn bare_words(kind: Kind) -> Vec<Vector> {
    let start = if kind == Kind::Signed { "sb1s" } else { "sb1e" };
    let long = |head: &str| format!("{head}{}", "A".repeat(120));
    [
        ("the empty string", "not_a_token", String::new()),
        ("the first three characters alone", "not_a_token", start[..3].into()),
        ("the first four characters alone", "malformed", start.into()),
        ("a line feed alone", "not_a_token", "\n".into()),
        ("capitals in the kind", "not_a_token", long(&start.to_uppercase())),
        ("a later version", "not_a_token", long(&start.replace('1', "2"))),
        ("an earlier version", "not_a_token", long(&start.replace('1', "0"))),
        ("an unknown kind", "not_a_token", long("sb1a")),
        ("text with one dot", "not_a_token", format!("{}.AAAA", "A".repeat(80))),
        ("a Fernet token", "not_a_token", long("gAAAAAB")),
        ("letters beyond ASCII that look alike", "not_a_token", long("ѕb1ѕ")),
        ("one character less than the shortest", "malformed", {
            let shortest = kind.shortest();
            format!("{start}{}", "A".repeat(shortest - 5))
        }),
    ]
    .map(|(name, reason, token)| Mint::named(kind, name).case.refuse(reason, token))
    .into()
}

fn kinds(kind: Kind) -> Vec<Vector> {
    let other = kind.other().bytes();
    let relabel = move |bytes: &mut Vec<u8>| bytes[..3].copy_from_slice(&other);
    let relabelled = Mint::named(kind, "relabelled as the other kind").spoil("bad_tag", relabel);
    // Under the other kind's key, but in this kind's form.
    let mint = Mint::named(kind, "made with the other kind's key");
    let good = mint.keys();
    let swapped = Keys { signed: good.sealed, sealed: good.signed, ..good.clone() };
    let claims = Claims::default().encode();
    let nonce = mint.case.nonce.unwrap_or_default();
    let token = base64url(&kind.make(&swapped, &[], &nonce, &claims));
    let crossed = mint.case.refuse("bad_tag", token);
    // Relabelled by somebody who has the right key, so that only the label is wrong.
    let mint = Mint::named(kind, "the other kind's form and key under this kind's header");
    let token = base64url(&foreign_body(kind, &good, &claims));
    let mut vectors = vec![relabelled, crossed, mint.case.refuse("bad_tag", token)];
    for (name, derived) in [
        ("made with the audience's key itself", good.audience),
        ("made with the root itself", root("A")),
        ("made with the jwt key", good.hs256),
        ("made with 32 zero bytes", [0; 32]),
    ] {
        let mint = Mint::named(kind, name);
        let keys = Keys { signed: derived, sealed: derived, ..good.clone() };
        let nonce = mint.case.nonce.unwrap_or_default();
        let token = base64url(&kind.make(&keys, &[], &nonce, &claims));
        vectors.push(mint.case.refuse("bad_tag", token));
    }
    if kind == Kind::Signed {
        let name = "a signed token relabelled, too short for a sealed one";
        let mint = Mint::named(kind, name);
        let mut bytes = mint.bytes(&Claims::smallest().encode());
        bytes[..3].copy_from_slice(&other);
        vectors.push(mint.case.at(0, 0).refuse("malformed", base64url(&bytes)));
    }
    vectors
}

/// This kind's header before the other kind's body, which covers this header.
fn foreign_body(kind: Kind, keys: &Keys, claims: &[u8]) -> Vec<u8> {
    let header = kind.header(keys);
    match kind {
        Kind::Sealed => {
            let tag = crate::keys::hmac(&keys.signed, &[&header, &[0; 4], claims]);
            [&header, claims, &tag[..16]].concat()
        }
        Kind::Signed => {
            let nonce = nonce("foreign body");
            [&header, &nonce[..], &xaes::seal(&keys.sealed, &nonce, claims, &header)].concat()
        }
    }
}

fn key_ids(kind: Kind) -> Vec<Vector> {
    let two = [RingKey::new("A", START - 86_400), RingKey::new("B", START - 3_600)];
    let b = Keys::new(&root("B"), "shop").id;
    let both = |name: &str| Mint::new(kind, Case::new(name).roots(&two));
    let claims = Claims::default();
    vec![
        both("the older of two keys").accept(&claims),
        both("the newer of two keys").signed_by("B").accept(&claims),
        both("the key id of the other key").spoil("bad_tag", |bytes| {
            bytes[3..7].copy_from_slice(&b);
        }),
        Mint::named(kind, "a key that the ring does not have")
            .signed_by("B")
            .refuse("unknown_key", &claims.encode()),
        both("a third key").signed_by("C").refuse("unknown_key", &claims.encode()),
        Mint::named(kind, "a key id of zeros").spoil("unknown_key", |bytes| bytes[3..7].fill(0)),
        Mint::named(kind, "a key id backwards").spoil("unknown_key", |b| b[3..7].reverse()),
        Mint::named(kind, "no key id").spoil("unknown_key", |bytes| {
            bytes.drain(3..7);
        }),
    ]
}

fn tags(kind: Kind) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for length in 0..16 {
        let name = format!("a tag of {length} bytes");
        vectors.push(Mint::named(kind, name).spoil("bad_tag", move |bytes| {
            bytes.truncate(bytes.len() - 16 + length);
        }));
    }
    let mut spoil = |name: &str, edit: &dyn Fn(&mut Vec<u8>)| {
        vectors.push(Mint::named(kind, name).spoil("bad_tag", edit));
    };
    let tag = |bytes: &Vec<u8>| bytes.len() - 16;
    spoil("a tag of zeros", &|bytes| {
        let start = tag(bytes);
        bytes[start..].fill(0);
    });
    spoil("a tag of ones", &|bytes| {
        let start = tag(bytes);
        bytes[start..].fill(0xff);
    });
    spoil("a tag backwards", &|bytes| {
        let start = tag(bytes);
        bytes[start..].reverse();
    });
    spoil("the tag twice", &|bytes| bytes.extend_from_within(tag(bytes)..));
    spoil("the tag in front of the claims", &|bytes| bytes[kind.front()..].rotate_right(16));
    for length in [1, 2, 3, 16, 64] {
        spoil(&format!("{length} zero bytes after the tag"), &|bytes| {
            bytes.extend(vec![0; length]);
        });
    }
    spoil("a zero byte between claims and tag", &|bytes| {
        let start = tag(bytes);
        bytes.insert(start, 0);
    });
    spoil("a zero byte in front of the claims", &|bytes| bytes.insert(kind.front(), 0));
    spoil("the claims' last byte removed", &|bytes| {
        let last = tag(bytes) - 1;
        bytes.remove(last);
    });
    let other = Claims { subject: Some("admin".into()), ..Claims::default() }.encode();
    let mint = Mint::named(kind, "the tag of other claims");
    let mut bytes = mint.bytes(&other);
    let tag = bytes.split_off(bytes.len() - 16);
    bytes = mint.bytes(&Claims::default().encode());
    bytes.truncate(bytes.len() - 16);
    vectors.push(mint.case.refuse("bad_tag", base64url(&[bytes, tag].concat())));
    vectors
}

/// One bit changed, at the first and the last place of every field.
fn flips(kind: Kind) -> Vec<Vector> {
    let length = Mint::named(kind, "").bytes(&Claims::default().encode()).len();
    let mut places = vec![
        ("the key id's first bit", "unknown_key", 3, 0x80),
        ("the key id's last bit", "unknown_key", 6, 1),
        ("the claims' first bit", "bad_tag", kind.front(), 0x80),
        ("the session id's first bit", "bad_tag", kind.front() + 2, 0x80),
        ("the claims' last bit", "bad_tag", length - 17, 1),
        ("the tag's first bit", "bad_tag", length - 16, 0x80),
        ("the tag's eighth byte", "bad_tag", length - 9, 0x10),
        ("the tag's last bit", "bad_tag", length - 1, 1),
        ("the kind's first bit", "not_a_token", 0, 0x80),
        ("the kind's last bit", "not_a_token", 2, 1),
    ];
    if kind == Kind::Sealed {
        places.extend([
            ("the nonce's first bit", "bad_tag", 7, 0x80),
            ("the last bit of the nonce's prefix", "bad_tag", 18, 1),
            ("the first bit after the nonce's prefix", "bad_tag", 19, 0x80),
            ("the nonce's last bit", "bad_tag", 30, 1),
        ]);
    }
    let flip = |(name, reason, place, bit): (&str, _, usize, u8)| {
        let name = format!("{name} flipped");
        Mint::named(kind, name).spoil(reason, |bytes| bytes[place] ^= bit)
    };
    places.into_iter().map(flip).collect()
}
