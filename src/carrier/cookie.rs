//! Cookies: what one is named, what a browser may do with it, and how tokens go in and out of it.
//!
//! The name of a cookie follows from what is asked of it, so that a browser enforces what the name says
//! (draft-ietf-httpbis-rfc6265bis, section 4.1.3).

mod chunks;
mod dangerous;
mod jar;
mod marks;

use std::borrow::Cow;
use std::fmt;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::{Found, TooLarge};
pub use dangerous::Dangerous;
use jar::Jar;
use marks::{ENDED, LEFT, Marks};

/// A cookie that carries a token: `__Host-NAME`, Secure, HttpOnly, SameSite=Lax, Path=/, without Domain, and gone
/// from the browser when its token ends.
///
/// Whatever is weaker is behind [`dangerous`](Self::dangerous).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Without its prefix.
    base: Cow<'static, str>,
    /// With it.
    name: Cow<'static, str>,
    secure: bool,
    http_only: bool,
    same_site: SameSite,
    path: Cow<'static, str>,
    domain: Option<String>,
    prefixed: bool,
    partitioned: bool,
    persistent: bool,
    chunked: bool,
    longest: usize,
}

/// Whether a browser sends a cookie along with requests that another site caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// Never: a link from another site, or from a mail, arrives without the session.
    Strict,
    /// With links that are followed, and with nothing that is posted or embedded.
    Lax,
    /// Always. Only [`Dangerous`] sets it.
    None,
}

/// `__Host-session`.
impl Default for Cookie {
    fn default() -> Self {
        Self {
            base: Cow::Borrowed("session"),
            name: Cow::Borrowed("__Host-session"),
            secure: true,
            http_only: true,
            same_site: SameSite::Lax,
            path: Cow::Borrowed("/"),
            domain: None,
            prefixed: true,
            partitioned: false,
            persistent: true,
            chunked: false,
            longest: LONGEST,
        }
    }
}

