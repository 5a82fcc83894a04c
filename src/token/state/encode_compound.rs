//! Typed state to CBOR, container by container: arrays, maps, structs and the contents of variants.

use serde::ser::{self, Serialize};

use super::encode::Encoder;
use super::encode_key::KeyEncoder;
use super::error::{StateError, StateErrorKind};
use super::writer::{Open, Writer};
use crate::token::cbor::Major;

/// An array or a map whose items come one by one.
pub(super) struct Compound<'w, 'o> {
    writer: &'w mut Writer<'o>,
    open: Open,
    /// Items or pairs so far.
    count: u64,
    /// Whether a key was written and its value was not.
    key_waits: bool,
}

impl<'w, 'o> Compound<'w, 'o> {
    /// Opens an array or a map.
    #[inline]
    pub(super) fn open(
        writer: &'w mut Writer<'o>,
        major: Major,
        hint: Option<usize>,
    ) -> Result<Self, StateError> {
        let open = writer.open(major, hint)?;
        Ok(Self { writer, open, count: 0, key_waits: false })
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        let written = value.serialize(Encoder { writer: &mut *self.writer });
        written.map_err(|error| self.writer.failing(error.under_index(self.count)))?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        self.writer.field(&mut self.open, key);
        self.value(value)
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        let written = value.serialize(Encoder { writer: &mut *self.writer });
        written.map_err(|error| {
            let error = error.under_key(self.writer.name_at(&self.open, self.count));
            self.writer.failing(error)
        })?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn close(self) -> Result<(), StateError> {
        let closed = self.writer.close(&self.open, self.count);
        if self.key_waits {
            return Err(self.writer.fail(StateErrorKind::Application));
        }
        closed
    }

    /// Holds a hand-written `Serialize` to keys and values in turn.
    #[inline]
    fn take_turn(&mut self, value: bool) -> Result<(), StateError> {
        if self.key_waits != value {
            return Err(self.writer.fail(StateErrorKind::Application));
        }
        self.key_waits = !value;
        Ok(())
    }
}

macro_rules! array {
    ($($trait:ident::$method:ident,)*) => {
        $(impl ser::$trait for Compound<'_, '_> {
            type Ok = ();
            type Error = StateError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), StateError> {
                self.close()
            }
        })*
    };
}

array! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
}

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), StateError> {
        self.take_turn(false)?;
        key.serialize(KeyEncoder { writer: &mut *self.writer, map: &mut self.open })
            .map_err(|error| self.writer.failing(error))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.take_turn(true)?;
        self.value(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

/// The content of an enum's variant: an array or a map in a map with one key.
pub(super) struct InVariant<'w, 'o> {
    content: Compound<'w, 'o>,
    around: Open,
    name: &'static str,
}

impl<'w, 'o> InVariant<'w, 'o> {
    pub(super) fn open(
        writer: &'w mut Writer<'o>,
        major: Major,
        hint: usize,
        name: &'static str,
    ) -> Result<Self, StateError> {
        let mut around = writer.open(Major::Map, Some(1))?;
        writer.name(&mut around, name);
        let content = Compound::open(writer, major, Some(hint));
        Ok(Self { content: content.map_err(|error| error.under_key(name))?, around, name })
    }

    fn close(self) -> Result<(), StateError> {
        let Compound { writer, open, count, .. } = self.content;
        writer.close(&open, count).map_err(|error| error.under_key(self.name))?;
        writer.close(&self.around, 1)
    }
}

impl ser::SerializeTupleVariant for InVariant<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.content.element(value).map_err(|error| error.under_key(self.name))
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeStructVariant for InVariant<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        self.content.field(key, value).map_err(|error| error.under_key(self.name))
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}
