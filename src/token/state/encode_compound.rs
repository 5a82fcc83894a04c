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
    /// The map with one key that makes this the content of an enum's variant.
    around: Option<(Open, &'static str)>,
}

impl<'w, 'o> Compound<'w, 'o> {
    /// Opens an array or a map, and around it the map that names the variant it belongs to.
    pub(super) fn open(
        writer: &'w mut Writer<'o>,
        major: Major,
        hint: Option<usize>,
        variant: Option<&'static str>,
    ) -> Result<Self, StateError> {
        let around = match variant {
            Some(name) => {
                let map = writer.open(Major::Map, Some(1))?;
                writer.name(name);
                Some((map, name))
            }
            None => None,
        };
        match writer.open(major, hint) {
            Ok(open) => Ok(Self { writer, open, count: 0, key_waits: false, around }),
            Err(error) => Err(match variant {
                Some(name) => error.under_key(name),
                None => error,
            }),
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        let written = value.serialize(Encoder { writer: &mut *self.writer });
        written.map_err(|error| self.locate(error.under_index(self.count)))?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), StateError> {
        self.writer.name(key);
        self.key_waits = true;
        self.value(value)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.take_turn(true)?;
        let written = value.serialize(Encoder { writer: &mut *self.writer });
        written.map_err(|error| {
            let error = error.under_key(self.writer.name_at(&self.open, self.count));
            self.locate(error)
        })?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    pub(super) fn close(self) -> Result<(), StateError> {
        let key_waits = self.key_waits;
        let Self { writer, open, count, around, .. } = self;
        let name = around.as_ref().map(|(_, name)| *name);
        let mut closed = writer.close(open, count);
        if key_waits {
            closed = Err(writer.fail(StateErrorKind::Application));
        }
        closed.map_err(|error| match name {
            Some(name) => error.under_key(name),
            None => error,
        })?;
        match around {
            Some((map, _)) => writer.close(map, 1),
            None => Ok(()),
        }
    }

    /// Holds a hand-written `Serialize` to keys and values in turn.
    fn take_turn(&mut self, value: bool) -> Result<(), StateError> {
        if self.key_waits != value {
            let error = self.writer.fail(StateErrorKind::Application);
            return Err(self.locate(error));
        }
        self.key_waits = !value;
        Ok(())
    }

    /// Puts an error under the variant around this container, and keeps it from being swallowed.
    #[cold]
    fn locate(&mut self, error: StateError) -> StateError {
        let error = self.writer.failing(error);
        match self.around {
            Some((_, name)) => error.under_key(name),
            None => error,
        }
    }
}

impl ser::SerializeSeq for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.element(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeTuple for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.element(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.element(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.element(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), StateError> {
        self.take_turn(false)?;
        key.serialize(KeyEncoder { writer: &mut *self.writer }).map_err(|error| self.locate(error))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), StateError> {
        self.value(value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}

impl ser::SerializeStructVariant for Compound<'_, '_> {
    type Ok = ();
    type Error = StateError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), StateError> {
        self.field(key, value)
    }

    fn end(self) -> Result<(), StateError> {
        self.close()
    }
}
