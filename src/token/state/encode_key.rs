//! Map keys to text. A key is another thing than a value: numbers and booleans are spelled, the
//! rest has no spelling, both as in `serde_json`.

use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::error::{StateError, StateErrorKind};
use super::writer::{Open, Writer};

/// Writes one key of a map.
pub(super) struct KeyEncoder<'w, 'o> {
    pub(super) writer: &'w mut Writer<'o>,
    pub(super) map: &'w mut Open,
}

type Refused = Impossible<(), StateError>;

impl KeyEncoder<'_, '_> {
    fn spelled(self, key: impl ToString) -> Result<(), StateError> {
        self.writer.name(self.map, &key.to_string());
        Ok(())
    }

    /// Spells a float as JSON does; the shortest digits differ between `f32` and `f64`.
    fn float(self, key: impl Serialize, finite: bool) -> Result<(), StateError> {
        match serde_json::to_string(&key) {
            Ok(key) if finite => self.spelled(key),
            _ => Err(self.writer.fail(StateErrorKind::NotFinite)),
        }
    }

    fn refused<T>(self) -> Result<T, StateError> {
        Err(self.writer.fail(StateErrorKind::KeyNotText))
    }
}

macro_rules! spelled {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method(self, key: $type) -> Result<(), StateError> {
            self.spelled(key)
        })*
    };
}

impl Serializer for KeyEncoder<'_, '_> {
    type Ok = ();
    type Error = StateError;
    type SerializeSeq = Refused;
    type SerializeTuple = Refused;
    type SerializeTupleStruct = Refused;
    type SerializeTupleVariant = Refused;
    type SerializeMap = Refused;
    type SerializeStruct = Refused;
    type SerializeStructVariant = Refused;

    spelled! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
    }

    fn serialize_f32(self, key: f32) -> Result<(), StateError> {
        self.float(key, key.is_finite())
    }

    fn serialize_f64(self, key: f64) -> Result<(), StateError> {
        self.float(key, key.is_finite())
    }

    #[inline]
    fn serialize_str(self, key: &str) -> Result<(), StateError> {
        self.writer.name(self.map, key);
        Ok(())
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
        key: &T,
    ) -> Result<(), StateError> {
        key.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_none(self) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_unit(self) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), StateError> {
        self.refused()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_tuple(self, _: usize) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Refused, StateError> {
        self.refused()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Refused, StateError> {
        self.refused()
    }
}
