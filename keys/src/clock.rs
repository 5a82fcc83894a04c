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
        self.timestamp().map(|timestamp| timestamp.to_string())
    }

    /// The same in ASCII, without a string. Four are in every answer of the service, and jiff's printer, which knows all
    /// that RFC 9557 has, takes four times as long.
    pub fn rfc3339(self) -> Option<[u8; 20]> {
        let time = jiff::tz::Offset::UTC.to_datetime(self.timestamp()?);
        let year = time.year().unsigned_abs();
        let two = |number: i8| digits(u16::from(number.unsigned_abs()));
        let ([c, e], [y, r]) = (digits(year / 100), digits(year % 100));
        let ([n, o], [d, a]) = (two(time.month()), two(time.day()));
        let ([h, g], [m, i], [s, t]) = (two(time.hour()), two(time.minute()), two(time.second()));
        Some([c, e, y, r, b'-', n, o, b'-', d, a, b'T', h, g, b':', m, i, b':', s, t, b'Z'])
    }

    fn timestamp(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(i64::try_from(self.0).ok()?).ok()
    }
}

/// `2026-11-21T07:00:00Z`; beyond the year 9999, `@` and the seconds.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rfc3339() {
            Some(text) => f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// A number below 100, in two digits.
fn digits(number: u16) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| b'0' | digit.to_le_bytes()[0])
}

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
    const LATEST: std::ffi::c_long = 980_000_000;
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
    fn a_time_is_shown_as_jiff_shows_it() {
        let last = 253_402_207_200;
        // An interpreter takes hours for a quarter of a million.
        let days = if cfg!(miri) { 13_000 } else { 13 };
        let times = (0..last).step_by(86_400 * days + 4_567);
        for seconds in times.chain([951_782_399, 951_782_400, last]) {
            let time = UnixTime::from_secs(seconds);
            assert_eq!(Some(time.to_string()), time.to_rfc3339());
        }
    }

    #[test]
    fn a_time_beyond_the_year_9999_is_shown_as_seconds() {
        assert_eq!(UnixTime::from_secs(1 << 40).to_string(), "@1099511627776");
        assert_eq!(UnixTime::from_secs(253_402_207_201).to_string(), "@253402207201");
        assert_eq!(UnixTime::from_secs(u64::MAX).to_rfc3339(), None);
    }
}
