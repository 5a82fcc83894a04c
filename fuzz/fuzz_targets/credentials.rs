//! Of all values of `Authorization` only the one issued credential is taken, in the schemes of its endpoint;
//! every other caller is told the same, to the byte.
//!
//! Three bytes (the endpoint: even introspect, odd verify; where the credential is changed, and to what), and
//! then a line a header. A line that begins with `~` has what follows its first space put into base64.

#![no_main]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use libfuzzer_sys::fuzz_target;
use saddlebag::fuzzing::Answer;
use saddlebag_fuzz::program::{API, CANARIES, filled, seen_in};

fuzz_target!(|input: &[u8]| {
    let [endpoint, at, by, lines @ ..] = input else {
        return;
    };
    let basic = endpoint.is_multiple_of(2);
    let values: Vec<Vec<u8>> = lines.split(|byte| *byte == b'\n').take(3).map(value).collect();
    if let Some(answer) = ask(basic, &values) {
        let taken = presents_the_credential(&values, basic);
        assert_eq!(answer.status == 200, taken, "{:?}", texts(&values));
        if !taken {
            is_the_one_refusal(&answer, basic);
        }
    }
    let mut changed = CANARIES.credential.clone().into_bytes();
    let at = usize::from(*at) % changed.len();
    let same = changed[at] == *by;
    changed[at] = *by;
    let value = [b"Bearer ", &changed[..]].concat();
    if let Some(answer) = ask(basic, &[value]) {
        assert_eq!(answer.status == 200, same, "character {at} as {by}");
        if !same {
            is_the_one_refusal(&answer, basic);
        }
    }
});

fn value(line: &[u8]) -> Vec<u8> {
    let Some(plain) = line.strip_prefix(b"~") else {
        return filled(line);
    };
    let (scheme, rest) = match plain.iter().position(|byte| *byte == b' ') {
        Some(at) => plain.split_at(at + 1),
        None => (plain, &b""[..]),
    };
    [scheme, BASE64_STANDARD.encode(filled(rest)).as_bytes()].concat()
}

fn ask(basic: bool, values: &[Vec<u8>]) -> Option<Answer> {
    let (path, kind, body) = match basic {
        true => ("/v1/introspect", "application/x-www-form-urlencoded", &b"token=x"[..]),
        false => ("/v1/sessions/verify", "application/json", &br#"{"token":"x"}"#[..]),
    };
    let kind = ("content-type", kind.as_bytes());
    let values = values.iter().map(|value| ("authorization", value.as_slice()));
    let headers: Vec<(&str, &[u8])> = std::iter::once(kind).chain(values).collect();
    API.post(path, &headers, body)
}

/// RFC 6750, section 2.1, and RFC 7617, section 2, with names and blanks that anybody may choose.
fn presents_the_credential(values: &[Vec<u8>], basic: bool) -> bool {
    let [value] = values else {
        return false;
    };
    let Ok(value) = std::str::from_utf8(value) else {
        return false;
    };
    let Some(at) = value.find(' ') else {
        return false;
    };
    let (scheme, rest) = (value[..at].to_lowercase(), value[at..].trim_start_matches(' '));
    match scheme.as_str() {
        "bearer" => rest == CANARIES.credential,
        "basic" if basic => {
            let pair = BASE64_STANDARD.decode(rest).unwrap_or_default();
            let name = String::from_utf8(pair).unwrap_or_default();
            let name = name.strip_suffix(&CANARIES.credential);
            name.and_then(|name| name.strip_suffix(':')).is_some_and(|name| !name.contains(':'))
        }
        _ => false,
    }
}

fn is_the_one_refusal(answer: &Answer, basic: bool) {
    static REFUSALS: [std::sync::OnceLock<Answer>; 2] =
        [std::sync::OnceLock::new(), std::sync::OnceLock::new()];
    let known = REFUSALS[usize::from(basic)].get_or_init(|| ask(basic, &[]).expect("a request"));
    assert_eq!((known, answer.status), (answer, 401));
    assert!(seen_in(&answer.body).is_empty());
}

fn texts(values: &[Vec<u8>]) -> Vec<String> {
    values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
