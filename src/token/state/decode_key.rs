//! Map keys to typed values: text that the type may want as a number or a boolean, spelled as in
//! `serde_json`.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{StateError, StateErrorKind};

/// One key.
pub(super) struct KeyDecoder<'de> {
    pub(super) key: &'de str,
}

macro_rules! numeric {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
            // JSON's own grammar, without the white space around that JSON would take.
            let ends = (self.key.as_bytes().first(), self.key.as_bytes().last());
            let (Some(b'-' | b'0'..=b'9'), Some(b'0'..=b'9')) = ends else {
                return Err(not_a_number(&visitor));
            };
            let expected = not_a_number(&visitor);
            let mut json = serde_json::Deserializer::from_str(self.key);
            match json.$method(visitor) {
                Ok(value) if json.end().is_ok() => Ok(value),
                _ => Err(expected),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for KeyDecoder<'de> {
    type Error = StateError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        visitor.visit_borrowed_str(self.key)
    }

    numeric! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        match self.key {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            key => Err(de::Error::invalid_type(de::Unexpected::Str(key), &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        visitor.visit_enum(UnitVariant { name: self.key })
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        visitor.visit_borrowed_bytes(self.key.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        self.deserialize_bytes(visitor)
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An enum that is only its variant's name.
pub(super) struct UnitVariant<'de> {
    pub(super) name: &'de str,
}

impl<'de> EnumAccess<'de> for UnitVariant<'de> {
    type Error = StateError;
    type Variant = <BorrowedStrDeserializer<'de, StateError> as EnumAccess<'de>>::Variant;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), StateError> {
        BorrowedStrDeserializer::new(self.name).variant_seed(seed)
    }
}

#[cold]
fn not_a_number(expected: &dyn de::Expected) -> StateError {
    StateError::with_message(StateErrorKind::Mismatch, format!("expected {expected} as a key"))
}
