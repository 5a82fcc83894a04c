//! Payloads that section 8 does not allow, under a right signature. HS256 for all, EdDSA for a few.

use crate::claims::{Claims, START};
use crate::jwt::{Alg, Jwt, Members, pinned};
use crate::text::{base64url, quoted};
use crate::vector::Vector;

pub fn vectors() -> Vec<Vector> {
    let mut list = members();
    list.extend(times());
    list.extend(audiences());
    list.extend(subjects_and_ids());
    list.extend(states());
    list.extend(whole());
    let refuse = |alg: Alg, (name, payload): &(String, Vec<u8>)| {
        let usual = Jwt::usual(alg);
        let token = usual.token_of(usual.header.json().as_bytes(), payload);
        pinned(alg, format!("authentic, but {name}")).refuse("bad_claims", token)
    };
    let mut vectors: Vec<Vector> = list.iter().map(|item| refuse(Alg::Hs256, item)).collect();
    vectors.extend(list.iter().step_by(16).map(|item| refuse(Alg::EdDsa, item)));
    vectors
}

type Spoilt = Vec<(String, Vec<u8>)>;

fn usual() -> Members {
    Jwt::usual(Alg::Hs256).payload
}

fn spoil(name: impl Into<String>, members: &Members) -> (String, Vec<u8>) {
    (name.into(), members.json().into_bytes())
}

const REQUIRED: [&str; 8] = ["aud", "iat", "exp", "auth_time", "ends", "rev", "jti", "state"];

fn members() -> Spoilt {
    let mut list = Spoilt::new();
    for name in REQUIRED {
        list.push(spoil(format!("`{name}` is missing"), &usual().without(name)));
        let capital = usual().without(name).add(&name.to_uppercase(), "1");
        list.push(spoil(format!("`{name}` is in capitals"), &capital));
    }
    for (name, value) in [
        ("nbf", "1790000000"),
        ("iss", "\"https://example.com\""),
        ("scope", "\"admin\""),
        ("x", "null"),
        ("", "1"),
        ("__proto__", "{}"),
    ] {
        list.push(spoil(format!("`{name}` is one member too many"), &usual().add(name, value)));
    }
    for (name, value) in usual().0 {
        let twice = usual().add(&name, &value);
        list.push(spoil(format!("`{name}` stands there twice, the same"), &twice));
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        let twin = usual().add(&escaped, &value);
        list.push(spoil(format!("`{name}` stands there twice, once in escapes"), &twin));
    }
    let admin = usual().add("sub", "\"admin\"");
    list.push(spoil("there are two subjects", &admin));
    let admin = usual().add(r"\u0073ub", "\"admin\"");
    list.push(spoil("there are two subjects, one in escapes", &admin));
    list
}

fn times() -> Spoilt {
    let mut list = Spoilt::new();
    let claims = Claims::default();
    let numbers = [
        ("iat", claims.issued_at()),
        ("exp", claims.expires_at()),
        ("auth_time", claims.started),
        ("ends", claims.ends_at()),
        ("rev", 0),
    ];
    for (name, value) in numbers {
        for text in [
            format!("{value}.0"),
            format!("{value}.5"),
            format!("{value}e0"),
            format!("0{value}"),
            format!("+{value}"),
            format!("\"{value}\""),
            "-1".into(),
            "-0".into(),
            "1e400".into(),
            "18446744073709551615".into(),
            "18446744073709551616".into(),
            "null".into(),
        ] {
            list.push(spoil(format!("`{name}` is {text}"), &usual().set(name, &text)));
        }
    }
    let far = (1_u64 << 40).to_string();
    for (name, sets) in [
        ("exp equals iat", vec![("exp", START)]),
        ("exp is before iat", vec![("exp", START - 1)]),
        ("exp passes ends by a second", vec![("exp", START + 86_401)]),
        ("iat is before auth_time", vec![("iat", START - 1)]),
        ("auth_time is after ends", vec![("auth_time", START + 86_401)]),
        ("iat is after ends", vec![("iat", START + 86_401), ("exp", START + 86_402)]),
        ("ends is 0", vec![("ends", 0)]),
        ("rev is 2^32", vec![("rev", 1 << 32)]),
        ("all times are in milliseconds", {
            numbers[..4].iter().map(|(name, value)| (*name, value * 1000)).collect()
        }),
    ] {
        let set =
            |members: Members, (name, value): &(&str, u64)| members.set(name, &value.to_string());
        list.push(spoil(name, &sets.iter().fold(usual(), set)));
    }
    list.push(spoil("ends is 2^40", &usual().set("ends", &far)));
    list
}

