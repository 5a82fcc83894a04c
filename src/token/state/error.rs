//! Why state was refused, and where in it. One type for all directions, because the same rules
//! hold in all of them; and a careful one, because state may be secret and errors end up in logs.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};
use std::str::Utf8Error;

use serde::de::{Expected, Unexpected};

/// Why application state could not be encoded, decoded or shown.
///
/// It prints as the JSON path of the offending item and the rule it breaks:
/// `$.cart.items[3].price: a number is not finite`. Map keys are part of the path; the values of
/// the state never appear, neither in [`Display`] nor in [`Debug`](fmt::Debug). A message that the
/// application's own type attached may quote a value, so it is kept apart: see
/// [`detail`](Self::detail).
#[derive(Clone)]
pub struct StateError(Box<Inner>);

/// Which rule state breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StateErrorKind {
    /// The bytes end inside an item.
    Truncated,
    /// Bytes or text follow the one item.
    Trailing,
    /// A reserved CBOR encoding.
    Malformed,
    /// A CBOR length that is not given up front.
    Indefinite,
    /// A CBOR tag.
    Tag,
    /// A CBOR simple value other than `false`, `true` and `null`.
    Simple,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A map key that is not text, nor becomes text as in JSON.
    KeyNotText,
    /// The same key twice in one map.
    DuplicateKey,
    /// NaN or an infinity.
    NotFinite,
    /// An integer outside -2^63 … 2^64-1.
    IntegerRange,
    /// More than 32 containers inside each other.
    TooDeep,
    /// Text that is not JSON, or a JSON number too large for a binary64.
    Json,
    /// State of another shape than the application's type.
    Mismatch,
    /// The application's type refused its value.
    Application,
}

#[derive(Clone)]
struct Inner {
    kind: StateErrorKind,
    /// From the inside out, as it is found while the error travels up.
    path: Vec<Segment>,
    /// More than the kind says, without any value of the state.
    message: Option<Cow<'static, str>>,
    /// What somebody else's code wrote.
    detail: Option<String>,
}

#[derive(Clone)]
enum Segment {
    Key(String),
    Index(u64),
}

impl StateError {
    /// Which rule the state breaks.
    pub fn kind(&self) -> StateErrorKind {
        self.0.kind
    }

    /// Where: `$` is the whole state, `$.cart.items[3]` an item inside.
    pub fn path(&self) -> String {
        let mut path = String::from("$");
        for segment in self.0.path.iter().rev() {
            // Writing to a String cannot fail.
            let _ = match segment {
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Key(key) if is_plain(key) => write!(path, ".{key}"),
                Segment::Key(key) => write!(path, "[{key:?}]"),
            };
        }
        path
    }

    /// What the application's own type said, for [`StateErrorKind::Application`].
    ///
    /// It may quote the state, which may be secret: decide before you log it.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    pub(super) fn new(kind: StateErrorKind) -> Self {
        Self(Box::new(Inner { kind, path: Vec::new(), message: None, detail: None }))
    }

    /// An error with more to say than its kind. The message must not hold a value of the state.
    pub(super) fn with_message(
        kind: StateErrorKind,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut error = Self::new(kind);
        error.0.message = Some(message.into());
        error
    }

    /// JSON that is no text at all.
    pub(crate) fn no_text(error: Utf8Error) -> Self {
        let told = format!("not json: no utf-8 from byte {} on", error.valid_up_to());
        Self::with_message(StateErrorKind::Json, told)
    }

    /// The same error, seen from the map that holds the item under `key`.
    #[cold]
    pub(super) fn under_key(mut self, key: &str) -> Self {
        let mut shown: String = key.chars().take(LONGEST_KEY).collect();
        if shown.len() < key.len() {
            shown.push('…');
        }
        self.0.path.push(Segment::Key(shown));
        self
    }

    /// The same error, seen from the array that holds the item at `index`.
    #[cold]
    pub(super) fn under_index(mut self, index: u64) -> Self {
        self.0.path.push(Segment::Index(index));
        self
    }

    fn mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Self::with_message(StateErrorKind::Mismatch, message)
    }

    fn application(detail: impl Display) -> Self {
        let mut error = Self::new(StateErrorKind::Application);
        error.0.detail = Some(detail.to_string());
        error
    }
}

impl Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path())?;
        match &self.0.message {
            Some(message) => f.write_str(message),
            None => self.0.kind.fmt(f),
        }
    }
}

impl fmt::Debug for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateError")
            .field("kind", &self.0.kind)
            .field("path", &self.path())
            .field("message", &self.0.message)
            .finish_non_exhaustive()
    }
}

impl Display for StateErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the bytes end inside an item",
            Self::Trailing => "something follows the one item",
            Self::Malformed => "a reserved cbor encoding",
            Self::Indefinite => "an indefinite length",
            Self::Tag => "a cbor tag",
            Self::Simple => "a simple value other than false, true and null",
            Self::NotUtf8 => "text is not utf-8",
            Self::KeyNotText => "a map key is not text",
            Self::DuplicateKey => "a map key is there twice",
            Self::NotFinite => "a number is not finite",
            Self::IntegerRange => "an integer is outside -2^63 to 2^64-1",
            Self::TooDeep => "nested deeper than 32",
            Self::Json => "not json",
            Self::Mismatch => "another type than expected",
            Self::Application => "refused by the application's type",
        })
    }
}

