//! The JSON files, in memory.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::{derivations, jwt, ring, state, tokens};

#[derive(Serialize)]
struct File<T> {
    format: &'static str,
    about: &'static str,
    vectors: Vec<T>,
}

/// Each file's name and text.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        file(
            "derivations.json",
            "Section 5: every key that a root gives for an audience, and texts that are no audience.",
            derivations::vectors(),
        ),
        file("signed.json", "Sections 1 to 7: signed tokens (sb1s).", tokens::signed()),
        file("sealed.json", "Sections 1 to 7: sealed tokens (sb1e).", tokens::sealed()),
        file("jwt.json", "Section 8: jwt tokens, HS256 and EdDSA.", jwt::vectors()),
        file("state.json", "Section 6: state as JSON and as CBOR.", state::vectors()),
        file("ring.json", "Ring documents, saddlebag-ring/1.", ring::vectors()),
    ]
}

fn file<T: Serialize>(
    name: &'static str,
    about: &'static str,
    vectors: Vec<T>,
) -> (&'static str, String) {
    let file = File { format: "saddlebag-vectors/1", about, vectors };
    let mut text = Vec::new();
    let indent = PrettyFormatter::with_indent(b" ");
    file.serialize(&mut Serializer::with_formatter(&mut text, indent)).unwrap();
    (name, String::from_utf8(text).unwrap() + "\n")
}

#[test]
fn every_vector_has_a_name_of_its_own_and_half_of_them_are_refused() {
    for (name, text) in files() {
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let mut names: Vec<_> = vectors
            .iter()
            .map(|v| (v["name"].as_str().unwrap(), v["from"].as_str(), v["expect"].as_str()))
            .collect();
        names.sort();
        if let Some(twins) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            panic!("{name}: two vectors are called {:?}", twins[0].0);
        }
        let refused = vectors.iter().filter(|vector| vector["expect"] == "refuse").count();
        if matches!(name, "signed.json" | "sealed.json" | "jwt.json" | "ring.json") {
            assert!(refused * 2 >= vectors.len(), "{name} has {refused} refused vectors");
        }
    }
}
