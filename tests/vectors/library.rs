//! The library against the vectors, through its public face.

use saddlebag::keys::insecure::{self, ChosenKey};
use saddlebag::keys::{
    Audience, KeyRing, KeyRingHandle, Policy, Secret, UnixTime, derive, document,
};
use saddlebag::{RawState, Tokens};
use serde_json::Value;

/// The vectors of a file, how many are accepted and how many refused.
fn vectors(name: &str, check: impl Fn(&Value)) -> (usize, usize) {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(file["format"], "saddlebag-vectors/1");
    let (mut accepted, mut refused) = (0, 0);
    for vector in file["vectors"].as_array().unwrap() {
        check(vector);
        match text(vector, "expect") {
            "accept" => accepted += 1,
            "refuse" => refused += 1,
            other => panic!("{other}"),
        }
    }
    (accepted, refused)
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap_or_else(|| panic!("{member} of {}", vector["name"]))
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(value: &Value) -> Option<UnixTime> {
    value.as_u64().map(UnixTime::from_secs)
}

fn ring(vector: &Value) -> KeyRing {
    let keys: Vec<ChosenKey> = vector["roots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|root| ChosenKey {
            secret: hex(text(root, "secret")).try_into().unwrap(),
            id: None,
            created_at: time(&root["activates_at"]).unwrap(),
            activates_at: time(&root["activates_at"]).unwrap(),
            drains_until: time(&root["drains_until"]),
            revoked_at: time(&root["revoked_at"]),
        })
        .collect();
    let skew = vector["skew"].as_u64().unwrap();
    let policy = Policy { clock_skew: skew, ..Policy::default() };
    insecure::ring("vectors", 1, policy, &keys).unwrap()
}

fn tokens(vector: &Value) -> Tokens {
    let builder =
        Tokens::builder(KeyRingHandle::fixed(ring(vector))).audience(text(vector, "audience"));
    let limit = vector["max_length"].as_u64().unwrap_or(4_096);
    let limit = usize::try_from(limit).unwrap();
    let builder = builder.longest_verified(limit).longest_issued(limit.min(4_000));
    #[cfg(feature = "jwt")]
    let builder = match vector["alg"].as_str() {
        Some("HS256") => builder.jwt(saddlebag::JwtAlgorithm::Hs256),
        Some("EdDSA") => builder.jwt(saddlebag::JwtAlgorithm::EdDsa),
        Some(other) => panic!("{other}"),
        None => builder,
    };
    builder.build().unwrap().bound_to(&hex(text(vector, "binding"))).unwrap()
}

