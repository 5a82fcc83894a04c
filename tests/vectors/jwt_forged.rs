//! Attacks on the header, the signature and the text of a jwt.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use crate::jwt::{Alg, Jwt, Members, pinned};
use crate::keys::{hmac, root};
use crate::text::{base64url, hex, other_spellings, quoted};
use crate::vector::Vector;

pub fn vectors(alg: Alg) -> Vec<Vector> {
    let mut vectors = algorithms(alg);
    vectors.extend(public_key_as_secret(alg));
    vectors.extend(signatures(alg));
    // Nothing of these depends on the algorithm: a few of them are enough for the second.
    let every = if alg == Alg::Hs256 { 1 } else { 6 };
    let plain = [headers(alg), kids(alg), texts(alg)];
    vectors.extend(plain.into_iter().flatten().step_by(every));
    vectors
}

/// Signed as the verifier's algorithm would, but called something else.
fn algorithms(alg: Alg) -> Vec<Vector> {
    let other = if alg == Alg::Hs256 { Alg::EdDsa } else { Alg::Hs256 };
    let mut vectors = Vec::new();
    let names = ["none", "None", "NONE", "nOnE", "HS512", "HS384", "RS256", "ES256", "PS256"];
    let cases = ["hs256", "eddsa", "EDDSA", "HS256 ", "Ed25519", "", "A256GCM", "HMAC-SHA256"];
    for name in names.into_iter().chain(cases).chain([other.name()]) {
        let token = Jwt::usual(alg).header(|header| header.set("alg", &quoted(name))).token();
        let case = pinned(alg, format!("alg `{name}` over a right signature"));
        vectors.push(case.refuse("malformed", token));
    }
    for name in ["none", "None", "nOnE"] {
        let token = Jwt::usual(alg).header(|header| header.set("alg", &quoted(name))).token();
        let unsigned = &token[..=token.rfind('.').unwrap()];
        let case = pinned(alg, format!("alg `{name}` without a signature"));
        vectors.push(case.refuse("malformed", unsigned.into()));
    }
    for (what, value) in [
        ("null", "null".to_owned()),
        ("a number", "256".into()),
        ("an array", format!("[{}]", quoted(alg.name()))),
        ("an object", "{}".into()),
    ] {
        let token = Jwt::usual(alg).header(|header| header.set("alg", &value)).token();
        vectors.push(pinned(alg, format!("alg is {what}")).refuse("malformed", token));
    }
    let foreign = pinned(alg, format!("a good {} token", other.name()));
    vectors.push(foreign.refuse("malformed", Jwt::usual(other).token()));
    let renamed = Jwt::usual(other).header(|header| header.set("alg", &quoted(alg.name())));
    let case = pinned(alg, format!("a {} signature under the own name", other.name()));
    vectors.push(case.refuse("malformed", renamed.token()).or("bad_tag"));
    let usual = Jwt::usual(alg).header(|header| header.set("alg", "\"HS512\""));
    let input = input_of(&usual);
    let mut mac = Hmac::<Sha512>::new_from_slice(&usual.keys.hs256).unwrap();
    mac.update(input.as_bytes());
    let token = format!("{input}.{}", base64url(&mac.finalize().into_bytes()));
    vectors.push(pinned(alg, "HS512 with the HS256 key").refuse("malformed", token));
    vectors
}

fn input_of(jwt: &Jwt) -> String {
    let (header, payload) = (jwt.header.json(), jwt.payload.json());
    format!("{}.{}", base64url(header.as_bytes()), base64url(payload.as_bytes()))
}

