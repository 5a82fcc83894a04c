//! jsonwebtoken in a program without saddlebag, beside the same floor: what `serde_json/float_roundtrip` costs it.

use saddlebag_peers::contenders::{floor, jsonwebtoken};
use saddlebag_peers::harness::Contender;
use saddlebag_peers::json;
use saddlebag_peers::states::PAYLOADS;

fn main() {
    json::run("plain", |plan| {
        let mut contenders: Vec<Contender> = Vec::new();
        for payload in &PAYLOADS {
            contenders.extend(floor::contenders(payload));
            contenders.extend(jsonwebtoken::contenders(payload));
        }
        serde_json::json!({ "rows": json::rows(&mut contenders, plan) })
    });
}
