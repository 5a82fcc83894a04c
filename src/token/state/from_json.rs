//! JSON text to CBOR in one streaming pass, RFC 8949 §6.2: no tree is built between.
//!
//! `serde_json` reads the text; the visitor below writes as it hears. What `serde_json` is too
//! generous with (duplicate names, depth) the writer refuses, and what it forgets (`-0` was an
//! integer) is looked up in the text.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::RAW_NUMBER;
use super::error::{StateError, StateErrorKind};
use super::writer::{Open, Writer, written};
use crate::token::cbor::Major;

/// Appends the one JSON value in `text` to `out` as state.
///
/// # Errors
///
/// Where the text is not one JSON value or breaks a rule of the format; `out` is then as it was.
pub(crate) fn from_json(text: &str, out: &mut Vec<u8>) -> Result<(), StateError> {
    written(out, |writer| write_json(text, writer))
}

/// The same inside of a state that is being written.
pub(super) fn write_json(text: &str, writer: &mut Writer<'_>) -> Result<(), StateError> {
    let zeros = NegativeZeros { rest: text.as_bytes() };
    let mut reading = Reading { writer, zeros, number_text: None, failure: None, path: Vec::new() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = Value(&mut reading).deserialize(&mut json).map_err(|error| (error, false));
    let read = read.and_then(|()| json.end().map_err(|error| (error, true)));
    read.map_err(|(error, read_whole)| {
        let error = reading.failure.take().unwrap_or_else(|| syntax(&error, read_whole));
        let error = reading.path.iter().fold(error, |error, step| match step {
            Step::Key(key) => error.under_key(key),
            Step::Index(index) => error.under_index(*index),
        });
        reading.writer.failing(error)
    })
}

/// What `serde_json` says about syntax quotes nothing of the text.
fn syntax(error: &serde_json::Error, read_whole: bool) -> StateError {
    match (error.classify(), read_whole) {
        (serde_json::error::Category::Data, _) => StateErrorKind::Json.into(),
        (_, true) => StateErrorKind::Trailing.into(),
        _ => StateError::with_message(StateErrorKind::Json, format!("not json: {error}")),
    }
}

struct Reading<'r, 'o, 't> {
    writer: &'r mut Writer<'o>,
    zeros: NegativeZeros<'t>,
    /// The text of a number, where a build has `serde_json` pass numbers as text.
    number_text: Option<String>,
    /// The first rule that was broken: `serde_json`'s own errors could only carry its text.
    failure: Option<StateError>,
    /// From the inside out.
    path: Vec<Step>,
}

enum Step {
    Key(String),
    Index(u64),
}

impl Reading<'_, '_, '_> {
    /// Takes note of a broken rule, and makes an error that stops `serde_json`.
    fn refuse<E: de::Error>(&mut self, error: StateError) -> E {
        self.failure = Some(error);
        E::custom("")
    }

    fn noted<T, E: de::Error>(&mut self, result: Result<T, StateError>) -> Result<T, E> {
        result.map_err(|error| self.refuse(error))
    }

    fn open<E: de::Error>(&mut self, major: Major) -> Result<Open, E> {
        let opened = self.writer.open(major, None);
        self.noted(opened)
    }

    fn close<E: de::Error>(&mut self, open: &Open, count: u64) -> Result<(), E> {
        let closed = self.writer.close(open, count);
        self.noted(closed)
    }

    /// Writes a number from its text, as the format reads it.
    fn number<E: de::Error>(&mut self, text: &str) -> Result<(), E> {
        let written = if text.contains(['.', 'e', 'E']) {
            self.float_text(text)
        } else if let Ok(value) = text.parse() {
            self.writer.unsigned(value);
            Ok(())
        } else if let Ok(value) = text.parse() {
            self.writer.signed(value);
            Ok(())
        } else {
            self.float_text(text)
        };
        self.noted(written)
    }

    fn float_text(&mut self, text: &str) -> Result<(), StateError> {
        self.writer.float(text.parse().map_err(|_| StateErrorKind::Json)?)
    }
}

