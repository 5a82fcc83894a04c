//! A report for a terminal of 80 columns: a table of the kinds, a picture, fields, crossings.

use super::crossings::{Crossing, Side};
use super::fields::Field;
use super::report::{Kind, Report};
use super::spread::Spread;
use crate::cli::shown::Shown;

/// The lines of it.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = head(report);
    lines.push(String::new());
    table(report, &mut lines);
    lines.push(String::new());
    picture(report, &mut lines);
    lines.push(String::new());
    fields(report, &mut lines);
    lines.push(String::new());
    crossings(report, &mut lines);
    lines
}

fn head(report: &Report) -> Vec<String> {
    let spread = |what: &str, Spread { median, p99, worst }: Spread| match report.states {
        1 => format!("  {what:<18} {:>9} bytes", number(worst)),
        _ => format!(
            "  {what:<18} {:>9} bytes median, {} p99, {} worst",
            number(median),
            number(p99),
            number(worst)
        ),
    };
    let mut lines = vec![
        counted(report.states, "state"),
        spread("as JSON", report.json_bytes),
        spread("encoded, as CBOR", report.encoded_bytes),
    ];
    if let Some(first) = &report.first_refused {
        lines.push(format!(
            "no token carries {}; the first, on line {}: {}",
            counted(report.refused, "other value"),
            first.line,
            Shown(&first.reason)
        ));
    }
    lines
}

fn table(report: &Report, lines: &mut Vec<String>) {
    let kinds = report.kinds.each();
    let mut row = |label: String, cell: &dyn Fn(&Kind) -> String| {
        lines.push(self::row(&label, kinds.map(cell)));
    };
    let assumed = &report.assumed;
    row(String::new(), &|kind| kind.protection.to_string());
    let mut spread = |label: &str, part: fn(&Kind) -> Spread| {
        if kinds.iter().all(|kind| part(kind).is_one()) {
            return row(label.to_owned(), &|kind| number(part(kind).worst));
        }
        row(format!("{label}: median"), &|kind| number(part(kind).median));
        row("  p99".to_owned(), &|kind| number(part(kind).p99));
        row("  worst".to_owned(), &|kind| number(part(kind).worst));
    };
    spread("characters", |kind| kind.characters);
    spread("cookies", |kind| kind.cookies);
    spread("bytes of the Cookie line", |kind| kind.header_bytes);
    let budget = grouped(assumed.header_budget);
    if kinds.iter().all(|kind| kind.header_bytes.is_one()) {
        row(format!("  of {budget} bytes"), &|kind| percent(kind.budget_share.worst));
    } else {
        row(format!("  of {budget} bytes: median"), &|kind| percent(kind.budget_share.median));
        row("    worst".to_owned(), &|kind| percent(kind.budget_share.worst));
    }
    let time = |time: Option<f64>| time.map_or(NONE.to_owned(), |time| format!("{time:.2} µs"));
    row("CPU to verify".to_owned(), &|kind| time(kind.cpu_us.map(|cpu| cpu.verify)));
    row("CPU to issue".to_owned(), &|kind| time(kind.cpu_us.map(|cpu| cpu.issue)));
    row(format!("CPU a request, {} renewed", part(assumed.renewals)), &|kind| {
        time(kind.cpu_us.map(|cpu| cpu.request))
    });
    let bytes = |bytes: Option<u64>| bytes.map_or(NONE.to_owned(), human);
    row(format!("from clients, 30 days of {} requests/s", assumed.rate), &|kind| {
        bytes(kind.month_bytes.map(|month| month.requests))
    });
    row(format!("to clients, {} renewed", part(assumed.renewals)), &|kind| {
        bytes(kind.month_bytes.map(|month| month.answers))
    });
    misfits(report, lines);
}

/// What does not fit, where something does not.
fn misfits(report: &Report, lines: &mut Vec<String>) {
    let kinds = report.kinds.each();
    let mut row = |label: String, part: fn(&Kind) -> usize| {
        lines.push(self::row(&label, kinds.map(|kind| grouped(part(kind)))));
    };
    if kinds.iter().any(|kind| kind.over_usual_length > 0) {
        let usual = grouped(report.assumed.usual_length);
        row(format!("states over {usual} characters (*)"), |kind| kind.over_usual_length);
    }
    let none_fits = kinds.iter().any(|kind| kind.over_cookies > 0);
    if none_fits {
        row("states that do not fit four cookies".to_owned(), |kind| kind.over_cookies);
    }
    if kinds.iter().any(|kind| kind.over_usual_length > 0) {
        lines.push("(*) refused unless longest_issued and longest_verified allow more".to_owned());
    }
    if none_fits {
        lines.push(format!(
            "{NONE} does not fit four cookies, and is in no time and no sum of bytes here"
        ));
    }
}

