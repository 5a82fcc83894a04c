//! Bytes by field: which top-level fields of the states weigh what, encoded, with their names.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;

use super::report::thousandths;
use super::sample::State;
use super::spread::Spread;
use crate::size::StateSize;

/// One field of all states that have it.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Field {
    pub(super) name: String,
    /// States that have it.
    pub(super) states: usize,
    /// Encoded bytes, in the states that have it.
    pub(super) bytes: Spread,
    /// The part that it has of the encoded bytes of all states, 0 to 1.
    pub(super) share: f64,
}

/// All fields, those with the most bytes first.
pub(super) fn fields(states: &[State]) -> Vec<Field> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut all = 0_usize;
    for state in states {
        let size = StateSize::of_raw(&state.raw);
        all = all.saturating_add(size.bytes());
        for (name, bytes) in size.fields() {
            match by_name.get_mut(name) {
                Some(numbers) => numbers.push(*bytes),
                None => drop(by_name.insert(name.clone(), vec![*bytes])),
            }
        }
    }
    let mut fields: Vec<(usize, Field)> = by_name
        .into_iter()
        .map(|(name, numbers)| {
            let total = numbers.iter().copied().fold(0, usize::saturating_add);
            let share = thousandths(total as f64 / all.max(1) as f64);
            let states = numbers.len();
            (total, Field { name, states, bytes: Spread::of(numbers), share })
        })
        .collect();
    fields.sort_by_key(|(total, _)| Reverse(*total));
    fields.into_iter().map(|(_, field)| field).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn fields_are_listed_by_what_they_weigh_in_all_states() {
        let sample = r#"{"a":"0123456789","é":1} {"a":"","b":[1,2,3,4,5]} {"b":[1]} 7"#;
        let fields = fields(&Sample::read(sample.as_bytes(), "sample").unwrap().states);
        let shown: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.states, field.bytes.worst, field.share))
            .collect();
        // 18 + 12 + 5 + 1 bytes in all.
        assert_eq!(
            shown,
            [("a", 2, Some(13), 0.444), ("b", 2, Some(8), 0.333), ("é", 1, Some(4), 0.111)]
        );
    }

    #[test]
    fn a_state_that_is_no_object_has_none() {
        let sample = Sample::read(b"[1,2] \"text\" null", "sample").unwrap();
        assert_eq!(fields(&sample.states), []);
    }
}
