//! The state of the application's sessions, of any size: a counter, a text, and a basket.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What one request of ten changes, and every answer tells. Always of seven digits, so that the state keeps its size.
    pub n: u32,
    pub csrf: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub qty: u32,
    pub price: f64,
    pub title: String,
}

/// What a new session's counter stands at.
pub const FIRST: u32 = 1_000_000;

const TITLES: [&str; 8] = [
    "Rain jacket, unisex, navy, M",
    "Yoga mat 6 mm, anti-slip",
    "Bicycle inner tube 700x28-32C",
    "LED desk lamp, dimmable, warm white",
    "Bluetooth speaker, waterproof",
    "Notebook A5, dotted, 192 pages",
    "Stainless steel bottle 0.75 l",
    "Wool socks, two pairs, 39-42",
];

impl State {
    /// A state whose JSON has so many bytes, at least 32.
    pub fn of(bytes: usize) -> Self {
        let mut numbers = Numbers(bytes as u64);
        let mut state = Self { n: FIRST, csrf: String::new(), items: Vec::new() };
        // The longest item, and what begins and ends a basket.
        while state.bytes() + 120 < bytes {
            state.items.push(Item {
                sku: format!(
                    "HOM-{:05}-{}",
                    numbers.below(100_000),
                    ["E", "H", "F", "K"][numbers.below(4)]
                ),
                qty: 1 + numbers.below(5) as u32,
                price: (100 + numbers.below(20_000)) as f64 / 100.0,
                title: TITLES[numbers.below(TITLES.len())].to_owned(),
            });
        }
        // Random base64url, of which nothing can be saved.
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let rest = bytes.saturating_sub(state.bytes());
        state.csrf = (0..rest).map(|_| char::from(LETTERS[numbers.below(64)])).collect();
        state
    }

    /// Bytes of its JSON.
    fn bytes(&self) -> usize {
        serde_json::to_vec(self).expect("a state").len()
    }
}

/// The same numbers in every run (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn a_state_has_the_bytes_that_were_asked_for() {
        for bytes in [32, 128, 256, 512, 1_024, 2_048, 3_072, 4_096, 8_192, 16_384, 65_536] {
            assert_eq!(State::of(bytes).bytes(), bytes);
        }
    }
}
