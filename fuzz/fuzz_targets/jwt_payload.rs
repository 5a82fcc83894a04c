//! A jwt's payload that is accepted is an object of the known members, and says what the token says;
//! a renewal repeats its state to the byte, and a refusal shows none of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag_fuzz::{HS256, is_told_by_its_reason, jwt, now, renewal_keeps_its_laws};
use serde_json::Value;

fuzz_target!(|payload: &[u8]| {
    let verified = match HS256.verify_at(&jwt(payload), now()) {
        Ok(verified) => verified,
        Err(refused) => return is_told_by_its_reason(&refused),
    };
    let said: Value = serde_json::from_slice(payload).expect("what is accepted is JSON");
    let members = said.as_object().expect("and an object");
    let info = verified.info();
    for (name, value) in [
        ("iat", info.issued_at.as_secs()),
        ("exp", info.expires_at.as_secs()),
        ("auth_time", info.started_at.as_secs()),
        ("ends", info.ends_at.as_secs()),
        ("rev", info.revision.into()),
    ] {
        assert_eq!(members[name].as_u64(), Some(value), "{name}");
    }
    assert_eq!(members["aud"], "shop");
    assert_eq!(members["jti"], info.id.to_string());
    assert!(members.contains_key("state"));
    assert_eq!(members.get("sub").and_then(Value::as_str), verified.subject());
    assert_eq!(members.len(), 8 + usize::from(verified.subject().is_some()));
    renewal_keeps_its_laws(&HS256, &verified);
});
