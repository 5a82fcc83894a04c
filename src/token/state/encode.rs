//! Typed state to CBOR: a serde serializer that makes of any type what `serde_json` would, so that
//! state looks the same to a typed reader, to JSON and to another language.

use serde::ser::{self, Serialize};

use super::encode_compound::{Compound, InVariant};
use super::error::{StateError, StateErrorKind};
use super::from_json::write_json;
use super::item::{self, Item};
use super::writer::{Writer, written};
use super::{RAW_NUMBER, RAW_VALUE};
use crate::token::cbor::{Cursor, Major};

/// Appends `value` to `out` as state.
///
/// Shown as JSON, the result is what `serde_json::to_value` makes of the same value; only bytes
/// stay bytes, and NaN and infinities are refused rather than turned into null.
///
/// # Errors
///
/// Where the value breaks a rule of the format or its own `Serialize` fails; `out` is then as it
/// was.
pub(crate) fn encode<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), StateError> {
    written(out, |writer| value.serialize(Encoder { writer }))
}

/// Writes one item.
pub(super) struct Encoder<'w, 'o> {
    pub(super) writer: &'w mut Writer<'o>,
}

impl<'w, 'o> Encoder<'w, 'o> {
    #[inline]
    fn open(self, major: Major, hint: Option<usize>) -> Result<Compound<'w, 'o>, StateError> {
        Compound::open(self.writer, major, hint)
    }

    fn integer<I: TryInto<u64> + TryInto<i64> + Copy>(self, value: I) -> Result<(), StateError> {
        if let Ok(value) = value.try_into() {
            self.writer.unsigned(value);
        } else if let Ok(value) = value.try_into() {
            self.writer.signed(value);
        } else {
            return Err(self.writer.fail(StateErrorKind::IntegerRange));
        }
        Ok(())
    }
}

impl<'w, 'o> ser::Serializer for Encoder<'w, 'o> {
    type Ok = ();
    type Error = StateError;
    type SerializeSeq = Compound<'w, 'o>;
    type SerializeTuple = Compound<'w, 'o>;
    type SerializeTupleStruct = Compound<'w, 'o>;
    type SerializeTupleVariant = InVariant<'w, 'o>;
    type SerializeMap = Compound<'w, 'o>;
    type SerializeStruct = Struct<'w, 'o>;
    type SerializeStructVariant = InVariant<'w, 'o>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), StateError> {
        self.writer.bool(value);
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), StateError> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), StateError> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), StateError> {
        self.serialize_i64(value.into())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), StateError> {
        self.writer.signed(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), StateError> {
        self.integer(value)
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), StateError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), StateError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), StateError> {
        self.serialize_u64(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), StateError> {
        self.writer.unsigned(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), StateError> {
        self.integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), StateError> {
        self.writer.float(value.into())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), StateError> {
        self.writer.float(value)
    }

    fn serialize_char(self, value: char) -> Result<(), StateError> {
        self.writer.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), StateError> {
        self.writer.text(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), StateError> {
        self.writer.bytes(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), StateError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), StateError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), StateError> {
        self.writer.null();
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), StateError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), StateError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        let mut map = self.open(Major::Map, Some(1))?;
        map.field(variant, value)?;
        map.close()
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, StateError> {
        self.open(Major::Array, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, StateError> {
        self.open(Major::Array, Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, StateError> {
        self.open(Major::Array, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, StateError> {
        InVariant::open(self.writer, Major::Array, len, variant)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, StateError> {
        self.open(Major::Map, len)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, StateError> {
        if name == RAW_VALUE || name == RAW_NUMBER {
            return Ok(Struct::Raw(self.writer));
        }
        self.open(Major::Map, Some(len)).map(Struct::Fields)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, StateError> {
        InVariant::open(self.writer, Major::Map, len, variant)
    }
}

/// A struct; or text that `serde_json` hides in one, which is JSON and becomes what it says.
pub(super) enum Struct<'w, 'o> {
    Fields(Compound<'w, 'o>),
    Raw(&'w mut Writer<'o>),
}

impl ser::SerializeStruct for Struct<'_, '_> {
    type Ok = ();
    type Error = StateError;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        match self {
            Self::Fields(fields) => fields.field(key, value),
            Self::Raw(writer) => raw(writer, value),
        }
    }

    // Always: what is open would be copied to be closed.
    #[inline(always)]
    fn end(self) -> Result<(), StateError> {
        match self {
            Self::Fields(fields) => fields.close(),
            Self::Raw(_) => Ok(()),
        }
    }
}

fn raw<T: Serialize + ?Sized>(writer: &mut Writer<'_>, value: &T) -> Result<(), StateError> {
    let start = writer.out.len();
    value.serialize(Encoder { writer: &mut *writer })?;
    let text = writer.out.split_off(start);
    match item::read(&mut Cursor::new(&text)) {
        Ok(Item::Text(json)) => write_json(json, writer),
        _ => Err(writer.fail(StateErrorKind::Application)),
    }
}