fn check_token(vector: &Value) {
    let name = text(vector, "name");
    let verified = tokens(vector).verify_at(text(vector, "token"), time(&vector["now"]).unwrap());
    if text(vector, "expect") == "refuse" {
        let Err(refused) = verified else { panic!("accepted: {name}") };
        let code = refused.reason().code();
        assert!(vector["reason"] == code || vector["or"] == code, "{code}: {vector:#}");
        return;
    }
    let verified = verified.unwrap_or_else(|refused| panic!("{refused:?}: {name}"));
    let (info, claims) = (verified.info(), &vector["claims"]);
    assert_eq!(to_hex(&info.id.to_bytes()), text(claims, "id"), "{name}");
    assert_eq!(Some(info.started_at), time(&claims["started_at"]), "{name}");
    assert_eq!(Some(info.issued_at), time(&claims["issued_at"]), "{name}");
    assert_eq!(Some(info.expires_at), time(&claims["expires_at"]), "{name}");
    assert_eq!(Some(info.ends_at), time(&claims["ends_at"]), "{name}");
    assert_eq!(Some(u64::from(info.revision)), claims["revision"].as_u64(), "{name}");
    assert_eq!(verified.subject(), claims["subject"].as_str(), "{name}");
    assert_eq!(to_hex(verified.state_cbor()), text(claims, "state"), "{name}");
    match (verified.state_json(), claims["state_error"].as_bool()) {
        (Err(_), Some(true)) => {}
        (Ok(shown), None) => assert_eq!(value(&shown), value(text(claims, "state_json")), "{name}"),
        (shown, wanted) => panic!("{shown:?}, error wanted: {wanted:?}: {name}"),
    }
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_library_agrees_with_every_signed_vector() {
    let (accepted, refused) = vectors("signed.json", check_token);
    assert!(accepted > 50 && refused >= accepted, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_library_agrees_with_every_sealed_vector() {
    let (accepted, refused) = vectors("sealed.json", check_token);
    assert!(accepted > 50 && refused >= accepted, "{accepted} accepted, {refused} refused");
}

#[cfg(feature = "jwt")]
#[test]
fn the_library_agrees_with_every_jwt_vector() {
    let (accepted, refused) = vectors("jwt.json", check_token);
    assert!(accepted > 50 && refused >= accepted, "{accepted} accepted, {refused} refused");
}

#[test]
fn the_library_agrees_with_every_derivation() {
    vectors("derivations.json", |vector| {
        let audience = Audience::new(text(vector, "audience"));
        if text(vector, "expect") == "refuse" {
            assert!(audience.is_err(), "{vector:#}");
            return;
        }
        let root = Secret::from_bytes(hex(text(vector, "root")).try_into().unwrap());
        let key = derive::audience(&root, &audience.unwrap());
        assert_eq!(to_hex(&derive::key_id(&root).to_bytes()), text(vector, "key_id"));
        for (derived, member) in [
            (&key, "k_audience"),
            (&derive::signed(&key), "k_signed"),
            (&derive::sealed(&key), "k_sealed"),
            (&derive::jwt_hs256(&key), "k_hs256"),
            (&derive::jwt_eddsa_seed(&key), "ed25519_seed"),
        ] {
            assert_eq!(to_hex(derived.expose()), text(vector, member), "{}", vector["name"]);
        }
    });
}

#[test]
fn the_library_agrees_with_every_state() {
    vectors("state.json", |vector| {
        let name = text(vector, "name");
        let from = text(vector, "from");
        let accept = text(vector, "expect") == "accept";
        if from != "cbor" {
            let json = match vector["json"].as_str() {
                Some(json) => json.as_bytes().to_vec(),
                None => hex(text(vector, "json_hex")),
            };
            let state = RawState::from_json(&json);
            assert_eq!(state.is_ok(), accept, "{state:?}: {name}");
            if let Ok(state) = state {
                assert_eq!(to_hex(state.as_cbor()), text(vector, "cbor"), "{name}");
            }
        }
        if from != "json" {
            let state = RawState::from_cbor(hex(text(vector, "cbor")));
            assert_eq!(state.is_ok(), accept, "{state:?}: {name}");
            if let Ok(state) = state {
                assert_eq!(value(&state.to_json().unwrap()), value(text(vector, "json")), "{name}");
            }
        }
    });
}

#[test]
fn the_library_agrees_with_every_ring() {
    vectors("ring.json", |vector| {
        let name = text(vector, "name");
        let ring = document::parse(text(vector, "document").as_bytes());
        if text(vector, "expect") == "refuse" {
            assert!(ring.is_err(), "accepted: {name}");
            return;
        }
        let ring = ring.unwrap_or_else(|invalid| panic!("{invalid}: {name}"));
        assert_eq!(vector["generation"].as_u64().unwrap_or(ring.generation()), ring.generation());
        for state in vector["states"].as_array().into_iter().flatten() {
            let at = text(state, "at").parse().unwrap();
            let key = ring.key(text(state, "id").parse().unwrap()).unwrap();
            assert_eq!(ring.state(key, at).as_str(), text(state, "state"), "{name} at {at}");
        }
        // And what is written again is the same ring.
        assert_eq!(document::parse(&document::to_json(&ring)).unwrap(), ring, "{name}");
    });
}
