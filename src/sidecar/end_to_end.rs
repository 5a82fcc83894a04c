//! What of a head goes on to the other side, and in which form: RFC 9110, section 7.6.1, and what others forgot of it.

use std::net::IpAddr;

use axum::body::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, Version};
use http_body::Frame;

use super::refusal::Refusal;
use super::tunnel::TunnelSlot;
use crate::carrier::Cookie;
use crate::framing::is_clear;
use crate::gateway::{Believed, identity};

/// Who sends the requests of a connection, as far as that tells.
#[derive(Clone)]
pub(crate) struct Client {
    address: Option<IpAddr>,
    /// The address as a service is told of it, written once for all requests.
    told: Option<HeaderValue>,
    secure: bool,
    /// What the connection may become.
    pub(crate) tunnel: TunnelSlot,
}

impl Client {
    /// There is no address on a Unix socket; `secure`: it speaks TLS.
    pub(crate) fn new(address: Option<IpAddr>, secure: bool) -> Self {
        let told = address.map(|address| address.to_canonical().to_string());
        let told = told.and_then(|told| HeaderValue::try_from(told).ok());
        Self { address, told, secure, tunnel: TunnelSlot::default() }
    }
}

/// The host that a request is for: of its target, or of its one `Host` (RFC 9112, section 3.2).
pub(super) fn host(parts: &Parts) -> Result<Option<HeaderValue>, Refusal> {
    let bad = Refusal::BadRequest;
    let mut hosts = parts.headers.get_all(HOST).iter();
    let (named, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Err(bad("it names two hosts"));
    }
    let host = match (parts.uri.authority(), named) {
        (Some(authority), _) => HeaderValue::from_str(authority.as_str()).ok(),
        (None, Some(named)) => Authority::try_from(named.as_bytes()).is_ok().then(|| named.clone()),
        (None, None) if parts.version == Version::HTTP_11 => return Err(bad("it names no host")),
        (None, None) => return Ok(None),
    };
    let host = host.ok_or(bad("its Host is none"))?;
    match host.as_bytes().contains(&b'@') {
        true => Err(bad("its host has a user")),
        false => Ok(Some(host)),
    }
}

