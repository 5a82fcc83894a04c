//! Where a token rides in HTTP: how it is found in a request, and how an answer carries the next one.
//!
//! ```text
//!   request ── cookie ─┬─▶ one text, or none ──▶ verified ──▶ handler ──▶ the next token ──┬─ Set-Cookie
//!              bearer  │   (two that differ                                                └─ header
//!              header  │    are none)
//!              query   │
//!              form ───┘
//! ```

mod bearer;
mod cookie;
mod form;
mod found;
mod header;
mod query;

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

pub use cookie::{Cookie, Dangerous, InvalidCookie, SameSite};
pub(crate) use form::{FORM_LIMIT, field};
pub(crate) use found::{Found, Unread};
use found::{Text, one};

/// One place in which a token may ride.
///
/// Cookies and headers carry the next token back; a token that came as a bearer, in a query or in a form is
/// answered by the application, with [`Session::token`](crate::Session::token).
///
/// Queries and forms keep the token off requests that do not need it. They also leak: an address is kept in
/// histories and logs, and sent on in `Referer`; a page with a token in a form must not be cached. Send
/// `Referrer-Policy: no-referrer` from pages whose address holds a token, and let such tokens live for minutes.
#[derive(Clone, Debug)]
pub struct Carrier(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cookie(Cookie),
    Bearer,
    Header(HeaderName),
    Query(String),
    Form,
}

impl Carrier {
    /// The cookie `__Host-session`. For another, `Cookie::new("cart")?.into()`.
    pub fn cookie() -> Self {
        Cookie::default().into()
    }

    /// `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
    pub fn bearer() -> Self {
        Self(Kind::Bearer)
    }

    /// A header of this name, in requests and in answers.
    pub fn header(name: HeaderName) -> Self {
        Self(Kind::Header(name))
    }

    /// A parameter of the query string.
    pub fn query(name: impl Into<String>) -> Self {
        Self(Kind::Query(name.into()))
    }

    /// A field of a posted form, which the layer reads.
    pub(crate) fn form() -> Self {
        Self(Kind::Form)
    }

    /// What a request carries here; `field` is what its form had, where it was read.
    pub(crate) fn read<'a>(
        &self,
        headers: &'a HeaderMap,
        uri: &Uri,
        field: Option<&'a Found<'static>>,
    ) -> Found<'a> {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.read(headers.get_all(COOKIE)).token(),
            Kind::Bearer => bearer::read(headers),
            Kind::Header(name) => header::read(headers, name),
            Kind::Query(name) => query::read(uri, name),
            Kind::Form => field.map_or(Found::Nothing, Found::by_ref),
        }
    }

    /// Whether an answer can carry a token here.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.0, Kind::Cookie(_) | Kind::Header(_))
    }

    pub(crate) fn is_form(&self) -> bool {
        matches!(self.0, Kind::Form)
    }

    /// The cookie, where this is one.
    pub(crate) fn as_cookie(&self) -> Option<&Cookie> {
        match &self.0 {
            Kind::Cookie(cookie) => Some(cookie),
            _ => None,
        }
    }

    /// Writes a token that lives for so many seconds into an answer.
    pub(crate) fn write(
        &self,
        token: &str,
        seconds: u64,
        cookies: &[HeaderValue],
        answer: &mut HeaderMap,
    ) -> Result<(), TooLarge> {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.write(token, seconds, cookies, answer),
            Kind::Header(name) => header::write(token, name, answer),
            Kind::Bearer | Kind::Query(_) | Kind::Form => Ok(()),
        }
    }

    /// Tells the client to forget what it carries here.
    pub(crate) fn clear(&self, cookies: &[HeaderValue], answer: &mut HeaderMap) {
        match &self.0 {
            Kind::Cookie(cookie) => cookie.clear(cookies, answer),
            Kind::Header(name) => header::clear(name, answer),
            Kind::Bearer | Kind::Query(_) | Kind::Form => {}
        }
    }

    /// The header of a request that decides what is found here, for `Vary`.
    pub(crate) fn varies_by(&self) -> Option<HeaderName> {
        match &self.0 {
            Kind::Cookie(_) => Some(COOKIE),
            Kind::Bearer => Some(AUTHORIZATION),
            Kind::Header(name) => Some(name.clone()),
            // An address is its own key in a cache, and answers to what is posted are not kept.
            Kind::Query(_) | Kind::Form => None,
        }
    }

    /// Whether a refusal should ask for a bearer token.
    pub(crate) fn is_bearer(&self) -> bool {
        matches!(self.0, Kind::Bearer)
    }
}

impl From<Cookie> for Carrier {
    fn from(cookie: Cookie) -> Self {
        Self(Kind::Cookie(cookie))
    }
}

impl From<Dangerous> for Carrier {
    fn from(cookie: Dangerous) -> Self {
        Cookie::from(cookie).into()
    }
}

/// A token that its carrier cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// Bytes of name and value, of all cookies where there are several.
    pub(crate) length: usize,
    /// Bytes that they may have.
    pub(crate) most: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, most } = self;
        write!(f, "{length} bytes with names, of {most} that its carrier takes")
    }
}