/// Reads one value and writes it.
struct Value<'v, 'r, 'o, 't>(&'v mut Reading<'r, 'o, 't>);

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.writer.null();
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.writer.bool(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.writer.unsigned(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.writer.signed(value);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        if value == 0.0 && value.is_sign_negative() && self.0.zeros.next_is_integer() {
            self.0.writer.unsigned(0);
            return Ok(());
        }
        let written = self.0.writer.float(value);
        self.0.noted(written)
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.writer.text(text);
        Ok(())
    }

    /// Never a string of the text, which is not owned: the number of `visit_map`.
    fn visit_string<E>(self, number: String) -> Result<(), E> {
        self.0.number_text = Some(number);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let open = self.0.open(Major::Array)?;
        let mut count: u64 = 0;
        loop {
            match items.next_element_seed(Value(&mut *self.0)) {
                Ok(Some(())) => count = count.saturating_add(1),
                Ok(None) => return self.0.close(&open, count),
                Err(error) => {
                    self.0.path.push(Step::Index(count));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut open = self.0.open(Major::Map)?;
        let mut count: u64 = 0;
        while entries.next_key_seed(Name(&mut *self.0.writer, &mut open))?.is_some() {
            if let Err(error) = entries.next_value_seed(Value(&mut *self.0)) {
                let key = self.0.writer.name_at(&open, count).to_owned();
                self.0.path.push(Step::Key(key));
                return Err(error);
            }
            // With `serde_json/arbitrary_precision`, which any crate of a build may turn on, a
            // number comes as a map with this one key and an owned string.
            if let Some(number) = self.0.number_text.take() {
                if count == 0 && self.0.writer.name_at(&open, 0) == RAW_NUMBER {
                    self.0.writer.undo(open);
                    return self.0.number(&number);
                }
                return Err(self.0.refuse(StateErrorKind::Json.into()));
            }
            count = count.saturating_add(1);
        }
        self.0.close(&open, count)
    }
}

/// Reads one name and writes it.
struct Name<'v, 'o>(&'v mut Writer<'o>, &'v mut Open);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        self.0.name(self.1, name);
        Ok(())
    }
}

/// Tells `-0` from `-0.0`, both of which `serde_json` reads as the float -0.0.
///
/// Values are heard in the order of the text, so the n-th negative zero heard is the n-th one
/// written. The text is scanned only where there is one, and once in all.
struct NegativeZeros<'t> {
    rest: &'t [u8],
}

impl NegativeZeros<'_> {
    /// Whether the next number that reads as negative zero is spelled as an integer.
    fn next_is_integer(&mut self) -> bool {
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match byte {
                b'"' => self.skip_string(),
                // Every number is taken whole: a minus sign may stand in its exponent, too.
                b'0'..=b'9' => {
                    self.number();
                }
                b'-' => {
                    let number = self.number();
                    if number.parse::<f64>().is_ok_and(|value| value == 0.0) {
                        return !number.contains(['.', 'e', 'E']);
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Skips the rest of a string. The text before the number heard is known to be JSON.
    fn skip_string(&mut self) {
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match byte {
                b'"' => return,
                b'\\' => self.rest = self.rest.get(1..).unwrap_or_default(),
                _ => {}
            }
        }
    }

    /// Takes the rest of a number.
    fn number(&mut self) -> &str {
        let of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        let length = self.rest.iter().take_while(|byte| of_number(byte)).count();
        let (number, rest) = self.rest.split_at_checked(length).unwrap_or_default();
        self.rest = rest;
        str::from_utf8(number).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde::de::value::{Error, MapDeserializer};

    use super::*;
    use crate::token::cbor::hex;

    /// What a number comes as in a build with `serde_json/arbitrary_precision`, and what looks like one.
    fn heard(entries: &[(&'static str, &str)]) -> Result<Vec<u8>, StateErrorKind> {
        let mut out = Vec::new();
        let mut failure = None;
        let written = written(&mut out, |writer| {
            let zeros = NegativeZeros { rest: b"" };
            let mut reading =
                Reading { writer, zeros, number_text: None, failure: None, path: Vec::new() };
            let entries = entries.iter().map(|(name, number)| (*name, (*number).to_owned()));
            let read: Result<(), Error> =
                Value(&mut reading).deserialize(MapDeserializer::new(entries));
            failure = reading.failure.take().map(|failure| failure.kind());
            read.map_err(|_| StateErrorKind::Json.into())
        });
        written.map(|()| out).map_err(|error| failure.unwrap_or(error.kind()))
    }

    #[test]
    fn a_number_that_comes_as_text_is_read_as_the_format_reads_it() {
        for (number, cbor) in [
            ("0", "00"),
            ("-0", "00"),
            ("-1", "20"),
            ("18446744073709551615", "1b ff ff ff ff ff ff ff ff"),
            ("-9223372036854775808", "3b 7f ff ff ff ff ff ff ff"),
            ("1.5", "f9 3e 00"),
            ("1e2", "f9 56 40"),
            ("1E2", "f9 56 40"),
            ("-0.0", "f9 80 00"),
        ] {
            assert_eq!(heard(&[(RAW_NUMBER, number)]), Ok(hex(cbor)), "{number}");
        }
        assert_eq!(heard(&[(RAW_NUMBER, "1e400")]), Err(StateErrorKind::NotFinite));
    }

    #[test]
    fn an_owned_text_elsewhere_is_no_number() {
        assert_eq!(heard(&[("a", "1")]), Err(StateErrorKind::Json));
        assert_eq!(heard(&[("a", "1"), (RAW_NUMBER, "1")]), Err(StateErrorKind::Json));
    }
}
