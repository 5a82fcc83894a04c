//! Claims that the table of section 6 does not allow, under a tag that is right.

use crate::cbor::{bytes, head, longer_heads, uint};
use crate::claims::{Claims, Items, START};
use crate::text::{hex, unhex};
use crate::tokens::{Kind, Mint};
use crate::vector::Vector;

/// The array, id, subject, state and the sums; a third of them for sealed tokens, whose claims are the same.
pub fn whole(kind: Kind) -> Vec<Vector> {
    let list = [array(), ids(), subjects(), sums()].into_iter().flatten();
    match kind {
        Kind::Signed => refuse(kind, list.collect()),
        Kind::Sealed => refuse(kind, list.step_by(3).collect()),
    }
}

/// Every wrong item in every slot that takes an integer.
pub fn slots(kind: Kind) -> Vec<Vector> {
    type Slot = (&'static str, fn(&mut Items) -> &mut Vec<u8>, u64);
    let slots: [Slot; 5] = [
        ("started", |items| &mut items.started, START),
        ("issued", |items| &mut items.issued, 600),
        ("expires", |items| &mut items.expires, 900),
        ("ends", |items| &mut items.ends, 86_400),
        ("revision", |items| &mut items.revision, 2),
    ];
    let mut list = Vec::new();
    for (name, slot, value) in slots {
        let mut put = |what: &str, item: Vec<u8>| {
            let mut items = Claims::renewed().items();
            *slot(&mut items) = item;
            list.push((format!("{name} is {what}"), items));
        };
        for (width, longer) in longer_heads(0, value) {
            put(&format!("spelled with {width} bytes more than it needs"), longer);
        }
        put("negative", vec![0x20]);
        put("a half float", unhex("f9 3c00"));
        put("the same number as a float", [&[0xfb], &(value as f64).to_be_bytes()[..]].concat());
        put("text", crate::cbor::text(&value.to_string()));
        put("bytes", bytes(&value.to_be_bytes()));
        put("true", vec![0xf5]);
        put("false", vec![0xf4]);
        put("null", vec![0xf6]);
        put("undefined", vec![0xf7]);
        put("an array", [&[0x81], &uint(value)[..]].concat());
        put("an empty map", vec![0xa0]);
        put("tagged", [&[0xc1], &uint(value)[..]].concat());
        put("a bignum", [&[0xc2], &bytes(&value.to_be_bytes())[..]].concat());
        put("a reserved head", vec![0x1c]);
        put("an indefinite integer", vec![0x1f]);
        put("a break", vec![0xff]);
        put("missing", Vec::new());
    }
    refuse(kind, list)
}

type Spoilt = Vec<(String, Items)>;

fn refuse(kind: Kind, list: Spoilt) -> Vec<Vector> {
    let make = |(name, items): (String, Items)| {
        Mint::named(kind, format!("authentic, but {name}")).refuse("bad_claims", &items.encode())
    };
    list.into_iter().map(make).collect()
}

fn array() -> Spoilt {
    let mut list = Spoilt::new();
    let mut put = |name: &str, edit: &dyn Fn(&mut Items)| {
        let mut items = Claims::default().items();
        edit(&mut items);
        list.push((name.to_owned(), items));
    };
    put("the array says seven items", &|items| items.head = vec![0x87]);
    put("the array says seven items and has them", &|items| {
        items.head = vec![0x87];
        items.state.clear();
    });
    put("the array says nine items", &|items| items.head = vec![0x89]);
    put("the array says nine items and has them", &|items| {
        items.head = vec![0x89];
        items.state.push(0xf6);
    });
    put("the array is empty", &|items| items.head = vec![0x80]);
    for (width, longer) in longer_heads(4, 8) {
        let name = format!("the array's length is spelled with {width} bytes more than it needs");
        put(&name, &|items| items.head = longer.clone());
    }
    put("the array is indefinite", &|items| {
        items.head = vec![0x9f];
        items.state.push(0xff);
    });
    put("the claims are a map", &|items| items.head = vec![0xa8]);
    put("the claims are a map of four pairs", &|items| items.head = vec![0xa4]);
    put("the claims are bytes", &|items| items.head = vec![0x58, 46]);
    put("the claims are text", &|items| items.head = vec![0x78, 46]);
    put("the claims are null", &|items| items.head = vec![0xf6]);
    put("the CBOR tag stands in front", &|items| items.head = unhex("d9d9f7 88"));
    put("a COSE tag stands in front", &|items| items.head = unhex("d1 88"));
    put("no array at all", &|items| items.head.clear());
    put("the array twice", &|items| items.head = vec![0x88, 0x88]);
    put("there is no state, eighth of eight", &|items| items.state.clear());
    put("the claims end after the revision", &|items| {
        items.subject.clear();
        items.state.clear();
    });
    put("the claims end after `ends`", &|items| {
        items.revision.clear();
        items.subject.clear();
        items.state.clear();
    });
    put("the claims end within the subject", &|items| {
        items.subject.truncate(4);
        items.state.clear();
    });
    put("the claims end behind the subject's head", &|items| {
        items.subject.truncate(1);
        items.state.clear();
    });
    put("revision and subject are exchanged", &|items| {
        std::mem::swap(&mut items.revision, &mut items.subject);
    });
    put("id and started are exchanged", &|items| {
        std::mem::swap(&mut items.id, &mut items.started);
    });
    list
}

fn ids() -> Spoilt {
    let id = Claims::default().id;
    let long = [&id[..], &id].concat();
    let mut list: Vec<(String, Vec<u8>)> = [0, 1, 8, 11, 13, 16, 24]
        .map(|length| (format!("an id of {length} bytes"), bytes(&long[..length])))
        .into();
    for (width, longer) in longer_heads(2, 12) {
        let name = format!("the id's length spelled with {width} bytes more than it needs");
        list.push((name, [&longer[..], &id].concat()));
    }
    list.extend([
        ("an id in text".into(), crate::cbor::text("abcdefghijkl")),
        ("an id in hex".into(), crate::cbor::text(&hex(&id))),
        ("a null id".into(), vec![0xf6]),
        ("an integer as id".into(), uint(u64::MAX)),
        ("an id in indefinite bytes".into(), [&[0x5f, 0x4c], &id[..], &[0xff]].concat()),
        ("an id in an array".into(), [&[0x81, 0x4c], &id[..]].concat()),
        ("a tagged id".into(), [&[0xd8, 37, 0x4c], &id[..]].concat()),
        ("an id of 2^64 - 1 bytes".into(), [&head(2, u64::MAX)[..], &id].concat()),
        ("an id with a reserved head".into(), [&[0x5c], &id[..]].concat()),
    ]);
    let spoil = |(name, id): (String, Vec<u8>)| (name, Items { id, ..Claims::default().items() });
    list.into_iter().map(spoil).collect()
}

fn subjects() -> Spoilt {
    let mut list: Vec<(String, Vec<u8>)> = [
        ("null in two bytes as subject", "f8 16"),
        ("an empty subject", "60"),
        ("an empty subject in two bytes", "78 00"),
        ("a subject that is undefined", "f7"),
        ("a subject that is false", "f4"),
        ("a subject that is true", "f5"),
        ("a subject that is an integer", "17"),
        ("a subject that is a float", "f9 3c00"),
        ("a subject in bytes", "47 757365722d3137"),
        ("a subject in an array", "81 67 757365722d3137"),
        ("a tagged subject", "d8 20 67 757365722d3137"),
        ("a subject in indefinite text", "7f 67 757365722d3137 ff"),
        ("a subject with a reserved head", "7c 757365722d3137"),
        ("a subject of 2^64 - 1 bytes", "7b ffffffffffffffff 757365722d3137"),
        ("a subject of 2^63 bytes", "7b 8000000000000000 757365722d3137"),
        ("a subject that is a lone byte ff", "61 ff"),
        ("a subject with NUL in two bytes", "62 c080"),
        ("a subject with a surrogate", "63 eda080"),
        ("a subject past U+10FFFF", "64 f4908080"),
        ("a subject cut within a character", "62 61c3"),
        ("a subject in Latin-1", "64 4dfc6c6c"),
    ]
    .map(|(name, item)| (name.to_owned(), unhex(item)))
    .into();
    for length in [256, 257, 1000] {
        let item = crate::cbor::text(&"s".repeat(length));
        list.push((format!("a subject of {length} bytes"), item));
    }
    list.push(("a subject of 256 bytes in 128 characters".into(), {
        crate::cbor::text(&"\u{e9}".repeat(128))
    }));
    for (width, longer) in longer_heads(3, 7) {
        let name = format!("the subject's length spelled with {width} bytes more than it needs");
        list.push((name, [&longer[..], b"user-17"].concat()));
    }
    let spoil = |(name, subject)| (name, Items { subject, ..Claims::default().items() });
    list.into_iter().map(spoil).collect()
}

/// `issued_at < expires_at <= ends_at < 2^40`, without a wrap on the way.
fn sums() -> Spoilt {
    let max = u64::MAX;
    let times = |name: &str, started, issued, expires, ends| {
        let (started, issued) = (uint(started), uint(issued));
        let (expires, ends) = (uint(expires), uint(ends));
        let items = Claims::default().items();
        (name.to_owned(), Items { started, issued, expires, ends, ..items })
    };
    let far = (1 << 40) - START;
    let mut list = vec![
        times("expires is 0", START, 0, 0, 86_400),
        times("expires and ends are 0", START, 0, 0, 0),
        times("expires_at passes ends_at by a second", START, 0, 86_401, 86_400),
        times("ends is 0", START, 0, 900, 0),
        times("issued passes ends", START, 86_401, 1, 86_400),
        times("issued equals ends", START, 86_400, 1, 86_400),
        times("ends_at is 2^40", START, 0, 900, far),
        times("started is 2^40", 1 << 40, 0, 900, 86_400),
        times("started is 2^64 - 1", max, 0, 900, 86_400),
        times("all times are 2^64 - 1", max, max, max, max),
        times("issued_at wraps round to a good time", max - 9, START + 10, 900, 86_400 + START),
        times("issued_at wraps round to 0", 1 + max / 2, 1 + max / 2, START, START + 10),
        times("expires_at wraps round to below ends_at", START, 600, max - 300, 86_400),
        times("expires is 2^64 - 1", START, 0, max, 86_400),
        times("ends_at wraps round to below 2^40", START, 0, 900, max),
        times("started plus ends is 2^64", START, 0, 900, max - START + 1),
        times("started is in milliseconds", START * 1000, 0, 900, 86_400),
    ];
    for (name, revision) in [("2^32", 1 << 32), ("2^64 - 1", max)] {
        let items = Items { revision: uint(revision), ..Claims::default().items() };
        list.push((format!("revision is {name}"), items));
    }
    list
}
