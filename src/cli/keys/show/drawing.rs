//! The lives of a ring's keys as lines of plain text, time from left to right.
//!
//! ```text
//! q83vEg draining ========|=-------------
//! kq3wAA active   ......==|=========-----
//! ```

use saddlebag_keys::{Key, KeyRing, UnixTime};

use super::in_order;

/// Draws every key, an axis, and a legend.
pub(super) fn draw(ring: &KeyRing, now: UnixTime) -> Vec<String> {
    let axis = Axis::around(ring, now);
    let mut lines: Vec<String> = in_order(ring)
        .into_iter()
        .map(|key| {
            let label = format!("{} {:<8}", key.id(), ring.state(key, now));
            let life = Life::of(ring, key);
            let cells: String = (0..WIDTH).map(|column| axis.cell(&life, column)).collect();
            format!("{label} {}", cells.trim_end())
        })
        .collect();
    lines.push(axis.labels());
    lines.push(format!("{:LABEL$} . staged   = signs   - drains   x revoked   | now", ""));
    lines
}

/// When one key begins to do what.
struct Life {
    born: UnixTime,
    signs: UnixTime,
    drains: Option<UnixTime>,
    ends: Option<UnixTime>,
    revoked: Option<UnixTime>,
}

impl Life {
    fn of(ring: &KeyRing, key: &Key) -> Self {
        let successor = ring
            .keys()
            .iter()
            .filter(|other| other.revoked_at().is_none())
            .map(Key::activates_at)
            .filter(|at| *at > key.activates_at())
            .min();
        Self {
            // The heir of a revoked key signs from before it was made.
            born: key.created_at().min(key.activates_at()),
            signs: key.activates_at(),
            drains: successor,
            ends: key.revoked_at().or(key.drains_until()),
            revoked: key.revoked_at(),
        }
    }

    fn at(&self, time: UnixTime) -> char {
        if time < self.born || self.ends.is_some_and(|ends| ends <= time) {
            ' '
        } else if time < self.signs {
            '.'
        } else if self.drains.is_some_and(|drains| drains <= time) {
            '-'
        } else {
            '='
        }
    }
}

/// Which time each column stands for.
struct Axis {
    from: UnixTime,
    to: UnixTime,
    now: UnixTime,
}

impl Axis {
    /// From the first key's making, yet not long before now, to the last time that is known.
    fn around(ring: &KeyRing, now: UnixTime) -> Self {
        let policy = ring.policy();
        let long_ago = now.saturating_sub(policy.rotate_every.saturating_mul(3));
        let keys = || ring.keys().iter();
        let first = keys().map(|key| key.created_at().min(key.activates_at())).min();
        let last = keys()
            .filter(|key| key.revoked_at().is_none())
            .map(|key| key.drains_until().unwrap_or(key.activates_at()))
            .max();
        let from = first.unwrap_or(now).max(long_ago).min(now);
        let half = policy.rotate_every.checked_div(2).unwrap_or_default();
        let to = last.unwrap_or(now).max(now).saturating_add(half.max(1));
        Self { from, to, now }
    }

    fn cell(&self, life: &Life, column: u64) -> char {
        if column == self.column(self.now) {
            return '|';
        }
        if life.revoked.is_some_and(|at| self.shows(at) && self.column(at) == column) {
            return 'x';
        }
        // What begins within a column shows in it, however short it is.
        let time = if self.shows(life.signs) && self.column(life.signs) == column {
            life.signs
        } else {
            self.time(column)
        };
        life.at(time)
    }

    fn shows(&self, time: UnixTime) -> bool {
        (self.from..=self.to).contains(&time)
    }

    fn time(&self, column: u64) -> UnixTime {
        let span = self.to.since(self.from);
        let offset = span.saturating_mul(column).checked_div(WIDTH).unwrap_or_default();
        self.from.saturating_add(offset)
    }

    fn column(&self, time: UnixTime) -> u64 {
        let span = self.to.since(self.from).max(1);
        let column = time.since(self.from).saturating_mul(WIDTH).checked_div(span);
        column.unwrap_or_default().min(WIDTH.saturating_sub(1))
    }

    /// The first day on the left, the last on the right, and now where there is room for it.
    fn labels(&self) -> String {
        let day = |time: UnixTime| time.to_string().chars().take(10).collect::<String>();
        let width = usize::try_from(WIDTH).unwrap_or_default();
        let (left, right) = (day(self.from), day(self.to));
        let gap = width.saturating_sub(left.len()).saturating_sub(right.len());
        let at = usize::try_from(self.column(self.now)).unwrap_or_default();
        let before = at.saturating_sub(left.len()).saturating_sub(1);
        let after = gap.saturating_sub(before).saturating_sub(NOW.len());
        let fits = at > left.len().saturating_add(1) && before.saturating_add(NOW.len()) < gap;
        let middle =
            if fits { format!("{:before$}{NOW}{:after$}", "", "") } else { " ".repeat(gap) };
        format!("{:LABEL$} {left}{middle}{right}", "")
    }
}

const WIDTH: u64 = 60;
/// Characters of an id, a space and the longest state.
const LABEL: usize = 15;
const NOW: &str = "now";

#[cfg(test)]
mod tests {
    use saddlebag_keys::Policy;
    use saddlebag_keys::insecure::{self, ChosenKey};

    use super::*;

    #[test]
    fn the_drawing_shows_what_each_key_does_and_when() {
        let day = |n: u64| UnixTime::from_secs(1_767_225_600 + n * 86_400);
        let key = |n: u8, created, signs, drains: Option<u64>, revoked: Option<u64>| ChosenKey {
            secret: std::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(n)),
            id: None,
            created_at: day(created),
            activates_at: day(signs),
            drains_until: drains.map(day),
            revoked_at: revoked.map(day),
        };
        let keys = [
            key(1, 0, 0, Some(61), None),
            key(2, 0, 30, Some(91), None),
            key(3, 30, 60, None, None),
            key(4, 0, 20, Some(60), Some(25)),
        ];
        let ring = insecure::ring("drawn", 4, Policy::default(), &keys).unwrap();
        let drawn: Vec<String> =
            draw(&ring, day(45)).iter().map(|line| line.chars().skip(7).collect()).collect();
        let expected = [
            "draining =================--------|---------",
            "revoked  ...........===x          |",
            "active   ................=========|========------------------",
            "staged                    ........|.......===========================",
            "         2026-01-01              now                       2026-04-17",
            "         . staged   = signs   - drains   x revoked   | now",
        ];
        assert_eq!(drawn, expected);
    }
}
