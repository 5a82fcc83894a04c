//! 32 secret bytes: zeroized, compared in constant time, never printed.

use std::fmt;

use rand::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of every secret, in bytes.
pub const SECRET_LEN: usize = 32;

/// 32 bytes that only their holder may know: a root, or a key derived from one.
///
/// Wiped when dropped, compared in constant time, redacted in `Debug`. Boxed: a move, in a vector that
/// grows say, would leave its bytes behind.
#[derive(Clone)]
pub struct Secret(Box<Zeroizing<[u8; SECRET_LEN]>>);

impl Secret {
    /// Takes the bytes as they are, weak or not; a [ring document](crate::document) is stricter.
    pub fn from_bytes(bytes: [u8; SECRET_LEN]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// Draws a secret.
    ///
    /// # Errors
    ///
    /// The generator's own.
    pub fn random<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, R::Error> {
        loop {
            let mut secret = Self::from_bytes([0; SECRET_LEN]);
            rng.try_fill_bytes(&mut secret.0[..])?;
            if secret.weakness().is_none() {
                return Ok(secret);
            }
        }
    }

    /// The bytes, for a computation.
    pub fn expose(&self) -> &[u8; SECRET_LEN] {
        &self.0
    }

    /// Why these bytes were visibly not drawn at random, if they were not.
    pub fn weakness(&self) -> Option<Weakness> {
        let bytes = self.expose();
        let printable = |byte: &u8| (0x20..0x7f).contains(byte);
        let unpadded = trim_zeros(bytes);
        let steps_by = |step: u8| {
            bytes.iter().zip(bytes.iter().skip(1)).all(|(a, b)| a.wrapping_add(step) == *b)
        };
        let repeats_after =
            |period: usize| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b);
        let mut seen = [false; 256];
        for byte in bytes {
            if let Some(slot) = seen.get_mut(usize::from(*byte)) {
                *slot = true;
            }
        }
        let distinct = seen.iter().filter(|seen| **seen).count();

        if unpadded.iter().all(printable) {
            Some(Weakness::Text)
        } else if (1..=LONGEST_PERIOD).any(repeats_after) {
            Some(Weakness::Periodic)
        } else if steps_by(1) || steps_by(u8::MAX) {
            Some(Weakness::Counting)
        } else if distinct < FEWEST_DISTINCT {
            Some(Weakness::FewValues)
        } else {
            None
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A pattern that 32 random bytes do not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// All printable ASCII, or zeros around it: a password, a name, nothing at all.
    Text,
    /// The same 16 bytes, or fewer, over and over.
    Periodic,
    /// Each byte one more, or one less, than the byte before.
    Counting,
    /// Fewer than 8 distinct values.
    FewValues,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "it is text, not 32 random bytes",
            Self::Periodic => "it repeats itself after 16 bytes or fewer",
            Self::Counting => "its bytes count up or down",
            Self::FewValues => "it has fewer than 8 distinct byte values",
        })
    }
}

fn trim_zeros(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [0, tail @ ..] = rest {
        rest = tail;
    }
    while let [head @ .., 0] = rest {
        rest = head;
    }
    rest
}

const LONGEST_PERIOD: usize = 16;
const FEWEST_DISTINCT: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn weakness(bytes: [u8; 32]) -> Option<Weakness> {
        Secret::from_bytes(bytes).weakness()
    }

    /// T05.
    #[test]
    fn visibly_weak_bytes_are_told_apart_from_random_ones() {
        assert_eq!(weakness(*b"correct horse battery staple 42!"), Some(Weakness::Text));
        let mut padded = [0; 32];
        padded[..6].copy_from_slice(b"secret");
        assert_eq!(weakness(padded), Some(Weakness::Text));
        padded.rotate_right(26);
        assert_eq!(weakness(padded), Some(Weakness::Text));
        assert_eq!(weakness([0; 32]), Some(Weakness::Text));
        assert_eq!(weakness([0xff; 32]), Some(Weakness::Periodic));
        let sixteen: [u8; 16] = std::array::from_fn(|i| (i as u8).wrapping_mul(83) ^ 0xc5);
        let mut twice = [0; 32];
        twice[..16].copy_from_slice(&sixteen);
        twice[16..].copy_from_slice(&sixteen);
        assert_eq!(weakness(twice), Some(Weakness::Periodic));
        twice[31] ^= 1;
        assert_eq!(weakness(twice), None);
        assert_eq!(weakness(std::array::from_fn(|i| i as u8)), Some(Weakness::Counting));
        assert_eq!(
            weakness(std::array::from_fn(|i| 0xf0 + i as u8 % 16)),
            Some(Weakness::Periodic)
        );
        assert_eq!(
            weakness(std::array::from_fn(|i| 5_u8.wrapping_sub(i as u8))),
            Some(Weakness::Counting)
        );
        let few = std::array::from_fn(|i| 0x80 | ((i * i / 3) % 7) as u8);
        assert_eq!(weakness(few), Some(Weakness::FewValues));
    }

    #[test]
    fn drawn_secrets_are_not_weak() {
        for _ in 0..1_000 {
            let secret = Secret::random(&mut rand::rngs::SysRng).unwrap();
            assert_eq!(secret.weakness(), None);
        }
    }

    /// T64.
    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::from_bytes([0xab; 32]);
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(..) Some(Secret(..))");
    }
}
