//! josekit, in a build of its own, beside the same saddlebag and the same floor; and fernet's other backend.

use saddlebag_peers::contenders::{fernet, floor, josekit, saddlebag};
use saddlebag_peers::harness::Contender;
use saddlebag_peers::states::PAYLOADS;
use saddlebag_peers::{json, rings};

fn main() {
    json::run("josekit", |plan| {
        let ring = rings::usual();
        let mut contenders: Vec<Contender> = Vec::new();
        for payload in &PAYLOADS {
            contenders.extend(saddlebag::contenders(payload, &ring));
            contenders.extend(floor::contenders(payload));
            contenders.extend(josekit::contenders(payload));
            contenders.push(fernet::contender(payload));
        }
        serde_json::json!({ "rows": json::rows(&mut contenders, plan) })
    });
}