/// Each kind's line `Cookie: …` against the budget: from the left to the median, on to p99, on to the worst.
fn picture(report: &Report, lines: &mut Vec<String>) {
    let budget = report.assumed.header_budget;
    let column = |bytes: usize| bytes.saturating_mul(BAR).div_ceil(budget.max(1));
    for kind in report.kinds.each() {
        let Spread { median, p99, worst } = kind.header_bytes;
        let ends = [median, p99, worst].map(|end| end.map_or(usize::MAX, column));
        let bar: String = (1..=BAR)
            .map(|at| match ends.iter().position(|end| at <= *end) {
                Some(0) => '#',
                Some(1) => '+',
                Some(_) => '-',
                None => ' ',
            })
            .collect();
        let over = worst.is_none_or(|worst| worst > budget);
        lines.push(format!("{:<6} |{bar}{}", kind.protection, if over { '>' } else { '|' }));
    }
    let width = BAR.saturating_sub(1);
    lines.push(format!("{:<6} 0{:>width$}", "", format!("{} bytes", grouped(budget))));
    lines.push(format!("{:<6} # to the median   + to p99   - to the worst   > beyond", ""));
}

fn fields(report: &Report, lines: &mut Vec<String>) {
    if report.fields.is_empty() {
        return lines.push("no fields: no state is an object that has any".to_owned());
    }
    lines.push("encoded bytes by top-level field, its name included".to_owned());
    lines.push(format!("{:>10} {:>10} {:>7} {:>9}  field", "median", "worst", "share", "states"));
    for Field { name, states, bytes, share } in report.fields.iter().take(MOST_FIELDS) {
        let cut: String = name.chars().take(LONGEST_NAME).collect();
        let more = if cut.len() < name.len() { "…" } else { "" };
        lines.push(format!(
            "{:>10} {:>10} {:>7} {:>9}  {}{more}",
            number(bytes.median),
            number(bytes.worst),
            percent(Some(*share)),
            grouped(*states),
            Shown(&cut)
        ));
    }
    let rest = report.fields.len().saturating_sub(MOST_FIELDS);
    if rest > 0 {
        lines.push(format!("and {} with fewer bytes: --json has all", counted(rest, "field")));
    }
}

fn crossings(report: &Report, lines: &mut Vec<String>) {
    lines.push(
        "as measured elsewhere, a token with the median state costs less or more than".to_owned(),
    );
    lines.push(row("", ["signed", "sealed", "jwt"].map(str::to_owned)));
    let rate = nearest_rate(&report.crossings, report.assumed.rate);
    let mut told: Vec<(&str, &str)> = Vec::new();
    for Crossing { compared, measure, .. } in &report.crossings {
        let place = (compared.as_str(), measure.as_str());
        let other_rate = rate_of(measure).is_some_and(|at| Some(at) != rate);
        if other_rate || told.contains(&place) {
            continue;
        }
        told.push(place);
        let of = |kind: &str| {
            let mut all = report.crossings.iter();
            all.find(|row| {
                (row.compared.as_str(), row.measure.as_str()) == place && row.kind == kind
            })
        };
        let kinds = ["signed", "sealed", "jwt"].map(of);
        if kinds.iter().any(Option::is_some) {
            let label = format!("{compared}, {}", measure.replace('-', " "));
            lines.push(row(&label, kinds.map(|crossing| crossing.map_or(NONE, side).to_owned())));
        }
    }
    lines.push(
        "?: too close to tell, or larger than was measured. Sizes, other kinds: --json".to_owned(),
    );
}

/// One line of a table by kinds.
fn row(label: &str, cells: [String; 3]) -> String {
    let cells: String = cells.iter().map(|cell| format!(" {cell:>12}")).collect();
    format!("{label:<41}{cells}")
}

fn side(crossing: &Crossing) -> &'static str {
    match crossing.median {
        Side::Less => "less",
        Side::Unclear => "?",
        Side::More => "more",
    }
}

/// Requests a second, of a measure at a rate: `money-1000`.
fn rate_of(measure: &str) -> Option<u32> {
    measure.strip_prefix("money-")?.parse().ok()
}

/// The rate that was measured and is nearest, by its ratio.
fn nearest_rate(crossings: &[Crossing], rate: f64) -> Option<u32> {
    let far = |at: &u32| (f64::from(*at).max(1.0) / rate.max(1e-9)).ln().abs();
    let rates = crossings.iter().filter_map(|crossing| rate_of(&crossing.measure));
    rates.min_by(|one, other| far(one).total_cmp(&far(other)))
}

