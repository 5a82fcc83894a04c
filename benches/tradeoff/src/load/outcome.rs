//! What the users saw.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

/// What one request was.
pub enum Seen {
    Right,
    /// The session is gone: the user had to log in again.
    Lost,
    /// The session is not as the user left it.
    Wrong,
    /// No answer, or one that is no success.
    Failed(String),
}

pub struct Outcome {
    began: Instant,
    /// Microseconds of the right ones.
    times: Vec<u64>,
    failed: BTreeMap<String, u64>,
    lost: u64,
    wrong: u64,
    /// Tenths of seconds since the beginning: right, lost, wrong, failed.
    course: BTreeMap<u128, [u64; 4]>,
}

impl Outcome {
    pub fn new(began: Instant) -> Self {
        Self {
            began,
            times: Vec::new(),
            failed: BTreeMap::new(),
            lost: 0,
            wrong: 0,
            course: BTreeMap::new(),
        }
    }

    pub fn began(&self) -> Instant {
        self.began
    }

    pub fn add(&mut self, seen: Seen, took: Duration) {
        let column = match seen {
            Seen::Right => {
                self.times.push(took.as_micros() as u64);
                0
            }
            Seen::Lost => {
                self.lost += 1;
                1
            }
            Seen::Wrong => {
                self.wrong += 1;
                2
            }
            Seen::Failed(why) => {
                *self.failed.entry(why).or_default() += 1;
                3
            }
        };
        self.course.entry(self.began.elapsed().as_millis() / 100).or_default()[column] += 1;
    }

    /// As JSON, with the bytes of both ways.
    pub fn told(&mut self, (up, down): (u64, u64)) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        self.times.sort_unstable();
        let at = |part: f64| {
            self.times.get(
                ((self.times.len() as f64 * part) as usize).min(self.times.len().saturating_sub(1)),
            )
        };
        let failed: u64 = self.failed.values().sum();
        json!({
            "carried": true,
            "requests": self.times.len() as u64 + self.lost + self.wrong + failed,
            "right": self.times.len(), "lost": self.lost, "wrong": self.wrong, "failed": failed, "reasons": self.failed,
            "seconds": seconds, "p50_us": at(0.5), "p99_us": at(0.99), "most_us": self.times.last(),
            "up": up, "down": down,
            "course": self.course.iter().map(|(tenth, counts)| json!([tenth, counts])).collect::<Vec<_>>(),
        })
        .to_string()
    }
}
