//! Text of others on a terminal, and times as people read them.

use std::fmt::{self, Write as _};

use saddlebag_keys::UnixTime;

/// Text that cannot move the cursor, ring the bell or turn the line around: control and direction
/// characters are shown as `\u{…}`.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if c.is_control() || is_direction(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time next to now: `in 29 d`, `3 min ago`, `now`.
pub(super) fn relative(time: UnixTime, now: UnixTime) -> String {
    if time > now {
        format!("in {}", about(time.since(now)))
    } else if time < now {
        format!("{} ago", about(now.since(time)))
    } else {
        "now".to_owned()
    }
}

/// A time, and where it is from now: `2026-11-21T07:00:00Z (in 29 d)`.
pub(super) fn with_relative(time: UnixTime, now: UnixTime) -> String {
    format!("{time} ({})", relative(time, now))
}

/// A duration in the largest unit that leaves at least two of it, rounded down.
pub(super) fn about(seconds: u64) -> String {
    let (unit, name) = match seconds {
        0..120 => (1, "s"),
        120..7_200 => (60, "min"),
        7_200..172_800 => (3_600, "h"),
        _ => (86_400, "d"),
    };
    format!("{} {name}", seconds.checked_div(unit).unwrap_or(seconds))
}

/// `1 key`, `2 keys`.
pub(super) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_their_two_leading_figures() {
        let now = UnixTime::from_secs(10_000_000);
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(about(seconds), text);
        }
        assert_eq!(relative(now, now), "now");
        assert_eq!(relative(now.saturating_add(71), now), "in 71 s");
        assert_eq!(relative(now.saturating_sub(180), now), "3 min ago");
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let text = "a\u{1b}[2J\u{9b}\u{202e}é\n";
        assert_eq!(Shown(text).to_string(), "a\\u{1b}[2J\\u{9b}\\u{202e}é\\u{a}");
    }
}