fn number(number: Option<usize>) -> String {
    number.map_or(NONE.to_owned(), grouped)
}

/// `12,345,678`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len().saturating_mul(2));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 state`, `3,000 states`.
fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn percent(share: Option<f64>) -> String {
    share.map_or(NONE.to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// A part as it was typed: `10 %`.
fn part(share: f64) -> String {
    format!("{} %", super::report::thousandths(share * 100.0))
}

/// Bytes in the unit that leaves one to three digits before the point; each is a thousand of the one before.
fn human(bytes: u64) -> String {
    let mut number = bytes as f64;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    // What would be shown as 1000.0 is one of the next.
    while number >= 999.95
        && let Some(next) = units.next()
    {
        number /= 1_000.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const NONE: &str = "-";
/// Columns of a bar, beside a label and two ends.
const BAR: usize = 71;
const MOST_FIELDS: usize = 16;
const LONGEST_NAME: usize = 38;

#[cfg(test)]
mod tests {
    use saddlebag_keys::UnixTime;

    use super::super::crossings;
    use super::super::issue::Issuer;
    use super::super::report::Load;
    use super::super::sample::Sample;
    use super::*;
    use crate::token::jwt::JwtAlgorithm;

    fn report(input: &str, rows: &str) -> Report {
        let sample = Sample::read(input.as_bytes(), "sample").unwrap();
        let now = UnixTime::now();
        let issuer = Issuer::new("default", JwtAlgorithm::Hs256, None, now).unwrap();
        let load = Load { rate: 100.0, renewals: 0.1 };
        let report = Report::of(&sample, &issuer, load).unwrap();
        let header = "compared,measure,kind,from_bytes,low_bytes,high_bytes,carried_bytes";
        let file = format!("{header}\n{rows}");
        let crossings = crossings::crossings(&file, &sample.states, 10).unwrap();
        Report { crossings, ..report }
    }

    #[test]
    fn every_line_has_room_in_80_columns() {
        let states = [10, 500, 3_200, 70_000]
            .map(|length| format!("{{\"{}\":\"{}\"}}", "n".repeat(100), "x".repeat(length)));
        let rows = "redis,bandwidth,sealed,65000,64000,,65536\nmemcached,latency,signed,,,,4096\n";
        let lines = lines(&report(&states.join("\n"), rows));
        for line in &lines {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(lines.iter().any(|line| line.contains("nnn…")));
    }

    #[test]
    fn a_bar_goes_to_the_median_to_p99_and_to_the_worst() {
        let states = [10, 1_000, 2_500].map(|length| format!("\"{}\"", "x".repeat(length)));
        let [usual, large, largest] = states;
        let sample = [vec![usual; 50], vec![large; 49], vec![largest]].concat();
        let report = report(&sample.join("\n"), "");
        let mut drawn = Vec::new();
        picture(&report, &mut drawn);
        let columns = |mark| drawn[1].matches(mark).count();
        let ends = report.kinds.sealed.header_bytes;
        let to = |end: Option<usize>| (end.unwrap() * BAR).div_ceil(4_096);
        assert_eq!(columns("#"), to(ends.median));
        assert_eq!(columns("#") + columns("+"), to(ends.p99));
        assert_eq!(columns("#") + columns("+") + columns("-"), to(ends.worst));
        assert!(drawn[1].starts_with("sealed |##") && drawn[1].ends_with(" |"), "{}", drawn[1]);
    }

    #[test]
    fn crossings_are_told_by_kind_at_the_nearest_rate() {
        let rows = "redis,cpu,sealed,2300,2000,2600,4096\nredis,cpu,signed,5,4,12,4096\nredis,cpu,header,0,0,0,9\n\
                    redis,money-10,jwt,0,0,0,4096\nredis,money-1000,jwt,,,,9\nid,time-3g,needed,0,0,0,9\n";
        let mut told = Vec::new();
        super::crossings(&report("7", rows), &mut told);
        let told: Vec<Vec<&str>> =
            told.iter().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            told[1..told.len() - 1],
            [
                vec!["signed", "sealed", "jwt"],
                vec!["redis,", "cpu", "?", "less", NONE],
                // 100 requests a second are as far from both; the first is taken.
                vec!["redis,", "money", "10", NONE, NONE, "more"],
            ]
        );
    }

    #[test]
    fn numbers_are_told_as_people_read_them() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_951, "1.0 MB"),
            (335_664_000_000, "335.7 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(human(bytes), text);
        }
        for (plain, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(plain), text);
        }
        assert_eq!([part(0.1), part(0.005), part(1.0)], ["10 %", "0.5 %", "100 %"]);
    }
}