impl Cookie {
    /// A cookie `__Host-NAME`, where NAME is 1 to 64 characters of an HTTP token without a dot; a dot is for what
    /// belongs to it: pieces, and the mark of a logout.
    ///
    /// # Errors
    ///
    /// [`InvalidCookie`] names the value.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidCookie> {
        let base = checked_name(name.into())?.into();
        Ok(Self { base, ..Self::default() }.named())
    }

    /// Sends it with requests of this site alone.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { same_site: SameSite::Strict, ..self }
    }

    /// Keeps it apart for every site that embeds this one (CHIPS). In their frames a browser takes and sends it only
    /// where it is [`same_site_none`](Dangerous::same_site_none) as well.
    #[must_use]
    pub fn partitioned(self) -> Self {
        Self { partitioned: true, ..self }
    }

    /// Ends it with the browser, where the browser does not restore what was open.
    #[must_use]
    pub fn until_the_browser_closes(self) -> Self {
        Self { persistent: false, ..self }
    }

    /// Spreads a token that is too long for one cookie over up to four, and 7,168 bytes in all: names and values.
    ///
    /// Such a token must be allowed first ([`longest_issued`](crate::TokensBuilder::longest_issued) and
    /// [`longest_verified`](crate::TokensBuilder::longest_verified)), and proxies often stop at 8 KB for a whole
    /// head. Two answers that arrive at once may mix their pieces: such a mixture is no session.
    #[must_use]
    pub fn chunked(self) -> Self {
        Self { chunked: true, ..self }
    }

    /// Makes one cookie no longer than this: 4,096 bytes of name and value unless told, which is what browsers
    /// take; at least 256.
    #[must_use]
    pub fn longest(self, bytes: usize) -> Self {
        Self { longest: bytes.clamp(SHORTEST, LONGEST), ..self }
    }

    /// Where it must be weaker.
    #[must_use]
    pub fn dangerous(self) -> Dangerous {
        Dangerous::of(self)
    }

    /// Its full name, prefix included.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The prefix that the rest allows: a browser refuses the cookie where the two do not fit.
    fn named(self) -> Self {
        let prefix = match &self {
            Self { prefixed: false, .. } | Self { secure: false, .. } => "",
            Self { domain: None, path, .. } if path == "/" => "__Host-",
            _ => "__Secure-",
        };
        Self { name: format!("{prefix}{}", self.base).into(), ..self }
    }

    /// What a request holds of it.
    pub(super) fn read<'a>(&self, cookies: impl IntoIterator<Item = &'a HeaderValue>) -> Jar<'a> {
        Jar::read(cookies, self.name(), self.chunked)
    }

    /// What a request holds of it, and the marks of sessions that were over in this browser a short while ago.
    pub(crate) fn token<'a>(&self, cookies: &'a [HeaderValue]) -> (Found<'a>, Marks<'a>) {
        let jar = self.read(cookies);
        (jar.token(), jar.marks())
    }

    /// The marks alone.
    pub(crate) fn marks<'a>(&self, cookies: &'a [HeaderValue]) -> Marks<'a> {
        self.read(cookies).marks()
    }

    /// Whether a pair `name=value` is of this cookie: itself, a piece of it, or the mark of a logout.
    #[cfg(feature = "server")]
    pub(crate) fn is_part(&self, pair: &[u8]) -> bool {
        let rest = pair.trim_ascii_start().strip_prefix(self.name().as_bytes());
        // No other cookie's name has a dot behind this one's: see `checked_name`.
        rest.is_some_and(|rest| matches!(rest.trim_ascii_start(), [] | [b'=' | b'.', ..]))
    }

    /// One cookie, or pieces; and the end of what is not needed any more.
    pub(super) fn write(
        &self,
        token: &str,
        seconds: u64,
        cookies: &[HeaderValue],
        answer: &mut HeaderMap,
    ) -> Result<(), TooLarge> {
        let name = self.name();
        let length = name.len().saturating_add(token.len());
        let jar = self.read(cookies);
        if length <= self.longest {
            self.set(name, token, seconds, answer);
            // Of a cookie that is never in pieces they are another's, and an answer may have room for one line.
            if self.chunked {
                self.forget(jar.pieces(), answer);
            }
            return Ok(());
        }
        if !self.chunked {
            return Err(TooLarge { length, most: self.longest });
        }
        let pieces = chunks::split(token, name, self.longest)?;
        let count = pieces.len();
        for (index, value) in pieces.iter().enumerate() {
            self.set(&chunks::name(name, index), value, seconds, answer);
        }
        let surplus = jar.pieces().filter(|index| *index >= count);
        self.forget(surplus, answer);
        if jar.has_plain() {
            self.set(name, "", 0, answer);
        }
        Ok(())
    }

    /// Clears every name that may hold a part of the session, with the attributes that it was set with.
    pub(super) fn clear(&self, cookies: &[HeaderValue], answer: &mut HeaderMap) {
        self.set(self.name(), "", 0, answer);
        let jar = self.read(cookies);
        self.forget(
            (0..chunks::MOST).filter(|index| self.chunked || jar.has_piece(*index)),
            answer,
        );
    }

    /// Marks sessions as ended in this browser, so that an answer which was under way when they ended cannot bring
    /// them back: for as long as the token lives that such an answer carries, `lifetime` seconds from when it is sent.
    pub(crate) fn bury(
        &self,
        ids: &[String],
        lifetime: u64,
        cookies: &[HeaderValue],
        answer: &mut HeaderMap,
    ) {
        let mark = self.marks(cookies).ending(ids);
        self.mark(ENDED, &mark, lifetime, answer);
    }

    /// Marks a session as left for another in this browser, in the same way.
    pub(crate) fn leave(
        &self,
        (old, new): (&str, &str),
        lifetime: u64,
        cookies: &[HeaderValue],
        answer: &mut HeaderMap,
    ) {
        let mark = self.marks(cookies).leaving(old, new);
        self.mark(LEFT, &mark, lifetime, answer);
    }

    fn mark(&self, mark: &str, ids: &str, lifetime: u64, answer: &mut HeaderMap) {
        let seconds = lifetime.saturating_add(UNDER_WAY);
        self.set(&format!("{}{mark}", self.name()), ids, seconds, answer);
    }

    fn forget(&self, pieces: impl Iterator<Item = usize>, answer: &mut HeaderMap) {
        let name = self.name();
        pieces.for_each(|index| self.set(&chunks::name(name, index), "", 0, answer));
    }

    fn set(&self, name: &str, value: &str, seconds: u64, answer: &mut HeaderMap) {
        let mut text = format!("{name}={value}; Path={}", self.path);
        if let Some(domain) = &self.domain {
            text.push_str("; Domain=");
            text.push_str(domain);
        }
        if self.secure {
            text.push_str("; Secure");
        }
        if self.http_only {
            text.push_str("; HttpOnly");
        }
        text.push_str(match self.same_site {
            SameSite::Strict => "; SameSite=Strict",
            SameSite::Lax => "; SameSite=Lax",
            SameSite::None => "; SameSite=None",
        });
        if self.persistent || seconds == 0 || [ENDED, LEFT].iter().any(|mark| name.ends_with(mark))
        {
            text.push_str("; Max-Age=");
            text.push_str(&seconds.min(LONGEST_LIFE).to_string());
        }
        if self.partitioned {
            text.push_str("; Partitioned");
        }
        // All parts were checked: a name, a path, a domain, and a token or an id in base64url.
        if let Ok(mut line) = HeaderValue::try_from(text) {
            line.set_sensitive(true);
            answer.append(SET_COOKIE, line);
        }
    }
}

/// A name that is an HTTP token (RFC 9110, section 5.6.2) without a dot.
fn checked_name(name: String) -> Result<String, InvalidCookie> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-^_`|~".contains(&byte);
    let prefixes = ["__host-", "__secure-", "__http-", "__host-http-"];
    let lower = name.to_ascii_lowercase();
    if name.is_empty()
        || name.len() > LONGEST_NAME
        || !name.bytes().all(is_fine)
        || prefixes.iter().any(|prefix| lower.starts_with(prefix))
    {
        return Err(InvalidCookie { what: "name", value: name });
    }
    Ok(name)
}

/// What a cookie cannot be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCookie {
    what: &'static str,
    value: String,
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = match self.what {
            "name" => {
                "1 to 64 letters, digits and !#$%&'*+-^_`|~, without a prefix: that follows from the rest"
            }
            "path" => "it starts with / and has no control character, ; or space",
            _ => "letters, digits, - and dots",
        };
        write!(f, "a cookie cannot have the {} {:?}: {rule}", self.what, self.value)
    }
}

impl std::error::Error for InvalidCookie {}

/// Bytes of name and value that every browser takes (draft-ietf-httpbis-rfc6265bis, section 5.6).
const LONGEST: usize = 4_096;
const SHORTEST: usize = 256;
const LONGEST_NAME: usize = 64;
/// 400 days, where browsers cut it (section 5.5).
const LONGEST_LIFE: u64 = 400 * 86_400;
/// Seconds for which an answer is under way at most.
const UNDER_WAY: u64 = 300;
