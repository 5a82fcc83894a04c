//! Cookies that are weaker than they should be, for those who must.

use std::borrow::Cow;

use super::{Cookie, InvalidCookie, SameSite, checked_name};

/// A cookie that gives up a defence. Each setter says what is lost; the prefix of its name follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dangerous(Cookie);

impl Dangerous {
    pub(super) fn of(cookie: Cookie) -> Self {
        Self(cookie)
    }

    /// Lets it travel without TLS, where everybody on the way can take the session. For development on `http://`.
    #[must_use]
    pub fn insecure(self) -> Self {
        Self(Cookie { secure: false, ..self.0 }.named())
    }

    /// Sends it with every request that another site causes: forged requests are then the application's to find.
    #[must_use]
    pub fn same_site_none(self) -> Self {
        Self(Cookie { same_site: SameSite::None, ..self.0 })
    }

    /// Shows it to scripts: one injected script takes the session with it.
    #[must_use]
    pub fn readable_by_scripts(self) -> Self {
        Self(Cookie { http_only: false, ..self.0 })
    }

    /// Shares it with every host below a domain, each of which can then read, replace and plant it.
    ///
    /// # Errors
    ///
    /// [`InvalidCookie`] where it is no host name.
    pub fn domain(self, domain: impl Into<String>) -> Result<Self, InvalidCookie> {
        let domain = domain.into();
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if domain.is_empty() || domain.len() > LONGEST_DOMAIN || !domain.bytes().all(is_fine) {
            return Err(InvalidCookie { what: "domain", value: domain });
        }
        Ok(Self(Cookie { domain: Some(domain), ..self.0 }.named()))
    }

    /// Sends it below a path alone, which keeps it from nobody: scripts of other paths can still reach it, and the
    /// name loses its prefix.
    ///
    /// # Errors
    ///
    /// [`InvalidCookie`] where it is no path.
    pub fn path(self, path: impl Into<String>) -> Result<Self, InvalidCookie> {
        let path = path.into();
        let is_fine = |byte: u8| byte.is_ascii_graphic() && byte != b';';
        if !path.starts_with('/') || path.len() > LONGEST_PATH || !path.bytes().all(is_fine) {
            return Err(InvalidCookie { what: "path", value: path });
        }
        Ok(Self(Cookie { path: Cow::Owned(path), ..self.0 }.named()))
    }

    /// Names it exactly so, without the prefix by which a browser keeps other hosts from planting it.
    ///
    /// # Errors
    ///
    /// [`InvalidCookie`] as for [`Cookie::new`].
    pub fn bare_name(self, name: impl Into<String>) -> Result<Self, InvalidCookie> {
        let base = checked_name(name.into())?.into();
        Ok(Self(Cookie { base, prefixed: false, ..self.0 }.named()))
    }
}

impl From<Dangerous> for Cookie {
    fn from(cookie: Dangerous) -> Self {
        cookie.0
    }
}

const LONGEST_DOMAIN: usize = 253;
/// RFC 6265bis, section 5.6: a longer attribute is ignored.
const LONGEST_PATH: usize = 1_024;
