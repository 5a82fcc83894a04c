//! CBOR to typed state: a serde deserializer that borrows, and checks as it goes.
//!
//! It is as lenient about types as `serde_json` and as strict about encoding as the format. Values
//! that the type skips are stepped over unread, which the format allows and which is what makes
//! reading two fields of a large state cheap.

use std::iter;

use serde::de::value::MapDeserializer;
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};

use super::decode_compound::Variant;
use super::decode_key::UnitVariant;
use super::error::{StateError, StateErrorKind};
use super::item::{self, Item};
use super::to_json::item_to_json;
use super::{MAX_DEPTH, RAW_VALUE};
use crate::token::cbor::Cursor;

/// Reads state into a type, which may borrow text and bytes from it.
///
/// # Errors
///
/// Where the state breaks a rule of the format or is not what the type wants.
pub(crate) fn decode<'a, T: Deserialize<'a>>(cbor: &'a [u8]) -> Result<T, StateError> {
    let mut decoder = Decoder { cursor: Cursor::new(cbor), depth: 0, broken: None };
    let value = T::deserialize(&mut decoder)?;
    if let Some(kind) = decoder.broken {
        return Err(kind.into());
    }
    if !decoder.cursor.rest().is_empty() {
        return Err(StateErrorKind::Trailing.into());
    }
    Ok(value)
}

/// Reads items one by one.
pub(super) struct Decoder<'de> {
    pub(super) cursor: Cursor<'de>,
    depth: usize,
    /// What went wrong inside a container. A `Deserialize` that swallows such an error would go on
    /// in the middle of nowhere; it gets nothing in the end.
    pub(super) broken: Option<StateErrorKind>,
}

impl<'de> Decoder<'de> {
    fn item(&mut self) -> Result<Item<'de>, StateError> {
        item::read(&mut self.cursor).map_err(|kind| {
            self.broken = Some(kind);
            kind.into()
        })
    }

    /// Gives an item, whatever it is, to the visitor.
    fn visit<V: Visitor<'de>>(
        &mut self,
        item: Item<'de>,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        match item {
            Item::Null => visitor.visit_unit(),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::Unsigned(value) => visitor.visit_u64(value),
            Item::Negative(value) => visitor.visit_i64(value),
            Item::Float(value) => visitor.visit_f64(value),
            Item::Text(text) => visitor.visit_borrowed_str(text),
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Item::Array(count) => self.inside(|decoder| decoder.array(count, visitor)),
            Item::Map(count) => self.inside(|decoder| decoder.map(count, &[], visitor)),
        }
    }

    /// Reads the inside of a container.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let result = if self.depth < MAX_DEPTH {
            self.depth = self.depth.saturating_add(1);
            read(self)
        } else {
            Err(StateErrorKind::TooDeep.into())
        };
        self.depth = self.depth.saturating_sub(1);
        result.inspect_err(|error| self.broken = Some(error.kind()))
    }

    /// The error of an item that the type does not want.
    #[cold]
    fn mismatch(&mut self, item: Item<'de>, expected: &dyn de::Expected) -> StateError {
        let found = match item {
            Item::Null => Unexpected::Unit,
            Item::Bool(value) => Unexpected::Bool(value),
            Item::Unsigned(value) => Unexpected::Unsigned(value),
            Item::Negative(value) => Unexpected::Signed(value),
            Item::Float(value) => Unexpected::Float(value),
            Item::Text(text) => Unexpected::Str(text),
            Item::Bytes(bytes) => Unexpected::Bytes(bytes),
            Item::Array(_) => Unexpected::Seq,
            Item::Map(_) => Unexpected::Map,
        };
        if matches!(item, Item::Array(_) | Item::Map(_)) {
            self.broken = Some(StateErrorKind::Mismatch);
        }
        de::Error::invalid_type(found, expected)
    }
}

