//! Finding a name that is twice in one map.
//!
//! [`Seen`] rules it out for most maps as their names come, and remembers none of them. Where it cannot, the
//! map is read once more at its end and its names are sorted: never more than n log n comparisons and, 32
//! levels being the most there are, 32 quick passes over the bytes, whatever an attacker names things.

use super::item;
use crate::token::cbor::Cursor;

/// A Bloom filter over the names of one map, with one bit a name of 256.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    bits: [u64; 4],
    doubtful: bool,
}

impl Seen {
    /// Takes note of a name.
    // Always: the names of a struct are constants, and what is made of them here then is one too.
    #[inline(always)]
    pub(super) fn note(&mut self, name: &[u8]) {
        let place = place(name);
        if let Some(word) = self.bits.get_mut(usize::from(place >> 6)) {
            let bit = 1 << (place & 63);
            self.doubtful |= *word & bit != 0;
            *word |= bit;
        }
    }

    /// Whether a name may be there twice. Where not, none is.
    #[inline]
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }
}

/// The bit of a name: of its length, its first and its last bytes.
#[inline(always)]
fn place(name: &[u8]) -> u8 {
    let (first, last) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
            }
            _ => {
                let at = |index| name.get(index).copied().map_or(0, u64::from);
                (at(0) | at(1) << 8, at(2))
            }
        },
    };
    let mixed = first ^ last.rotate_left(32) ^ (name.len() as u64) << 56;
    let [.., place] = mixed.wrapping_mul(ODD).to_le_bytes();
    place
}

/// 2^64 over the golden ratio: its products differ most in their upper bits.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A name that is twice among the first `count` of a map whose first key is next.
#[cold]
pub(super) fn twin(mut map: Cursor<'_>, count: u64) -> Option<&str> {
    let mut names: Vec<&str> = Vec::new();
    for _ in 0..count {
        names.push(item::read_key(&mut map).ok()?);
        item::skip(&mut map).ok()?;
    }
    names.sort_unstable_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_that_is_twice_is_always_doubted(
            names in prop::collection::hash_set("\\PC{0,20}", 1..40),
            twin in any::<prop::sample::Index>(),
        ) {
            let names: Vec<_> = names.into_iter().collect();
            let mut seen = Seen::default();
            names.iter().for_each(|name| seen.note(name.as_bytes()));
            seen.note(names[twin.index(names.len())].as_bytes());
            prop_assert!(seen.is_doubtful());
        }
    }

    #[test]
    fn a_twin_is_found_among_the_names_of_its_own_map_alone() {
        let map = crate::token::cbor::hex(
            "61 61 a2 61 61 01 61 62 02  61 62 82 61 61 61 62  61 63 61 61  61 62 f6",
        );
        assert_eq!(twin(Cursor::new(&map), 3), None);
        assert_eq!(twin(Cursor::new(&map), 4), Some("b"));
    }

    #[test]
    fn the_names_of_a_usual_map_are_not_doubted() {
        for names in [
            &["locale", "csrf", "roles", "flags", "cart"][..],
            &["sku", "qty", "price", "title"],
            &["beta", "consent", "newsletter"],
            &["currency", "items"],
            &["a", "b", "c", "aa", "ab", ""],
        ] {
            let mut seen = Seen::default();
            names.iter().for_each(|name| seen.note(name.as_bytes()));
            assert!(!seen.is_doubtful(), "{names:?}");
        }
    }
}
