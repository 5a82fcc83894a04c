//! Of all `Cookie` headers, a session is taken from those alone in which a second, plain parser finds the one token:
//! in the one cookie of exactly that name, or in one complete set of pieces, and not marked as over.
//!
//! A line a header. `@a@` and `@b@` stand for tokens, `@a0@` to `@a2@` for the pieces of one, `@ida@` for its
//! session's id, and `@n@` for the cookie's name.

#![no_main]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::LazyLock;

use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response};
use libfuzzer_sys::fuzz_target;
use saddlebag::{Cookie, NewSession, RawSession, SessionLayer, SessionService};
use saddlebag_fuzz::program::TOKENS;
use tower::{Layer, ServiceExt, service_fn};

const NAME: &str = "__Host-session";

fuzz_target!(|input: &[u8]| {
    let lines: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').take(4).map(filled).collect();
    let mut headers = HeaderMap::new();
    for line in &lines {
        match HeaderValue::from_bytes(line) {
            Ok(value) => headers.append(COOKIE, value),
            // No server would hand such a header on.
            Err(_) => return,
        };
    }
    let answer = ask(headers);
    let token = expected(&lines);
    let verified = token.and_then(|token| TOKENS.verify(&token).ok());
    let id = verified.map(|verified| verified.info().id.to_string());
    let id = id.filter(|id| !is_over(&lines, id));
    assert_eq!(answer.body(), &id);
    // Nothing is set but ends, of names of this cookie.
    for line in answer.headers().get_all(SET_COOKIE) {
        let line = line.to_str().expect("it is ASCII");
        assert!(line.starts_with(NAME) && line.contains("Max-Age=0"), "{line}");
        assert_eq!(id, None);
        // Nor is that kept for others.
        assert_eq!(answer.headers()[CACHE_CONTROL], "no-store");
    }
});

/// The id of the session that is taken.
fn ask(headers: HeaderMap) -> Response<Option<String>> {
    let mut request = Request::new(());
    *request.headers_mut() = headers;
    async fn id(request: Request<()>) -> Result<Response<Option<String>>, Infallible> {
        let session = RawSession::<()>::from_extensions(request.extensions()).ok();
        Ok(Response::new(session.map(|session| session.info().id.to_string())))
    }
    let cookie = Cookie::default().chunked();
    let layer = SessionLayer::<()>::new(TOKENS.clone()).cookie(cookie);
    let service: SessionService<_, (), _> = layer.layer(service_fn(id));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(service.oneshot(request)).unwrap_or_else(|never| match never {})
}

/// The pairs of all headers: a name without spaces before the first `=`, and what follows without spaces around.
fn pairs(lines: &[Vec<u8>]) -> Vec<(&[u8], &[u8])> {
    let parts = lines.iter().flat_map(|line| line.split(|byte| *byte == b';'));
    let pairs = parts.filter_map(|part| {
        let part = trimmed(part);
        let at = part.iter().position(|byte| *byte == b'=')?;
        Some((&part[..at], trimmed(&part[at + 1..])))
    });
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

fn values<'a>(lines: &'a [Vec<u8>], name: &str) -> Vec<&'a [u8]> {
    let pairs = pairs(lines).into_iter();
    pairs.filter(|(of, _)| *of == name.as_bytes()).map(|(_, value)| value).collect()
}

fn expected(lines: &[Vec<u8>]) -> Option<String> {
    let whole: BTreeSet<&[u8]> = values(lines, NAME).into_iter().collect();
    let pieces: Vec<Vec<&[u8]>> =
        (0..4).map(|index| values(lines, &format!("{NAME}.{index}"))).collect();
    let count = pieces.iter().filter(|values| !values.is_empty()).count();
    if count == 0 {
        let [token] = whole.into_iter().collect::<Vec<_>>()[..] else { return None };
        return String::from_utf8(token.to_vec()).ok();
    }
    if !whole.is_empty() || pieces.iter().any(|values| values.len() > 1) {
        return None;
    }
    let mut token = String::new();
    let mut set = None;
    for (index, values) in pieces.iter().take(count).enumerate() {
        let piece = std::str::from_utf8(values.first()?).ok()?;
        let rest = piece.get(4..)?.strip_prefix(&format!("{index}{count}"))?;
        if rest.is_empty() || *set.get_or_insert(&piece[..4]) != &piece[..4] {
            return None;
        }
        token.push_str(rest);
    }
    token.ends_with(set?).then_some(token)
}

/// Whether a session was ended, or left for another, or comes at most four sessions after one that was ended.
fn is_over(lines: &[Vec<u8>], id: &str) -> bool {
    let (ended, left) = (mark(lines, "ended"), mark(lines, "left"));
    let is_id = |id: &str| {
        id.len() == 16
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let pairs = left.chunks_exact(2).filter(|pair| pair.iter().all(|id| is_id(id)));
    let pairs: Vec<&[String]> = pairs.collect();
    if pairs.iter().any(|pair| pair[0] == id) {
        return true;
    }
    let mut line = vec![id];
    while let Some(pair) = pairs.iter().find(|pair| pair[1] == *line[line.len() - 1])
        && line.len() < 5
    {
        line.push(&pair[0]);
    }
    line.iter().any(|id| ended.iter().any(|ended| ended == id))
}

fn mark(lines: &[Vec<u8>], which: &str) -> Vec<String> {
    let marks: BTreeSet<&[u8]> = values(lines, &format!("{NAME}.{which}")).into_iter().collect();
    let [mark] = marks.into_iter().collect::<Vec<_>>()[..] else { return Vec::new() };
    let ids = std::str::from_utf8(mark).unwrap_or_default();
    ids.split('.').map(str::to_owned).collect()
}

fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_space(byte)).map_or(start, |at| at + 1);
    &text[start..end]
}

/// What the names stand for.
static NAMED: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let mut named = vec![("@n@".to_owned(), NAME.to_owned())];
    for which in ["a", "b"] {
        let session = NewSession::of(which).lifetime(86_400).session_lifetime(86_400);
        let issued = TOKENS.issue(session).expect("it is issued");
        let token = issued.token;
        let size = token.len().div_ceil(3);
        for (index, piece) in token.as_bytes().chunks(size).enumerate() {
            let piece = std::str::from_utf8(piece).expect("it is ASCII");
            let value = format!("{}{index}3{piece}", &token[token.len() - 4..]);
            named.push((format!("@{which}{index}@"), value));
        }
        named.push((format!("@id{which}@"), issued.info.id.to_string()));
        named.push((format!("@{which}@"), token));
    }
    named
});

fn filled(line: &[u8]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.first() {
        match NAMED.iter().find(|(name, _)| rest.starts_with(name.as_bytes())) {
            Some((name, text)) => {
                filled.extend_from_slice(text.as_bytes());
                rest = &rest[name.len()..];
            }
            None => {
                filled.push(*first);
                rest = &rest[1..];
            }
        }
    }
    filled
}