/// Methods that take the items of one pattern and refuse all others.
macro_rules! only {
    ($($method:ident($($argument:ty),*): $pattern:pat,)*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $(_: $argument,)*
            visitor: V,
        ) -> Result<V::Value, StateError> {
            match self.item()? {
                item @ $pattern => self.visit(item, visitor),
                item => Err(self.mismatch(item, &visitor)),
            }
        })*
    };
}

/// The same for what is mostly one short item, which is then read without looking at any other.
macro_rules! mostly {
    ($($method:ident: $quick:ident => $visit:ident, else $pattern:pat,)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
            if let Some(value) = self.cursor.$quick() {
                return visitor.$visit(value);
            }
            match self.item()? {
                item @ $pattern => self.visit(item, visitor),
                item => Err(self.mismatch(item, &visitor)),
            }
        })*
    };
}

macro_rules! integer {
    ($($method:ident)*) => {
        mostly! {
            $($method: short_unsigned => visit_u64,
                else Item::Unsigned(_) | Item::Negative(_) | Item::Float(_),)*
        }
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = StateError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        let item = self.item()?;
        self.visit(item, visitor)
    }

    integer! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    mostly! {
        deserialize_str: short_text => visit_borrowed_str, else Item::Text(_),
        deserialize_string: short_text => visit_borrowed_str, else Item::Text(_),
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        let before = self.cursor.clone();
        match self.cursor.double() {
            Some(value) if value.is_finite() => return visitor.visit_f64(value),
            _ => self.cursor = before,
        }
        match self.item()? {
            item @ (Item::Unsigned(_) | Item::Negative(_) | Item::Float(_)) => {
                self.visit(item, visitor)
            }
            item => Err(self.mismatch(item, &visitor)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        self.deserialize_f64(visitor)
    }

    only! {
        deserialize_bool(): Item::Bool(_),
        deserialize_char(): Item::Text(_),
        deserialize_identifier(): Item::Text(_),
        // As in serde_json, a type that wants bytes may get text or an array of integers.
        deserialize_bytes(): Item::Bytes(_) | Item::Text(_) | Item::Array(_),
        deserialize_byte_buf(): Item::Bytes(_) | Item::Text(_) | Item::Array(_),
        deserialize_unit(): Item::Null,
        deserialize_unit_struct(&'static str): Item::Null,
        deserialize_seq(): Item::Array(_),
        deserialize_tuple(usize): Item::Array(_),
        deserialize_tuple_struct(&'static str, usize): Item::Array(_),
        deserialize_map(): Item::Map(_),
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        if let Some(count) = self.cursor.short_map() {
            return self.inside(|decoder| decoder.map(count, fields, visitor));
        }
        match self.item()? {
            Item::Map(count) => self.inside(|decoder| decoder.map(count, fields, visitor)),
            item @ Item::Array(_) => self.visit(item, visitor),
            item => Err(self.mismatch(item, &visitor)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        if self.cursor.rest().first() == Some(&NULL) {
            self.item()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        if name == RAW_VALUE {
            let json = item_to_json(&mut self.cursor, self.depth)
                .inspect_err(|error| self.broken = Some(error.kind()))?;
            return visitor.visit_map(MapDeserializer::new(iter::once((RAW_VALUE, json))));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        match self.item()? {
            Item::Text(name) => visitor.visit_enum(UnitVariant { name }),
            Item::Map(1) => self.inside(|decoder| {
                let name = item::read_key(&mut decoder.cursor)?;
                let content = decoder.cursor.rest().len();
                let value = visitor.visit_enum(Variant { decoder: &mut *decoder, name })?;
                // A visitor that never asks for the content would leave it to be read as something
                // else.
                if decoder.cursor.rest().len() == content {
                    return Err(StateErrorKind::Application.into());
                }
                Ok(value)
            }),
            item => Err(self.mismatch(item, &"a variant's name or a map with one")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, StateError> {
        item::skip(&mut self.cursor).inspect_err(|kind| self.broken = Some(*kind))?;
        visitor.visit_unit()
    }
}

/// The first byte of `null`, and all of it.
const NULL: u8 = 0xf6;