/// Everybody has the public key: it must not serve as an HMAC secret in any spelling.
fn public_key_as_secret(alg: Alg) -> Vec<Vector> {
    let mut vectors = Vec::new();
    let keys = Jwt::usual(alg).keys;
    let public = keys.ed25519.verifying_key().to_bytes();
    let x = base64url(&public);
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
    for (spelling, secret) in [
        ("raw", public.to_vec()),
        ("in base64url", x.clone().into_bytes()),
        ("in hex", hex(&public).into_bytes()),
        ("as JWK", jwk.into_bytes()),
    ] {
        for name in ["HS256", "EdDSA"] {
            let jwt = Jwt::usual(alg).header(|header| header.set("alg", &quoted(name)));
            let input = input_of(&jwt);
            let tag = hmac(&secret, &[input.as_bytes()]);
            let token = format!("{input}.{}", base64url(&tag));
            let text = format!("the public key {spelling} as HMAC secret, alg `{name}`");
            let case = pinned(alg, text);
            vectors.push(match (alg, name) {
                (Alg::Hs256, "HS256") => case.refuse("bad_tag", token),
                (Alg::EdDsa, "EdDSA") => case.refuse("malformed", token).or("bad_tag"),
                _ => case.refuse("malformed", token),
            });
        }
    }
    vectors
}

