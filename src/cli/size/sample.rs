//! The sample: JSON values one after the other, on a line each or not, as the states that they would be.

use serde_json::Deserializer;
use serde_json::value::RawValue;

use crate::cli::failure::Failure;
use crate::session::RawState;
use crate::token::state::StateError;

/// What was read.
#[derive(Debug)]
pub(super) struct Sample {
    /// At least one.
    pub(super) states: Vec<State>,
    /// Values that break a rule of the format, so that no token of any kind carries them.
    pub(super) refused: usize,
    pub(super) first_refused: Option<Refused>,
}

/// One state of it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) raw: RawState,
    /// Bytes of it as JSON without white space.
    pub(super) json: usize,
}

/// A value that is JSON, and no state.
#[derive(Debug)]
pub(super) struct Refused {
    /// The line that it begins on.
    pub(super) line: usize,
    pub(super) error: StateError,
}

impl Sample {
    /// Reads all values; `source` says in errors where they are from. No error repeats a value.
    pub(super) fn read(input: &[u8], source: &str) -> Result<Self, Failure> {
        let mut sample = Self { states: Vec::new(), refused: 0, first_refused: None };
        let mut values = Deserializer::from_slice(input).into_iter::<&RawValue>();
        let (mut line, mut counted) = (1_usize, 0);
        loop {
            let start = next(input, values.byte_offset());
            line = line.saturating_add(line_feeds(input.get(counted..start)));
            counted = start;
            match values.next() {
                None => break,
                Some(Ok(value)) => sample.take(value, line),
                Some(Err(error)) => return Err(not_json(&error, line, source)),
            }
        }
        match (&sample.first_refused, sample.states.is_empty()) {
            (_, false) => Ok(sample),
            (Some(Refused { line, error }), true) => Err(Failure::usage(
                format!("no value of {source} can be a state: line {line}: {error}"),
                "a state is a JSON value, 32 levels deep at most, that repeats no name",
            )),
            (None, true) => Err(Failure::usage(
                format!("there is no state in {source}"),
                "give JSON: one state, or many, one a line",
            )),
        }
    }

    fn take(&mut self, value: &RawValue, line: usize) {
        match state(value) {
            Ok(state) => self.states.push(state),
            Err(error) => {
                self.refused = self.refused.saturating_add(1);
                self.first_refused.get_or_insert(Refused { line, error });
            }
        }
    }
}

fn state(value: &RawValue) -> Result<State, StateError> {
    let raw = RawState::from_json_text(value.get())?;
    let json = raw.to_json()?.len();
    Ok(State { raw, json })
}

/// Where the next value begins.
fn next(input: &[u8], from: usize) -> usize {
    let rest = input.get(from..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
    from.saturating_add(blank)
}

fn line_feeds(bytes: Option<&[u8]>) -> usize {
    bytes.unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

/// serde_json's words on syntax, which quote nothing of the text; its place first.
fn not_json(error: &serde_json::Error, began: usize, source: &str) -> Failure {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let place = format!(" at line {line} column {column}");
    let reason = text.strip_suffix(&place).unwrap_or(&text);
    let state = match began == line {
        true => String::new(),
        false => format!(", in the state that begins on line {began}"),
    };
    Failure::usage(
        format!("{source}, line {line}, column {column}: not JSON: {reason}{state}"),
        "give JSON values, whole ones: one state, or many, one a line",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Result<Sample, String> {
        Sample::read(input.as_bytes(), "sample").map_err(|failure| failure.error().to_owned())
    }

    #[test]
    fn values_may_be_on_a_line_each_or_not() {
        for input in ["{} [] 7", "{}\n[]\n7\n", "{}\r\n[]\r\n\r\n7", "{}[]7", "{\n}\n[\n]\n7"] {
            let sample = read(input).unwrap();
            let states: Vec<_> =
                sample.states.iter().map(|state| state.raw.to_json().unwrap()).collect();
            assert_eq!(states, ["{}", "[]", "7"], "{input:?}");
        }
    }

    #[test]
    fn white_space_is_no_part_of_a_state() {
        let sample = read("{ \"name\" : \"Zoë\" ,\n \"n\" : [ 1 , 2 ] }").unwrap();
        assert_eq!(sample.states[0].json, r#"{"name":"Zoë","n":[1,2]}"#.len());
    }

    #[test]
    fn a_broken_value_is_told_by_line_and_reason() {
        for (input, error) in [
            ("{}\n{\"secret\": nope}\n{}", "sample, line 2, column 13: not JSON: expected ident"),
            (
                "{}\n\n{\"a\":1\n{}",
                "sample, line 4, column 1: not JSON: expected `,` or `}`, in the state that begins on line 3",
            ),
            ("{}\n{\"a\":", "sample, line 2, column 5: not JSON: EOF while parsing a value"),
            ("user=7", "sample, line 1, column 1: not JSON: expected value"),
        ] {
            assert_eq!(read(input).unwrap_err(), error, "{input:?}");
        }
        let latin = Sample::read(b"[1]\n[\"\xe9\"]", "sample").unwrap_err();
        assert!(latin.error().starts_with("sample, line 2, column "), "{}", latin.error());
    }

    #[test]
    fn what_holds_no_value_is_no_sample() {
        for input in ["", " ", "\n\r\n\t"] {
            assert_eq!(read(input).unwrap_err(), "there is no state in sample");
        }
    }

    #[test]
    fn values_that_break_a_rule_of_the_format_are_counted() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        let sample = read(&format!("1\n{{\"a\":1,\"a\":2}}\n{deep}\n")).unwrap();
        assert_eq!((sample.states.len(), sample.refused), (1, 2));
        let first = sample.first_refused.unwrap();
        assert_eq!(
            (first.line, first.error.to_string().as_str()),
            (2, "$.a: a map key is there twice")
        );
        let none = read(&deep).unwrap_err();
        assert!(none.contains("line 1: ") && none.contains("nested deeper than 32"), "{none}");
        // As deep as it likes: the stack is not its depth.
        assert!(read(&"[".repeat(1_000_000)).unwrap_err().contains("EOF"));
    }
}