impl std::error::Error for StateError {}

impl From<StateErrorKind> for StateError {
    #[cold]
    fn from(kind: StateErrorKind) -> Self {
        Self::new(kind)
    }
}

impl serde::ser::Error for StateError {
    fn custom<T: Display>(message: T) -> Self {
        Self::application(message)
    }
}

/// serde's own texts quote the value they refuse (`invalid type: string "…"`): ours name its type.
impl serde::de::Error for StateError {
    fn custom<T: Display>(message: T) -> Self {
        Self::application(message)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(format!("expected {expected}, found {}", type_of(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(format!("expected {expected}, found another {}", bare_type_of(&found)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::mismatch(format!("expected {expected}, found {length} items"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::mismatch(format!("unknown variant, expected {}", Choice(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::mismatch(format!("unknown field, expected {}", Choice(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::mismatch(format!("field `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::with_message(StateErrorKind::DuplicateKey, format!("field `{field}` is there twice"))
    }
}

/// The names a type would have taken. They are the type's, so showing them tells nothing.
struct Choice(&'static [&'static str]);

impl Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "one of `";
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for name in self.0 {
            write!(f, "{separator}{name}`")?;
            separator = ", `";
        }
        Ok(())
    }
}

fn type_of(found: &Unexpected<'_>) -> String {
    let bare = bare_type_of(found);
    match found {
        Unexpected::Unit | Unexpected::Option => bare.into(),
        Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Seq => format!("an {bare}"),
        _ => format!("a {bare}"),
    }
}

fn bare_type_of(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "integer",
        Unexpected::Float(_) => "float",
        Unexpected::Char(_) | Unexpected::Str(_) => "string",
        Unexpected::Bytes(_) => "byte string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "array",
        Unexpected::Map => "map",
        _ => "value of another kind",
    }
}

/// Whether a key can follow a dot as it is.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// Characters of a key that a path shows.
const LONGEST_KEY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::Error as _;

    #[test]
    fn an_error_prints_its_path_and_its_rule() {
        let error = StateError::new(StateErrorKind::NotFinite)
            .under_key("price")
            .under_index(3)
            .under_key("items")
            .under_key("my cart");
        assert_eq!(error.to_string(), "$[\"my cart\"].items[3].price: a number is not finite");
    }

    #[test]
    fn a_long_key_is_cut_in_the_path() {
        let error = StateError::new(StateErrorKind::Tag).under_key(&"ü".repeat(65));
        assert_eq!(error.path(), format!("$[\"{}…\"]", "ü".repeat(64)));
    }

    #[test]
    fn no_error_shows_a_value_of_the_state() {
        for error in [
            StateError::custom("bad password hunter2"),
            StateError::invalid_type(Unexpected::Str("hunter2"), &"u32"),
            StateError::invalid_value(Unexpected::Str("hunter2"), &"an address"),
            StateError::unknown_variant("hunter2", &["Card", "Cash"]),
            StateError::unknown_field("hunter2", &[]),
        ] {
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn what_was_found_is_named_by_its_type() {
        for (found, a, another) in [
            (Unexpected::Bool(true), "a boolean", "boolean"),
            (Unexpected::Unsigned(7), "an integer", "integer"),
            (Unexpected::Signed(-7), "an integer", "integer"),
            (Unexpected::Float(7.5), "a float", "float"),
            (Unexpected::Char('7'), "a string", "string"),
            (Unexpected::Str("7"), "a string", "string"),
            (Unexpected::Bytes(b"7"), "a byte string", "byte string"),
            (Unexpected::Unit, "null", "null"),
            (Unexpected::Option, "null", "null"),
            (Unexpected::Seq, "an array", "array"),
            (Unexpected::Map, "a map", "map"),
            (Unexpected::Enum, "a value of another kind", "value of another kind"),
        ] {
            let error = StateError::invalid_type(found, &"x").to_string();
            assert_eq!(error, format!("$: expected x, found {a}"));
            let error = StateError::invalid_value(found, &"x").to_string();
            assert_eq!(error, format!("$: expected x, found another {another}"));
        }
    }

    #[test]
    fn debug_shows_the_rule_and_the_path() {
        let error = StateError::new(StateErrorKind::Tag).under_key("cart");
        let debug = format!("{error:?}");
        assert!(debug.contains("Tag") && debug.contains("$.cart"), "{debug}");
    }

    #[test]
    fn the_texts_of_type_errors() {
        for (error, text) in [
            (
                StateError::invalid_type(Unexpected::Str("x"), &"u32"),
                "$: expected u32, found a string",
            ),
            (StateError::invalid_type(Unexpected::Unit, &"u32"), "$: expected u32, found null"),
            (
                StateError::invalid_value(Unexpected::Unsigned(300), &"u8"),
                "$: expected u8, found another integer",
            ),
            (
                StateError::unknown_variant("x", &["Card", "Cash"]),
                "$: unknown variant, expected one of `Card`, `Cash`",
            ),
            (StateError::missing_field("sku"), "$: field `sku` is missing"),
            (StateError::custom("x"), "$: refused by the application's type"),
        ] {
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(StateError::custom("too old").detail(), Some("too old"));
    }
}
