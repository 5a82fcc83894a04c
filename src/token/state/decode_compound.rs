//! CBOR to typed state, container by container: arrays, maps, and the contents of variants.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Visitor};

use super::decode::Decoder;
use super::decode_key::KeyDecoder;
use super::error::{StateError, StateErrorKind};
use super::item;
use super::names::{Seen, twin};

impl<'de> Decoder<'de> {
    #[inline]
    pub(super) fn array<V: Visitor<'de>>(
        &mut self,
        count: u64,
        visitor: V,
    ) -> Result<V::Value, StateError> {
        let mut items = Items { decoder: self, count, read: 0 };
        let value = visitor.visit_seq(&mut items)?;
        if items.read == count { Ok(value) } else { Err(too_many("array", items.read)) }
    }

    #[inline]
    pub(super) fn map<V: Visitor<'de>>(
        &mut self,
        count: u64,
        expected: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        let (map, seen) = (self.cursor.clone(), Seen::default());
        let mut entries =
            Entries { decoder: self, count, read: 0, expected, key: "", value_waits: false, seen };
        let value = visitor.visit_map(&mut entries)?;
        if entries.value_waits {
            return Err(entries.out_of_turn());
        }
        if entries.read != count {
            return Err(too_many("map", entries.read));
        }
        if entries.seen.is_doubtful()
            && let Some(twin) = twin(map, count)
        {
            return Err(StateError::new(StateErrorKind::DuplicateKey).under_key(twin));
        }
        Ok(value)
    }
}

/// The items of an array.
struct Items<'d, 'de> {
    decoder: &'d mut Decoder<'de>,
    count: u64,
    read: u64,
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = StateError;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, StateError> {
        if self.read == self.count {
            return Ok(None);
        }
        let index = self.read;
        self.read = self.read.saturating_add(1);
        match seed.deserialize(&mut *self.decoder) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.under_index(index)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.count.saturating_sub(self.read)).ok()
    }
}

/// The keys and values of a map.
struct Entries<'d, 'de> {
    decoder: &'d mut Decoder<'de>,
    count: u64,
    read: u64,
    /// Names that the type has, from the one that probably comes next; a map's are not known.
    expected: &'static [&'static str],
    /// The key that was read last.
    key: &'de str,
    /// Whether its value was not read yet.
    value_waits: bool,
    seen: Seen,
}

impl Entries<'_, '_> {
    /// Reads a key that is one of the next names of the type: the same bytes are the same text, without asking
    /// whether they are UTF-8. Otherwise nothing.
    #[inline(always)]
    fn expected_key(&mut self) -> Option<&'static str> {
        let (name, others) = self.expected.split_first()?;
        if self.decoder.cursor.name(name) {
            self.expected = others;
            return Some(name);
        }
        self.expected_later(others)
    }

    fn expected_later(&mut self, mut names: &'static [&'static str]) -> Option<&'static str> {
        for _ in 0..LOOKAHEAD {
            let (name, others) = names.split_first()?;
            if self.decoder.cursor.name(name) {
                self.expected = others;
                return Some(name);
            }
            names = others;
        }
        None
    }

    /// The error of a visitor that does not take keys and values in turn.
    #[cold]
    fn out_of_turn(&mut self) -> StateError {
        self.decoder.broken = Some(StateErrorKind::Application);
        StateErrorKind::Application.into()
    }
}

impl<'de> de::MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = StateError;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, StateError> {
        if self.value_waits {
            return Err(self.out_of_turn());
        }
        if self.read == self.count {
            return Ok(None);
        }
        self.read = self.read.saturating_add(1);
        self.value_waits = true;
        let key = match self.expected_key() {
            Some(key) => key,
            None => item::read_key(&mut self.decoder.cursor)
                .inspect_err(|kind| self.decoder.broken = Some(*kind))?,
        };
        self.key = key;
        self.seen.note(key.as_bytes());
        match seed.deserialize(KeyDecoder { key }) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.under_key(key)),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, StateError> {
        if !self.value_waits {
            return Err(self.out_of_turn());
        }
        self.value_waits = false;
        seed.deserialize(&mut *self.decoder).map_err(|error| error.under_key(self.key))
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.count.saturating_sub(self.read)).ok()
    }
}

/// An enum's variant with content: the one key of a map, and its value.
pub(super) struct Variant<'d, 'de> {
    pub(super) decoder: &'d mut Decoder<'de>,
    pub(super) name: &'de str,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = StateError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), StateError> {
        match seed.deserialize(KeyDecoder { key: self.name }) {
            Ok(value) => Ok((value, self)),
            Err(error) => Err(error.under_key(self.name)),
        }
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = StateError;

    fn unit_variant(self) -> Result<(), StateError> {
        <()>::deserialize(self.decoder).map_err(|error| error.under_key(self.name))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, StateError> {
        seed.deserialize(self.decoder).map_err(|error| error.under_key(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, StateError> {
        self.decoder.deserialize_seq(visitor).map_err(|error| error.under_key(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, StateError> {
        let read = self.decoder.deserialize_struct("", fields, visitor);
        read.map_err(|error| error.under_key(self.name))
    }
}

#[cold]
fn too_many(container: &str, wanted: u64) -> StateError {
    StateError::with_message(
        StateErrorKind::Mismatch,
        format!("the {container} has more than the {wanted} items expected"),
    )
}

/// Names that are compared with a key: fields without a value are often left out.
const LOOKAHEAD: usize = 4;
