//! Durations as they are typed: a number and `s`, `m`, `h` or `d`.

use std::fmt;
use std::str::FromStr;

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Duration(pub(super) u64);

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || "a duration is a number and s, m, h or d, like 90s, 15m, 24h or 30d".to_owned();
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let number = text.strip_suffix(unit).unwrap_or_default();
        let seconds = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, seconds)| *seconds);
        let seconds = seconds.ok_or_else(wrong)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let number: Option<u64> = number.parse().ok();
        let total = number.and_then(|number| number.checked_mul(seconds));
        total.map(Self).ok_or_else(|| "more seconds than there are".to_owned())
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> Self {
        Self::from_secs(duration.0)
    }
}

/// The shortest spelling: `86400s` is shown as `1d`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |seconds: &u64| self.0 > 0 && self.0.checked_rem(*seconds) == Some(0);
        let (name, seconds) =
            UNITS.iter().rev().find(|(_, seconds)| whole(seconds)).unwrap_or(&('s', 1));
        write!(f, "{}{name}", self.0.checked_div(*seconds).unwrap_or(self.0))
    }
}

const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)]
        {
            assert_eq!(text.parse(), Ok(Duration(seconds)), "{text}");
        }
        for text in ["", "s", "30", "-1d", "+1d", "1.5h", "1h30m", "1 d", "1D", "1w", "٣d", "é"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
        assert!("213503982334602d".parse::<Duration>().is_err());
        assert!("99999999999999999999s".parse::<Duration>().is_err());
    }

    #[test]
    fn it_is_shown_in_its_largest_whole_unit() {
        for (seconds, text) in [(0, "0s"), (60, "1m"), (86_400, "1d"), (90, "90s"), (90_000, "25h")]
        {
            assert_eq!(Duration(seconds).to_string(), text);
        }
    }
}
