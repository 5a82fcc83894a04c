//! Seconds since the Unix epoch, and the one place that reads the machine's clock.
//!
//! Everything else takes `now` as an argument, so that tests own the time.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// An instant in whole seconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The instant `seconds` after the epoch.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Reads the system clock, rounded down to a second. A clock before 1970 reads as 0.
    #[inline]
    pub fn now() -> Self {
        coarse::now().unwrap_or_else(Self::precise)
    }

    #[allow(clippy::disallowed_methods)] // the one clock of this workspace
    fn precise() -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
        Self(since_epoch.unwrap_or(Duration::ZERO).as_secs())
    }

    /// Seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This instant and `seconds` more, or the last instant there is.
    #[must_use]
    pub const fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// This instant less `seconds`, or the epoch.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this instant, 0 where it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The RFC 3339 text, where the year has four digits.
    pub fn to_rfc3339(self) -> Option<String> {
        let seconds = i64::try_from(self.0).ok()?;
        Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
    }
}

/// `2026-11-21T07:00:00Z`; beyond the year 9999, `@` and the seconds.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match civil(self.0) {
            Some(text) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// The RFC 3339 text, where the year has four digits; the calendar is Howard Hinnant's `civil_from_days`, whose years
/// begin in March. An answer about a session has four of them, and a general calendar took a tenth of its time.
fn civil(seconds: u64) -> Option<[u8; 20]> {
    if seconds > LAST {
        return None;
    }
    // Nothing wraps: all of it is less than 2^38.
    let (days, second) = ((seconds / 86_400).wrapping_add(719_468), seconds % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let leaps = (day / 1_460).wrapping_sub(day / 36_524).wrapping_add(day / 146_096);
    let year = day.wrapping_sub(leaps) / 365;
    let before = year.wrapping_mul(365).wrapping_add(year / 4).wrapping_sub(year / 100);
    let day = day.wrapping_sub(before);
    let month = day.wrapping_mul(5).wrapping_add(2) / 153;
    let day = day.wrapping_sub(month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(1);
    let year = era.wrapping_mul(400).wrapping_add(year);
    let (year, month) = if month < 10 {
        (year, month.wrapping_add(3))
    } else {
        (year.wrapping_add(1), month.wrapping_sub(9))
    };
    let [century, year] = [digits(year / 100), digits(year % 100)];
    let [month, day] = [digits(month), digits(day)];
    let [hour, minute, second] = [second / 3_600, second / 60 % 60, second % 60].map(digits);
    Some([
        century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0], day[1],
        b'T', hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1], b'Z',
    ])
}

/// A number below 100.
fn digits(number: u64) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| b'0'.wrapping_add(digit.to_le_bytes()[0]))
}

/// 9999-12-30T22:00:00Z, the last that is read again: a local time of it has four digits too, wherever one is.
const LAST: u64 = 253_402_207_200;

/// Takes `YYYY-MM-DDTHH:MM:SSZ` from 1970 on, and no other spelling.
impl FromStr for UnixTime {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| InvalidTime)?;
        let seconds = u64::try_from(parsed.as_second()).map_err(|_| InvalidTime)?;
        // jiff reads more than one spelling of an instant; the document has one.
        if parsed.to_string() != text {
            return Err(InvalidTime);
        }
        Ok(Self(seconds))
    }
}

/// The text is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, 1970 or later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTime;

impl fmt::Display for InvalidTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time of the form YYYY-MM-DDTHH:MM:SSZ")
    }
}

impl std::error::Error for InvalidTime {}

/// Linux keeps the time of its last tick, which is read in a fifth of the time that asking the hardware
/// takes. It is 10 ms old at most; where those may have begun another second, it does not say.
#[cfg(target_os = "linux")]
mod coarse {
    use nix::time::{ClockId, clock_gettime};

    use super::UnixTime;

    #[inline]
    pub(super) fn now() -> Option<UnixTime> {
        let time = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).ok()?;
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        (time.tv_nsec() <= LATEST).then_some(UnixTime::from_secs(seconds))
    }

    pub(super) fn uptime() -> Option<u64> {
        u64::try_from(clock_gettime(ClockId::CLOCK_MONOTONIC_COARSE).ok()?.tv_sec()).ok()
    }

    /// Nanoseconds of a second after which 20 ms more might be the next one.
    const LATEST: i64 = 980_000_000;
}

#[cfg(not(target_os = "linux"))]
mod coarse {
    pub(super) const fn now() -> Option<super::UnixTime> {
        None
    }

    pub(super) const fn uptime() -> Option<u64> {
        None
    }
}

/// A source of the time, for what runs by itself (the watch of a ring).
pub trait Clock: Send + Sync + 'static {
    /// The time, rounded down to a second.
    fn now(&self) -> UnixTime;
}

/// Seconds by a clock that nobody sets, from some instant on: for time-outs, beside the wall clock that
/// tokens and rings live by.
#[allow(clippy::disallowed_methods)] // the one clock of this workspace
pub(crate) fn uptime() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    coarse::uptime().unwrap_or_else(|| FIRST.get_or_init(Instant::now).elapsed().as_secs())
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_of_a_time_is_read() {
        let time: UnixTime = "2026-11-21T07:00:00Z".parse().unwrap();
        assert_eq!(time.as_secs(), 1_795_244_400);
        assert_eq!(time.to_string(), "2026-11-21T07:00:00Z");
        for other in [
            "2026-11-21t07:00:00Z",
            "2026-11-21 07:00:00Z",
            "2026-11-21T07:00:00z",
            "2026-11-21T07:00:00.0Z",
            "2026-11-21T07:00:00+00:00",
            "2026-11-21T07:00Z",
            "2026-11-21T07:00:60Z",
            "2026-02-30T07:00:00Z",
            "1969-12-31T23:59:59Z",
            "+002026-11-21T07:00:00Z",
            "2026-11-21T07:00:00Z ",
            "",
        ] {
            assert_eq!(other.parse::<UnixTime>(), Err(InvalidTime), "{other:?}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods)] // against the clock that everybody else reads
    fn the_coarse_clock_shows_the_second_that_the_precise_one_does() {
        let whole = || std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let end = whole() + 2;
        let (mut read, mut equal) = (0_u64, 0_u64);
        while whole() < end {
            let (before, now, after) = (whole(), UnixTime::now().as_secs(), whole());
            assert!(before <= now + 1 && now <= after, "{before} <= {now} <= {after}");
            read += 1;
            equal += u64::from(before <= now);
        }
        // A machine whose own timer was held up may be late; that is rare, and never more than the second above.
        assert!(equal * 100 >= read * 99, "{equal} of {read}");
    }

    #[test]
    fn every_day_is_shown_as_another_calendar_has_it() {
        // Each day of 140 years and each 97th after them, at another second of the day each.
        let days = (0..51_134).chain((51_134..=LAST / 86_400).step_by(97));
        for seconds in
            days.map(|day| (day * 86_400 + day * 7_919 % 86_400).min(LAST)).chain([0, LAST])
        {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(Some(time.to_string()), time.to_rfc3339());
        }
    }

    #[test]
    fn a_time_beyond_the_year_9999_is_shown_as_seconds() {
        assert_eq!(UnixTime::from_secs(1 << 40).to_string(), "@1099511627776");
        assert_eq!(UnixTime::from_secs(LAST + 1).to_string(), "@253402207201");
        assert_eq!(UnixTime::from_secs(u64::MAX).to_rfc3339(), None);
    }
}
