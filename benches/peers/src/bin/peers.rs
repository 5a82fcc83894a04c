//! Everything but josekit, interleaved in one run; then the laws.

use saddlebag_peers::contenders::{
    biscuit, branca, cookie, fernet, floor, jsonwebtoken, paseto, saddlebag,
};
use saddlebag_peers::harness::Contender;
use saddlebag_peers::states::PAYLOADS;
use saddlebag_peers::{json, laws, rings};

fn main() {
    json::run("peers", |plan| {
        let ring = rings::usual();
        let mut contenders: Vec<Contender> = Vec::new();
        for payload in &PAYLOADS {
            contenders.extend(saddlebag::contenders(payload, &ring));
            contenders.extend(floor::contenders(payload));
            contenders.extend(jsonwebtoken::contenders(payload));
            contenders.extend(paseto::contenders(payload));
            contenders.extend(cookie::contenders(payload));
            contenders.push(fernet::contender(payload));
            contenders.push(branca::contender(payload));
            contenders.push(biscuit::contender(payload));
        }
        let rows = json::rows(&mut contenders, plan);
        serde_json::json!({ "rows": rows, "laws": laws::all(plan) })
    });
}
