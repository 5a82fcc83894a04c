//! Two of the states of `benches/payloads`, and how an application would type them: as `benches/peers` does.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub locale: String,
    /// What every handler answers with.
    pub csrf: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Flags>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<Cart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flags {
    pub beta: bool,
    pub consent: bool,
    pub newsletter: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    pub currency: String,
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub sku: String,
    pub qty: u32,
    pub price: f64,
    pub title: String,
}

impl State {
    /// The state of a name, typed; it writes the very JSON that it was read from.
    pub fn of(payload: &str) -> Option<Self> {
        let json = match payload {
            "p256" => include_str!("../../payloads/p256.json"),
            "p3k" => include_str!("../../payloads/p3k.json"),
            _ => return None,
        };
        let state: Self = serde_json::from_str(json).expect("a state");
        assert_eq!(serde_json::to_string(&state).expect("a state"), json);
        Some(state)
    }
}
