//! What a state costs: bytes a field, characters a token. For tests that keep a session small, and for whom one is too
//! large.

use std::fmt;

use serde::Serialize;

use crate::session::RawState;
use crate::token::format::text_len;
use crate::token::state::{StateError, weights};

/// The size of one state, by field.
///
/// Sessions travel with every request, and grow unseen: a test over a full sample finds that before a user does.
///
/// ```
/// # use saddlebag::StateSize;
/// # #[derive(serde::Serialize)]
/// # struct Cart { items: Vec<String>, coupon: Option<String> }
/// fn a_full_cart_stays_small() {
///     let cart = Cart { items: vec!["apples".to_owned(); 20], coupon: Some("TENPERCENT".to_owned()) };
///     StateSize::of(&cart).unwrap().assert_at_most(512);
/// }
/// # a_full_cart_stays_small();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSize {
    bytes: usize,
    fields: Vec<(String, usize)>,
}

impl StateSize {
    /// Measures a state.
    ///
    /// # Errors
    ///
    /// [`StateError`] where it is none.
    pub fn of<T: Serialize + ?Sized>(state: &T) -> Result<Self, StateError> {
        Ok(Self::of_raw(&RawState::of(state)?))
    }

    /// Measures a state that is encoded already.
    pub(crate) fn of_raw(state: &RawState) -> Self {
        Self { bytes: state.as_cbor().len(), fields: weights(state.as_cbor()) }
    }

    /// Bytes of the whole state in CBOR.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of each field of a struct or map with its name, heaviest first; empty for other states.
    pub fn fields(&self) -> &[(String, usize)] {
        &self.fields
    }

    /// Characters of a sealed token with this state, of a new session without a subject; a subject adds 4 for every 3
    /// bytes.
    pub fn sealed(&self) -> usize {
        text_len(self.bytes.saturating_add(SEALED))
    }

    /// Characters of a signed token with this state, in the same way.
    pub fn signed(&self) -> usize {
        text_len(self.bytes.saturating_add(SIGNED))
    }

    /// Holds a sealed token with this state to a budget of characters; 2,048 is a good one.
    ///
    /// # Panics
    ///
    /// Where it is longer: with the bytes of every field. It is for tests.
    #[track_caller]
    pub fn assert_at_most(&self, characters: usize) {
        let fits = self.sealed() <= characters;
        assert!(fits, "the sealed token has more than {characters} characters\n{self}");
    }
}

/// A line for each field, the heaviest first, and one for all.
impl fmt::Display for StateSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, bytes) in &self.fields {
            writeln!(f, "{bytes:>6} bytes  {}", name.escape_debug())?;
        }
        write!(
            f,
            "{:>6} bytes in all: {} characters sealed, {} signed",
            self.bytes,
            self.sealed(),
            self.signed()
        )
    }
}

/// The fields of a state that weigh most, and their bytes.
pub(crate) fn heaviest(state: &[u8]) -> Vec<(String, usize)> {
    let mut heaviest = weights(state);
    heaviest.truncate(HEAVIEST_SHOWN);
    heaviest
}

/// Fields with their bytes, in one line.
pub(crate) struct Heaviest<'a>(pub(crate) &'a [(String, usize)]);

impl fmt::Display for Heaviest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (field, bytes)) in self.0.iter().enumerate() {
            let between = if n == 0 { "" } else { ", " };
            // A name is the application's, and may be anything.
            let cut: String = field.chars().take(LONGEST_NAME).collect();
            write!(f, "{between}{} ({bytes} bytes)", cut.escape_debug())?;
        }
        Ok(())
    }
}

const HEAVIEST_SHOWN: usize = 3;
const LONGEST_NAME: usize = 64;
/// Bytes of a token besides its state: the format's section 9.
const SEALED: usize = 77;
const SIGNED: usize = 53;

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    struct Cart {
        items: Vec<&'static str>,
        coupon: Option<&'static str>,
    }

    const CART: Cart = Cart { items: vec![], coupon: Some("ten") };

    #[test]
    fn fields_are_listed_heaviest_first_with_the_tokens_lengths() {
        let size = StateSize::of(&Cart { items: vec!["apples", "pears"], ..CART }).unwrap();
        assert_eq!(size.bytes(), 32);
        assert_eq!(
            size.to_string(),
            "    20 bytes  items\n    11 bytes  coupon\n    32 bytes in all: 146 characters sealed, 114 signed"
        );
        assert_eq!(StateSize::of(&7).unwrap().fields(), []);
        assert!(StateSize::of(&f64::NAN).is_err());
    }

    #[test]
    fn a_budget_is_kept_to_the_character() {
        let size = StateSize::of(&CART).unwrap();
        size.assert_at_most(size.sealed());
        let over = std::panic::catch_unwind(|| size.assert_at_most(size.sealed() - 1)).unwrap_err();
        let text = over.downcast_ref::<String>().unwrap();
        assert!(text.contains("11 bytes  coupon"), "{text}");
    }
}
