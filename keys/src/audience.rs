//! The name of who a token is for: checked once, then only compared byte for byte.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// An audience: 1 to 128 characters of `[a-z0-9._:/-]`. Nothing lower-cases or normalises it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Audience(Arc<str>);

impl Audience {
    /// Checks and takes a name.
    ///
    /// # Errors
    ///
    /// [`InvalidAudience`] where it is empty, longer than 128 characters or has another character.
    pub fn new(name: &str) -> Result<Self, InvalidAudience> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:/-".contains(&byte)
        };
        if name.is_empty() || name.len() > MAX_LEN || !name.bytes().all(allowed) {
            return Err(InvalidAudience { name: name.chars().take(MAX_LEN).collect() });
        }
        Ok(Self(name.into()))
    }

    /// The audience of the API's own credentials, `saddlebag:api`.
    pub fn api() -> Self {
        Self(API.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name starts with `saddlebag:` and so belongs to the system itself.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED)
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Audience {
    type Err = InvalidAudience;

    fn from_str(name: &str) -> Result<Self, InvalidAudience> {
        Self::new(name)
    }
}

/// The text is no audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAudience {
    name: String,
}

impl fmt::Display for InvalidAudience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an audience: 1 to 128 characters of a-z 0-9 . _ : / -", self.name)
    }
}

impl std::error::Error for InvalidAudience {}

const MAX_LEN: usize = 128;
const RESERVED: &str = "saddlebag:";
const API: &str = "saddlebag:api";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_is_taken_as_it_stands_or_refused() {
        for good in ["a", "shop", "shop.eu/cart:v2-b_c", &"a".repeat(128)] {
            assert_eq!(Audience::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Shop", "shop ", "caf\u{e9}", "a\0", "a,b", &"a".repeat(129)] {
            assert!(Audience::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_systems_own_audiences_are_reserved() {
        assert!(Audience::api().is_reserved());
        assert!(!Audience::new("saddlebag").unwrap().is_reserved());
    }
}
