//! Which secret: `vault:MOUNT/PATH`.

use std::fmt;
use std::str::FromStr;

/// A secret of a KV engine, `MOUNT/PATH`. Which part is the mount is Vault's to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VaultPlace(String);

impl VaultPlace {
    /// `MOUNT/PATH`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `MOUNT/PATH`: two parts or more between slashes, of letters, digits, `-`, `_`, `.` and `~`.
impl FromStr for VaultPlace {
    type Err = InvalidVaultPlace;

    fn from_str(text: &str) -> Result<Self, InvalidVaultPlace> {
        if let Some(other) = text.chars().find(|c| !may_stand_in(*c)) {
            return Err(InvalidVaultPlace::Character(other));
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidVaultPlace::Part);
        }
        match text.split_once('/') {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(InvalidVaultPlace::NoPath),
        }
    }
}

fn may_stand_in(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~')
}

/// As `--ring` takes it.
impl fmt::Display for VaultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vault:{}", self.0)
    }
}

/// A text that names no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidVaultPlace {
    /// It has this character.
    Character(char),
    /// A part between slashes is empty, `.` or `..`.
    Part,
    /// It is one part alone: a mount, or a path.
    NoPath,
}

impl fmt::Display for InvalidVaultPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => write!(
                f,
                "a ring in Vault is vault:MOUNT/PATH, of letters, digits, '-', '_', '.' and '~', not {c:?}"
            ),
            Self::Part => f.write_str("a part of vault:MOUNT/PATH is empty, '.' or '..'"),
            Self::NoPath => f.write_str("the mount or the path is missing: vault:MOUNT/PATH"),
        }
    }
}

impl std::error::Error for InvalidVaultPlace {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_mount_and_a_path() {
        let place: VaultPlace = "secret/shop/ring-1.json".parse().unwrap();
        assert_eq!(place.to_string(), "vault:secret/shop/ring-1.json");
        assert_eq!(place.as_str(), "secret/shop/ring-1.json");
        for (text, reason) in [
            ("secret", InvalidVaultPlace::NoPath),
            ("", InvalidVaultPlace::Part),
            ("/ring", InvalidVaultPlace::Part),
            ("secret/", InvalidVaultPlace::Part),
            ("secret//ring", InvalidVaultPlace::Part),
            ("secret/../sys", InvalidVaultPlace::Part),
            ("secret/ring?version=1", InvalidVaultPlace::Character('?')),
            ("secret/ring%2f", InvalidVaultPlace::Character('%')),
            ("secret/r ing", InvalidVaultPlace::Character(' ')),
            ("secret/r\u{fc}", InvalidVaultPlace::Character('\u{fc}')),
        ] {
            assert_eq!(text.parse::<VaultPlace>(), Err(reason), "{text}");
        }
    }
}
