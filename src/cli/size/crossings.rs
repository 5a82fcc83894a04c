//! The sizes of state from which on a token costs more than what it replaces, as the benches measured them.
//!
//! The file is written by `benches/` and is part of the program: `compared,measure,kind,from_bytes,low_bytes,high_bytes,carried_bytes`.
//! From a state of `from_bytes` on, a token of that kind costs more of that measure than what it is compared with. An
//! empty `from_bytes` is never, at no size that the token was carried at; 0 is always. The next two are the bounds
//! of its confidence. The last is the largest state that the token was carried with: of larger ones nothing is known.

use serde::Serialize;

use super::sample::State;

/// One row, and where a sample is.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Crossing {
    pub(super) compared: String,
    pub(super) measure: String,
    pub(super) kind: String,
    /// Bytes of JSON; `None` for never, at no size that the token was carried at.
    pub(super) from_bytes: Option<usize>,
    pub(super) low_bytes: Option<usize>,
    pub(super) high_bytes: Option<usize>,
    /// The largest state that was measured.
    pub(super) carried_bytes: usize,
    /// What a token with the median state costs beside what it is compared with.
    pub(super) median: Side,
    /// How many states of the sample are on which side.
    pub(super) states: Sides,
}

/// On which side of a crossing a state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Side {
    Less,
    /// Within the bounds of confidence, or beyond what was measured.
    Unclear,
    More,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Sides {
    pub(super) less: usize,
    pub(super) unclear: usize,
    pub(super) more: usize,
}

/// Where the states are beside every crossing in a file; the error names a row that cannot be read.
pub(super) fn crossings(
    file: &str,
    states: &[State],
    median: usize,
) -> Result<Vec<Crossing>, String> {
    parse(file)?.into_iter().map(|row| Ok(row.beside(states, median))).collect()
}

/// A row as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row<'a> {
    compared: &'a str,
    measure: &'a str,
    kind: &'a str,
    from: Option<usize>,
    low: Option<usize>,
    high: Option<usize>,
    carried: usize,
}

fn parse(text: &str) -> Result<Vec<Row<'_>>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return Err(format!("the crossings do not begin with {HEADER}"));
    }
    let rows = lines.filter(|line| !line.trim().is_empty());
    rows.map(|line| row(line).ok_or_else(|| format!("no crossing: {line}"))).collect()
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.split(',').map(str::trim);
    let mut word = || cells.next().filter(|word| !word.is_empty());
    let (compared, measure, kind) = (word()?, word()?, word()?);
    let mut bytes = || match cells.next()? {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let (from, low, high, carried) = (bytes()?, bytes()?, bytes()?, bytes()??);
    cells.next().is_none().then_some(Row { compared, measure, kind, from, low, high, carried })
}

impl Row<'_> {
    fn side(&self, bytes: usize) -> Side {
        // An end that is left open is beyond what was measured.
        let (low, high) = match self.from {
            Some(0) => (self.low.unwrap_or(0), self.high.unwrap_or(0)),
            Some(from) => (self.low.unwrap_or(from), self.high.unwrap_or(usize::MAX)),
            None => (self.low.unwrap_or(usize::MAX), usize::MAX),
        };
        match bytes {
            _ if bytes > self.carried => Side::Unclear,
            _ if bytes < low => Side::Less,
            _ if bytes >= high => Side::More,
            _ => Side::Unclear,
        }
    }

    fn beside(&self, states: &[State], median: usize) -> Crossing {
        let mut sides = Sides::default();
        for state in states {
            let side = match self.side(state.json) {
                Side::Less => &mut sides.less,
                Side::Unclear => &mut sides.unclear,
                Side::More => &mut sides.more,
            };
            *side = side.saturating_add(1);
        }
        Crossing {
            compared: self.compared.to_owned(),
            measure: self.measure.to_owned(),
            kind: self.kind.to_owned(),
            from_bytes: self.from,
            low_bytes: self.low,
            high_bytes: self.high,
            carried_bytes: self.carried,
            median: self.side(median),
            states: sides,
        }
    }
}

/// What was measured.
pub(super) const MEASURED: &str = include_str!("../../../docs/benchmarks/tradeoff/crossings.csv");
const HEADER: &str = "compared,measure,kind,from_bytes,low_bytes,high_bytes,carried_bytes";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::size::sample::Sample;

    const SAMPLE: &str = "\
compared,measure,kind,from_bytes,low_bytes,high_bytes,carried_bytes
redis,cpu,sealed,2300,2000,2600,65536
redis,latency,jwt,,,,4096
redis,bytes,signed,0,0,0,4096
";

    #[test]
    fn the_file_that_is_compiled_in_can_be_read() {
        assert!(!parse(MEASURED).unwrap().is_empty());
    }

    #[test]
    fn a_state_is_on_one_side_or_within_the_bounds() {
        let rows = parse(SAMPLE).unwrap();
        let sides = |row: usize, bytes: &[usize]| -> Vec<Side> {
            bytes.iter().map(|bytes| rows[row].side(*bytes)).collect()
        };
        use Side::{Less, More, Unclear};
        assert_eq!(
            sides(0, &[0, 1_999, 2_000, 2_300, 2_599, 2_600]),
            [Less, Less, Unclear, Unclear, Unclear, More]
        );
        // Of what no token was carried with, nothing is known.
        assert_eq!(sides(1, &[0, 4_096, 4_097]), [Less, Less, Unclear]);
        assert_eq!(sides(2, &[0, 4_096, 4_097]), [More, More, Unclear]);
    }

    #[test]
    fn bounds_may_be_open() {
        let side = |row: &str, bytes| super::row(row).unwrap().side(bytes);
        // Never, and perhaps from 50,000 bytes on.
        assert_eq!(side("a,b,jwt,,50000,,65536", 49_999), Side::Less);
        assert_eq!(side("a,b,jwt,,50000,,65536", 50_000), Side::Unclear);
        // From 50,000 bytes on, and perhaps never.
        assert_eq!(side("a,b,jwt,50000,40000,,65536", 60_000), Side::Unclear);
        // Always, and perhaps only from 100 bytes on.
        assert_eq!(side("a,b,jwt,0,0,100,65536", 99), Side::Unclear);
        assert_eq!(side("a,b,jwt,0,0,100,65536", 100), Side::More);
    }

    #[test]
    fn rows_that_cannot_be_read_are_named() {
        for row in [
            "redis,cpu,sealed,1,2,3",
            "redis,cpu,sealed,1,2,3,4,5",
            "redis,cpu,sealed,1,2,3,",
            "redis,,sealed,1,2,3,4",
            "a,b,c,-1,,,4",
        ] {
            let text = format!("{HEADER}\n{row}\n");
            assert!(parse(&text).unwrap_err().contains(row), "{row}");
        }
        assert!(parse("").is_err());
        assert_eq!(parse(HEADER), Ok(vec![]));
        assert_eq!(parse(&SAMPLE.replace('\n', "\r\n")).map(|rows| rows.len()), Ok(3));
    }

    #[test]
    fn the_states_of_a_sample_are_counted_by_side() {
        let text = format!("7 \"{}\" \"{}\"", "x".repeat(2_100), "x".repeat(5_000));
        let states = Sample::read(text.as_bytes(), "sample").unwrap().states;
        let crossing = parse(SAMPLE).unwrap()[0].beside(&states, 1);
        assert_eq!(crossing.states, Sides { less: 1, unclear: 1, more: 1 });
        assert_eq!(crossing.median, Side::Less);
    }
}
