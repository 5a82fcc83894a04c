//! `derivations.json`: roots and audiences with every key of section 5, and audiences that are none.

use serde::Serialize;

use crate::keys::{Keys, root};
use crate::text::hex;

#[derive(Serialize)]
#[serde(untagged)]
pub enum Derivation {
    Accept {
        name: &'static str,
        expect: &'static str,
        root: String,
        audience: String,
        key_id: String,
        k_audience: String,
        k_signed: String,
        k_sealed: String,
        k_hs256: String,
        ed25519_seed: String,
        ed25519_public: String,
        jwt_kid: String,
    },
    Refuse {
        name: &'static str,
        expect: &'static str,
        reason: &'static str,
        root: String,
        audience: String,
    },
}

pub fn vectors() -> Vec<Derivation> {
    let printed: [u8; 32] = core::array::from_fn(|i| i as u8);
    let (a, b) = (root("A"), root("B"));
    let longest = "a1.b_c:d/e-".repeat(12)[..128].to_owned();
    let all = "abcdefghijklmnopqrstuvwxyz0123456789._:/-".to_owned();
    let accepted = [
        ("the derivations printed in the contract", printed, "shop".into()),
        ("another audience of the same root", printed, "shop/admin".into()),
        ("a root of zeros, which no ring accepts", [0; 32], "shop".into()),
        ("a root of ones, which no ring accepts", [0xff; 32], "shop".into()),
        ("root A of the token vectors", a, "shop".into()),
        ("root A for another audience", a, "shop/admin".into()),
        ("root B of the token vectors", b, "shop".into()),
        ("root C of the token vectors", root("C"), "shop".into()),
        ("an audience of one character", b, "-".into()),
        ("an audience of 128 characters", b, longest.clone()),
        ("an audience with every character", b, all),
        ("an audience of the system itself", b, "saddlebag:credential".into()),
    ];
    let refused = [
        ("an empty audience", String::new()),
        ("an audience of 129 characters", format!("{longest}x")),
        ("an audience with a capital", "Shop".into()),
        ("an audience with a space", "my shop".into()),
        ("an audience with a space behind it", "shop ".into()),
        ("an audience with a line feed behind it", "shop\n".into()),
        ("an audience with a zero byte", "shop\0".into()),
        ("an audience with a letter beyond ASCII", "caf\u{e9}".into()),
        ("an audience with a digit beyond ASCII", "shop\u{661}".into()),
        ("an audience with an at sign", "shop@example".into()),
        ("an audience with a percent sign", "shop%2fadmin".into()),
    ];
    let mut vectors: Vec<Derivation> = accepted.map(accept).into();
    vectors.extend(refused.map(|(name, audience)| Derivation::Refuse {
        name,
        expect: "refuse",
        reason: "audience",
        root: hex(&a),
        audience,
    }));
    vectors
}

fn accept((name, root, audience): (&'static str, [u8; 32], String)) -> Derivation {
    let keys = Keys::new(&root, &audience);
    Derivation::Accept {
        name,
        expect: "accept",
        root: hex(&root),
        key_id: hex(&keys.id),
        k_audience: hex(&keys.audience),
        k_signed: hex(&keys.signed),
        k_sealed: hex(&keys.sealed),
        k_hs256: hex(&keys.hs256),
        ed25519_seed: hex(keys.ed25519.as_bytes()),
        ed25519_public: hex(keys.ed25519.verifying_key().as_bytes()),
        jwt_kid: keys.kid,
        audience,
    }
}