/// The header has exactly `alg`, `kid` and `typ`.
fn headers(alg: Alg) -> Vec<Vector> {
    let mut vectors = Vec::new();
    let name = quoted(alg.name());
    let mut header = |what: &str, edit: &dyn Fn(Members) -> Members| {
        let token = Jwt::usual(alg).header(edit).token();
        vectors.push(pinned(alg, format!("the header {what}")).refuse("malformed", token));
    };
    for (member, value) in [
        ("crit", r#"["exp"]"#),
        ("crit", "[]"),
        ("jwk", r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#),
        ("jku", r#""https://example.com/jwks.json""#),
        ("x5u", r#""https://example.com/x5u""#),
        ("x5c", "[]"),
        ("cty", r#""JWT""#),
        ("b64", "true"),
        ("b64", "false"),
        ("zip", r#""DEF""#),
        ("enc", r#""A256GCM""#),
        ("x", "null"),
    ] {
        header(&format!("has `{member}`: {value}"), &|members| members.add(member, value));
    }
    for member in ["alg", "kid", "typ"] {
        header(&format!("has no `{member}`"), &|members| members.without(member));
    }
    for value in [r#""jwt""#, r#""at+jwt""#, r#""JOSE""#, r#""JWT ""#, r#""""#, "null", "1"] {
        header(&format!("has the typ {value}"), &|members| members.set("typ", value));
    }
    header("has alg twice", &|members| members.add("alg", &name));
    header("has alg twice, once in escapes", &|members| members.add(r"\u0061lg", &name));
    header("has `none` and then the right alg", &|mut members| {
        members.0.insert(0, ("alg".into(), "\"none\"".into()));
        members
    });
    header("has typ twice", &|members| members.add("typ", "\"JWT\""));
    header("has its names in capitals", &|mut members| {
        members.0[0].0 = "ALG".into();
        members
    });
    let usual = Jwt::usual(alg);
    let good = usual.header.json();
    for (what, text) in [
        ("is empty", String::new()),
        ("is an empty object", "{}".into()),
        ("is an array", format!("[{good}]")),
        ("is a string", quoted(&good)),
        ("is null", "null".into()),
        ("has text behind it", format!("{good}x")),
        ("has a second object behind it", format!("{good}{{}}")),
        ("has a trailing comma", good.replace('}', ",}")),
        ("has a comment", good.replace('{', "{/**/")),
        ("has a byte order mark", format!("\u{feff}{good}")),
        ("is cut short", good.replace('}', "")),
    ] {
        let token = usual.token_of(text.as_bytes(), usual.payload.json().as_bytes());
        vectors.push(pinned(alg, format!("the header {what}")).refuse("malformed", token));
    }
    let latin: Vec<u8> = good.bytes().map(|byte| if byte == b'J' { 0xca } else { byte }).collect();
    let token = usual.token_of(&latin, usual.payload.json().as_bytes());
    vectors.push(pinned(alg, "the header is not UTF-8").refuse("malformed", token));
    vectors
}

/// A kid is a key of a table and nothing else.
fn kids(alg: Alg) -> Vec<Vector> {
    let usual = Jwt::usual(alg);
    let kid = usual.keys.kid.clone();
    let refuse = |what: &str, value: &str, reason| {
        let token = Jwt::usual(alg).header(|header| header.set("kid", value)).token();
        pinned(alg, format!("the kid {what}")).refuse(reason, token)
    };
    let twice = format!("\"AAAAAAAAAAA\",\"kid\":\"{kid}\"");
    let mut vectors = vec![
        refuse("is of zeros", "\"AAAAAAAAAAA\"", "unknown_key"),
        refuse("is null", "null", "malformed"),
        refuse("is a number", "1", "malformed"),
        refuse("is an array", &format!("[\"{kid}\"]"), "malformed"),
        refuse("is an object", "{}", "malformed"),
        refuse("is another one, then the right one", &twice, "malformed"),
    ];
    let key_id = base64url(&crate::keys::key_id(&root("A")));
    let other = other_spellings(&kid).remove(0);
    for (what, text) in [
        ("is empty", String::new()),
        ("is padded", format!("{kid}=")),
        ("is spelled with other unused bits", other),
        ("is cut short", kid[..10].into()),
        ("has a character more", format!("{kid}A")),
        ("has a space behind it", format!("{kid} ")),
        ("has a zero byte behind it", format!("{kid}\0")),
        ("is in another case", kid.chars().map(swap_case).collect()),
        ("is the key id of signed tokens", key_id),
        ("is a path", "../../../../dev/null".into()),
        ("is an SQL injection", "x' UNION SELECT 'key".into()),
        ("is a URL", "https://example.com/key".into()),
        ("is a command", "$(id)|id".into()),
    ] {
        vectors.push(refuse(what, &quoted(&text), "malformed").or("unknown_key"));
    }
    vectors
}

fn swap_case(c: char) -> char {
    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

fn signatures(alg: Alg) -> Vec<Vector> {
    let usual = Jwt::usual(alg);
    let input = input_of(&usual);
    let good = alg.sign(&usual.keys, &input);
    let length = good.len();
    let mut vectors = Vec::new();
    let mut refuse = |what: &str, reason, signature: &[u8]| {
        let token = format!("{input}.{}", base64url(signature));
        let vector = pinned(alg, format!("the signature {what}")).refuse(reason, token);
        // A wrong length may be found before or with the comparison.
        vectors.push(if reason == "malformed" { vector.or("bad_tag") } else { vector });
    };
    for cut in [1, 16, 31, 32, 63].into_iter().filter(|cut| *cut < length) {
        refuse(&format!("is cut to {cut} bytes"), "malformed", &good[..cut]);
    }
    for more in [1, 2, 3, 32] {
        let long = [&good[..], &vec![0; more]].concat();
        refuse(&format!("has {more} zero bytes more"), "malformed", &long);
    }
    refuse("stands there twice", "malformed", &[&good[..], &good].concat());
    refuse("is all zeros", "bad_tag", &vec![0; length]);
    refuse("is all ones", "bad_tag", &vec![0xff; length]);
    refuse("is backwards", "bad_tag", &good.iter().rev().copied().collect::<Vec<u8>>());
    for (what, place) in [("first", 0), ("middle", length / 2), ("last", length - 1)] {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        refuse(&format!("has a flipped bit in its {what} byte"), "bad_tag", &flipped);
    }
    if alg == Alg::EdDsa {
        refuse("has the group's order added to S", "bad_tag", &with_order_added(&good));
        let neutral = [&[1], &[0; 63][..]].concat();
        refuse("is the neutral point and zero", "bad_tag", &neutral);
    }
    let other = Jwt::usual(alg).payload(|payload| payload.set("sub", "\"admin\""));
    let signature = base64url(&good);
    let token = format!("{}.{signature}", input_of(&other));
    vectors.push(pinned(alg, "the payload changed under its signature").refuse("bad_tag", token));
    for (index, other) in other_spellings(&signature).into_iter().take(5).enumerate() {
        let name = format!("unused last bits of the signature set, spelling {}", index + 2);
        vectors.push(pinned(alg, name).refuse("malformed", format!("{input}.{other}")));
    }
    vectors
}

/// S + L: the same point of the curve, and a signature that RFC 8032 refuses.
fn with_order_added(signature: &[u8]) -> Vec<u8> {
    let mut order = [0; 32];
    order[..16].copy_from_slice(&0x14def9dea2f79cd65812631a5cf5d3ed_u128.to_le_bytes());
    order[31] = 0x10;
    let mut sum = signature.to_vec();
    let mut carry = 0;
    for (byte, part) in sum[32..].iter_mut().zip(order) {
        let total = u16::from(*byte) + u16::from(part) + carry;
        (*byte, carry) = (total as u8, total >> 8);
    }
    assert_eq!(carry, 0);
    sum
}

fn texts(alg: Alg) -> Vec<Vector> {
    let token = Jwt::usual(alg).token();
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { unreachable!() };
    let mut vectors = Vec::new();
    let mut refuse = |what: &str, reason, text: String| {
        vectors.push(pinned(alg, what).refuse(reason, text));
    };
    for mark in ["=", " ", "\n", "%3D", "+", "/"] {
        for (part, text) in [
            ("header", format!("{header}{mark}.{payload}.{signature}")),
            ("payload", format!("{header}.{payload}{mark}.{signature}")),
            ("signature", format!("{token}{mark}")),
        ] {
            refuse(&format!("{mark:?} behind the {part}"), "malformed", text);
        }
    }
    refuse("a space in front", "malformed", format!(" {token}"));
    refuse("one dot", "not_a_token", format!("{header}.{payload}"));
    refuse("three dots", "not_a_token", format!("{token}."));
    refuse("three dots, one in front", "not_a_token", format!(".{token}"));
    refuse("four dots, as in a JWE", "not_a_token", format!("{token}.{payload}.{signature}"));
    refuse("two dots and nothing else", "malformed", "..".into());
    refuse("an empty header", "malformed", format!(".{payload}.{signature}"));
    let mut swapped = Jwt::usual(alg);
    std::mem::swap(&mut swapped.header, &mut swapped.payload);
    refuse("header and payload exchanged", "malformed", swapped.token());
    refuse("a comma for the second dot", "not_a_token", format!("{header}.{payload},{signature}"));
    refuse("JSON serialization", "not_a_token", {
        format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#)
    });
    for (kind, start) in [("signed", "sb1s"), ("sealed", "sb1e")] {
        let text = format!("{start}{}.AAAA.AAAA", "A".repeat(100));
        refuse(&format!("the start of a {kind} token and two dots"), "malformed", text);
    }
    // Signed over the text as it stands, so that only a strict decoder refuses it.
    let usual = Jwt::usual(alg);
    for (part, texts) in [
        ("header", (format!("{header}="), payload.to_owned())),
        ("payload", (header.to_owned(), format!("{payload}="))),
    ] {
        let text = usual.token_of_texts(&texts.0, &texts.1);
        refuse(&format!("a signed padding behind the {part}"), "malformed", text);
    }
    for letters in 1..=3 {
        let sub = quoted(&"x".repeat(letters));
        let payload = Jwt::usual(alg).payload(|payload| payload.set("sub", &sub)).payload.json();
        if let Some(other) = other_spellings(&base64url(payload.as_bytes())).first() {
            let name =
                format!("signed, with unused bits set behind the payload, {letters} letters");
            refuse(&name, "malformed", usual.token_of_texts(header, other));
        }
    }
    let empty = usual.token_of(usual.header.json().as_bytes(), b"");
    refuse("a signed empty payload", "bad_claims", empty);
    for (name, reason, other, text) in [
        ("an empty payload", "bad_tag", "malformed", format!("{header}..{signature}")),
        ("an empty signature", "malformed", "bad_tag", format!("{header}.{payload}.")),
        ("the header alone", "malformed", "bad_tag", format!("{header}..")),
    ] {
        vectors.push(pinned(alg, name).refuse(reason, text).or(other));
    }
    vectors
}