fn audiences() -> Spoilt {
    [
        "[\"shop\"]",
        "[\"shop\",\"shop/admin\"]",
        "[]",
        "\"shop/admin\"",
        "\"sho\"",
        "\"shopper\"",
        "\"Shop\"",
        "\"shop \"",
        "\" shop\"",
        "\"shop\\u0000\"",
        "\"\"",
        "null",
        "1",
        "true",
        "{\"shop\":1}",
    ]
    .map(|value| spoil(format!("aud is {value}"), &usual().set("aud", value)))
    .into()
}

fn subjects_and_ids() -> Spoilt {
    let mut list = Spoilt::new();
    let long = [quoted(&"s".repeat(256)), quoted(&"\u{e9}".repeat(128))];
    list.push(spoil("the subject has 256 bytes", &usual().set("sub", &long[0])));
    list.push(spoil("the subject has 256 bytes in 128 characters", &usual().set("sub", &long[1])));
    for value in
        ["null", "\"\"", "17", "true", "[\"user-17\"]", "{}", r#""\ud800""#, r#""a\udc00b""#]
    {
        list.push(spoil(format!("sub is {value}"), &usual().set("sub", value)));
    }
    let id = Claims::default().id;
    let long = [&id[..], &id].concat();
    for length in [0, 1, 11, 13, 16] {
        let value = quoted(&base64url(&long[..length]));
        list.push(spoil(format!("jti has {length} bytes"), &usual().set("jti", &value)));
    }
    let good = base64url(&id);
    let plus = format!("{}+/", &good[..14]);
    for text in
        [format!("{good}="), format!("{good}=="), format!("{good} "), plus, good[..15].into()]
    {
        let jti = usual().set("jti", &quoted(&text));
        list.push(spoil(format!("jti is {text:?}"), &jti));
    }
    let eleven = crate::text::other_spellings(&base64url(&id[..11])).remove(0);
    let jti = usual().set("jti", &quoted(&eleven));
    list.push(spoil("jti has 11 bytes and unused bits", &jti));
    for value in ["null", "1", "[]"] {
        list.push(spoil(format!("jti is {value}"), &usual().set("jti", value)));
    }
    list
}

fn states() -> Spoilt {
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    let mut list: Spoilt = [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"b":{"a":1,"a":1}}]"#,
        r#""\ud800""#,
        r#"["\udc00\ud800"]"#,
        r#"{"\ud83d":1}"#,
        "1e400",
        "-1e400",
        "[1,]",
        "{a:1}",
        "'a'",
        "NaN",
        "undefined",
        "01",
        "\"a\tb\"",
        "",
    ]
    .map(|value| spoil(format!("state is {value:?}"), &usual().set("state", value)))
    .into();
    list.push(spoil("state has depth 33", &usual().set("state", &deep)));
    let very_deep = "[".repeat(1000);
    list.push(spoil("state opens 1,000 arrays", &usual().set("state", &very_deep)));
    list
}

fn whole() -> Spoilt {
    let good = usual().json();
    let bare = usual().without("sub").json().replacen(r#","state":"#, r#"},"state":"#, 1);
    let state_behind = |white| format!("{}{white}", bare.strip_suffix('}').unwrap());
    let mut list: Spoilt = [
        ("the payload is null", "null".to_owned()),
        ("the payload is an empty object", "{}".into()),
        ("the payload is an array", format!("[{good}]")),
        ("the payload is a string", quoted(&good)),
        ("the payload has a byte order mark", format!("\u{feff}{good}")),
        ("the payload has text behind it", format!("{good}x")),
        ("the payload has a second object behind it", format!("{good}{good}")),
        ("the payload has a zero byte behind it", format!("{good}\0")),
        ("the payload has a trailing comma", format!("{},}}", &good[..good.len() - 1])),
        ("the payload has a comment", good.replacen('{', "{/**/", 1)),
        ("the payload is cut short", good[..good.len() - 1].into()),
        ("the payload has a no-break space", good.replacen('{', "{\u{a0}", 1)),
        ("the payload has its state behind it, and a line's end", state_behind("\n")),
        ("the payload has its state behind it, and a space", state_behind(" ")),
    ]
    .map(|(name, text)| (name.to_owned(), text.into_bytes()))
    .into();
    let latin = good.bytes().map(|byte| if byte == b'u' { 0xfc } else { byte }).collect();
    list.push(("the payload is not UTF-8".into(), latin));
    let utf16 = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    list.push(("the payload is UTF-16".into(), utf16));
    list
}