/// Whether a request asks for a WebSocket. Nothing else is tunnelled: `h2c` would carry requests that nobody looks at.
pub(super) fn wants_websocket(parts: &Parts) -> bool {
    let mut upgrades = parts.headers.get_all(UPGRADE).iter();
    let one = upgrades.next().filter(|_| upgrades.next().is_none());
    let websocket =
        one.is_some_and(|one| one.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket"));
    websocket
        && parts.version == Version::HTTP_11
        && parts.method == Method::GET
        && listed(&parts.headers).any(|name| name.eq_ignore_ascii_case("upgrade"))
}

/// Takes away what concerns one connection alone, and what `Connection` names; but nothing that a client cannot have
/// meant for this connection (CVE-2022-31813).
pub(super) fn strip_hop(headers: &mut HeaderMap) {
    strip(headers, |name| HOP.contains(&name.as_str()));
}

/// The same, of whatever else is told by name.
fn strip(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    // One walk: to look for each name costs more than to look at each header.
    let named: Vec<HeaderName> = listed(headers)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .filter(|name| !KEPT.contains(name) && !name.as_str().starts_with("x-forwarded-"))
        .collect();
    let trailers =
        headers.get(TE).is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    let unwanted: Vec<HeaderName> =
        headers.keys().filter(|name| named.contains(name) || is_unwanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// The head of a request as the service gets it, but for the session: ours are set last, by the caller.
pub(super) fn of_request(
    headers: &mut HeaderMap,
    client: &Client,
    host: Option<&HeaderValue>,
    believed: &[Believed],
) {
    measure_once(headers);
    let trusted = believed.iter().any(|believed| believed.is(client.address));
    strip(headers, |name| {
        let text = name.as_str();
        HOP.contains(&text)
            || identity::is_ours(text)
            // Who is trusted says it under its own name: under another it is a client's, passed through.
            || (tells_of_the_way(text) && !(trusted && is_plain(text)))
    });
    if let Some(address) = &client.told {
        headers.append(FORWARDED_FOR, address.clone());
    }
    if !headers.contains_key(FORWARDED_PROTO) {
        let scheme = HeaderValue::from_static(if client.secure { "https" } else { "http" });
        headers.insert(FORWARDED_PROTO, scheme);
    }
    if let Some(host) = host {
        if !headers.contains_key(FORWARDED_HOST) {
            headers.insert(FORWARDED_HOST, host.clone());
        }
        headers.insert(HOST, host.clone());
    }
}

/// The head of an answer as the client gets it, but for the session. One whose end two readers may find in two places is
/// nobody's answer.
pub(super) fn of_answer(headers: &mut HeaderMap) -> Result<(), Refusal> {
    if !is_clear(headers) {
        return Err(Refusal::Broken);
    }
    measure_once(headers);
    strip_hop(headers);
    Ok(())
}

/// Chunks count and a length beside them does not, which is no length of what goes on (T41; RFC 9112, section 6.3).
fn measure_once(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
}

/// The session is between client and sidecar: the service has no use for its token, by cookie or `by_bearer`. Of several
/// `Cookie` headers, as HTTP/2 may have them, one is made (RFC 9113, section 8.2.3).
pub(super) fn hide_token(headers: &mut HeaderMap, cookie: &Cookie, by_bearer: bool) {
    if by_bearer {
        headers.remove(AUTHORIZATION);
    }
    if !headers.contains_key(COOKIE) {
        return;
    }
    let mut rest: Vec<u8> = Vec::new();
    for header in headers.get_all(COOKIE) {
        let mut pairs = header.as_bytes();
        while !pairs.is_empty() {
            let end = memchr::memchr(b';', pairs).unwrap_or(pairs.len());
            let (pair, after) = pairs.split_at_checked(end).unwrap_or((pairs, &[]));
            pairs = after.get(1..).unwrap_or_default();
            let pair = pair.trim_ascii();
            if !pair.is_empty() && !cookie.is_part(pair) {
                if !rest.is_empty() {
                    rest.extend_from_slice(b"; ");
                }
                rest.extend_from_slice(pair);
            }
        }
    }
    headers.remove(COOKIE);
    // Parts of a header are one, too.
    if let Ok(mut value) = HeaderValue::from_bytes(&rest)
        && !rest.is_empty()
    {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
}

/// Trailers as they go on. Those of ours, and what frames a message, says whose it is or which way it came, are no
/// trailers (RFC 9110, section 6.5.1).
pub(super) fn trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    let mut trailers = match frame.into_trailers() {
        Ok(trailers) => trailers,
        Err(frame) => return frame,
    };
    strip(&mut trailers, |name| {
        let text = name.as_str();
        HOP.contains(&text) || identity::is_ours(text) || tells_of_the_way(text)
    });
    for name in &KEPT {
        trailers.remove(name);
    }
    Frame::trailers(trailers)
}

/// What `Connection` names.
fn listed(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether a name tells of a request's way here, in any spelling that a server may read so: it is believed from whom is
/// trusted alone.
fn tells_of_the_way(name: &str) -> bool {
    let is = |known: &str| name.len() == known.len() && identity::begins_as(name, known);
    // Most names do not begin so.
    matches!(name.as_bytes().first(), Some(b'f' | b'x'))
        && (identity::begins_as(name, "x-forwarded-") || is("x-real-ip") || is("forwarded"))
}

/// Whether a name has no spelling but this one.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Of one connection, whatever `Connection` says. `Expect` was answered here.
const HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
];

/// What no `Connection` takes away: without them a request is another one.
static KEPT: [HeaderName; 8] = [
    HOST,
    COOKIE,
    AUTHORIZATION,
    CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::CONTENT_ENCODING,
    http::header::ORIGIN,
    http::header::SET_COOKIE,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in rows {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    /// T39: what `Connection` names goes, and nothing that makes a request what it is.
    #[test]
    fn what_is_of_one_connection_stays_there() {
        let mut some = headers(&[
            ("connection", "close, X-Hop, cookie, host"),
            ("connection", "authorization, x-forwarded-for, content-length"),
            ("x-hop", "1"),
            ("cookie", "a=b"),
            ("host", "shop"),
            ("authorization", "Basic x"),
            ("content-length", "3"),
            ("x-forwarded-for", "192.0.2.1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
        ]);
        strip_hop(&mut some);
        let mut left: Vec<_> = some.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let kept = ["authorization", "content-length", "cookie", "host", "te", "x-forwarded-for"];
        assert_eq!(left, kept);
    }

    /// T40: whose word on a request's way is taken.
    #[test]
    fn the_way_of_a_request_is_told_by_whom_is_believed() {
        let client = Client::new(Some([192, 0, 2, 7].into()), true);
        let mut both = headers(&[("content-length", "3"), ("transfer-encoding", "chunked")]);
        of_request(&mut both, &client, None, &[]);
        assert!(!both.contains_key(CONTENT_LENGTH) && !both.contains_key(TRANSFER_ENCODING));
        let host = HeaderValue::from_static("shop");
        let forged =
            [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "http"), ("x-real-ip", "x")];
        let mut some = headers(&forged);
        of_request(&mut some, &client, Some(&host), &[]);
        assert_eq!(some.get_all(FORWARDED_FOR).iter().count(), 1);
        assert_eq!(some[FORWARDED_FOR], "192.0.2.7");
        assert_eq!(some[FORWARDED_PROTO], "https");
        assert_eq!(some[FORWARDED_HOST], "shop");
        assert!(!some.contains_key("x-real-ip"));
        let mut some = headers(&forged);
        of_request(&mut some, &client, Some(&host), &["192.0.2.0/24".parse().unwrap()]);
        let way: Vec<_> = some.get_all(FORWARDED_FOR).iter().collect();
        assert_eq!(way, ["10.0.0.1", "192.0.2.7"]);
        assert_eq!(
            (&some[FORWARDED_PROTO], &some["x-real-ip"]),
            (&"http".parse().unwrap(), &"x".parse().unwrap())
        );
    }

    /// T40: every separator that a name may have, and names of the family that nobody has listed. From whom is trusted
    /// they pass under their own names.
    #[test]
    fn the_way_of_a_request_is_told_under_no_other_name() {
        let client = Client::new(Some([192, 0, 2, 7].into()), true);
        let believed: [&[Believed]; 2] = [&[], &["192.0.2.0/24".parse().unwrap()]];
        for separator in "!#$%&'*+-.^_`|~".chars() {
            for known in ["x-forwarded-for", "x-forwarded-ssl", "x-forwarded-user", "x-real-ip"] {
                let name = known.replace('-', &separator.to_string());
                for believed in believed {
                    let rows = [(name.as_str(), "forged"), ("x-forwarder", "another's")];
                    let mut some = headers(&rows);
                    of_request(&mut some, &client, None, believed);
                    let heard = some.values().any(|value| value == "forged");
                    let passes = separator == '-' && !believed.is_empty();
                    assert_eq!(heard, passes, "{name} {believed:?}: {some:?}");
                    assert!(some.contains_key("x-forwarder") && some.contains_key(FORWARDED_PROTO));
                }
                let some = headers(&[(&*name, "forged"), ("x-sum", "1")]);
                let some = trailers(Frame::trailers(some)).into_trailers().unwrap();
                assert_eq!(some.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
            }
        }
    }

    /// T41: a coding was taken away and the length beside it kept, by which hyper cut the answer.
    #[test]
    fn an_answer_has_one_end() {
        for (rows, length) in [
            (&[("content-length", "3")][..], Ok(true)),
            (&[("content-length", "3"), ("transfer-encoding", "chunked")], Ok(false)),
            (&[("transfer-encoding", "chunked")], Ok(false)),
            (&[("transfer-encoding", "gzip, chunked")], Err(Refusal::Broken)),
            (&[("content-length", "3"), ("transfer-encoding", "identity")], Err(Refusal::Broken)),
        ] {
            let mut some = headers(rows);
            let done = of_answer(&mut some).map(|()| some.contains_key(CONTENT_LENGTH));
            assert_eq!(done, length, "{rows:?}");
            assert!(length.is_err() || !some.contains_key(TRANSFER_ENCODING), "{rows:?}");
        }
    }

    #[test]
    fn the_services_cookies_go_on_and_the_sessions_do_not() {
        let cookie = Cookie::default();
        for (sent, left) in [
            (&["__Host-session=x"][..], None),
            (&["a=b; __Host-session=x;c=d"], Some("a=b; c=d")),
            (&["a=b", "__Host-session.0=x; __Host-session.ended=y", "c=d"], Some("a=b; c=d")),
            (&["__host-session=x; session=y"], Some("__host-session=x; session=y")),
            (&[";;"], None),
        ] {
            let rows: Vec<_> = sent.iter().map(|value| ("cookie", *value)).collect();
            let mut some = headers(&rows);
            hide_token(&mut some, &cookie, false);
            assert_eq!(some.get(COOKIE).map(|value| value.to_str().unwrap()), left, "{sent:?}");
        }
        for by_bearer in [true, false] {
            let mut some = headers(&[("authorization", "Bearer x")]);
            hide_token(&mut some, &cookie, by_bearer);
            assert_eq!(some.contains_key(AUTHORIZATION), !by_bearer);
        }
    }
}
