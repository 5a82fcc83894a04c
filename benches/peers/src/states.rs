//! The four states, and how an application would type them.

use serde::{Deserialize, Serialize};

/// A state and its name in tables.
pub struct Payload {
    pub name: &'static str,
    pub json: &'static str,
}

pub const PAYLOADS: [Payload; 4] = [
    Payload { name: "p32", json: include_str!("../../payloads/p32.json") },
    Payload { name: "p256", json: include_str!("../../payloads/p256.json") },
    Payload { name: "p1k", json: include_str!("../../payloads/p1k.json") },
    Payload { name: "p3k", json: include_str!("../../payloads/p3k.json") },
];

/// Characters of saddlebag's tokens at each payload, which follow from the format; the floors have as many.
pub const SEALED_CHARACTERS: [usize; 4] = [136, 367, 1_270, 3_698];
pub const SIGNED_CHARACTERS: [usize; 4] = [104, 335, 1_238, 3_666];

/// With strings of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    locale: String,
    csrf: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flags: Option<Flags>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cart: Option<Cart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Flags {
    beta: bool,
    consent: bool,
    newsletter: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cart {
    currency: String,
    items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    sku: String,
    qty: u32,
    price: f64,
    title: String,
}

/// With strings of whatever was decrypted.
#[derive(Debug, Serialize, Deserialize)]
pub struct BorrowedState<'a> {
    locale: &'a str,
    csrf: &'a str,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flags: Option<Flags>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    cart: Option<BorrowedCart<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BorrowedCart<'a> {
    currency: &'a str,
    #[serde(borrow)]
    items: Vec<BorrowedItem<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BorrowedItem<'a> {
    sku: &'a str,
    qty: u32,
    price: f64,
    title: &'a str,
}

impl Payload {
    /// Which of the four it is.
    pub fn place(&self) -> usize {
        PAYLOADS.iter().position(|it| it.name == self.name).expect("one of the four")
    }

    /// The state, typed; it writes the very JSON it was read from.
    pub fn typed(&self) -> State {
        let typed: State = serde_json::from_str(self.json).expect("a state");
        assert_eq!(serde_json::to_string(&typed).expect("a state"), self.json);
        typed
    }
}
