//! Whatever form is sent, the service does not fail; a session is active where the one parameter `token` is
//! an issued token, to the byte, of this audience and binding, and nowhere else; a refusal repeats no secret.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag_fuzz::program::{
    BINDING_TEXT, CANARIES, STATE, SUBJECT, filled, keeps_its_laws, post,
};
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let form = filled(input);
    let answer = post("/v1/introspect", "application/x-www-form-urlencoded", &form);
    let said = keeps_its_laws(&answer, &form);
    let pairs: Vec<(String, String)> = form.split(|byte| *byte == b'&').filter_map(pair).collect();
    let of = |wanted: &str| -> Vec<&str> {
        let same = pairs.iter().filter(|(name, _)| name == wanted);
        same.map(|(_, value)| value.as_str()).collect()
    };
    let (tokens, audiences, bindings) = (of("token"), of("audience"), of("binding"));
    let once = tokens.len() == 1 && audiences.len() < 2 && bindings.len() < 2;
    if answer.status >= 300 {
        assert_eq!(answer.status, 400, "{said}");
        let plain = audiences.iter().all(|name| *name == "shop")
            && bindings.iter().all(|binding| *binding == BINDING_TEXT);
        assert!(!(once && plain), "a good form was refused: {said}");
        return;
    }
    assert!(once, "not one token, or a parameter twice: {said}");
    let right_token = match bindings.first() {
        None | Some(&"") => CANARIES.tokens().contains(&tokens[0]),
        Some(binding) => *binding == BINDING_TEXT && tokens[0] == CANARIES.bound,
    };
    let right_audience = matches!(audiences.first(), None | Some(&"shop"));
    if right_token && right_audience {
        let state: Value = serde_json::from_str(STATE).expect("it is JSON");
        assert_eq!((&said["active"], &said["state"]), (&json!(true), &state));
        assert_eq!((&said["sub"], &said["aud"]), (&json!(SUBJECT), &json!("shop")));
    } else {
        assert_eq!(said, json!({"active": false}));
    }
});

/// One parameter, as the URL Standard reads it.
fn pair(text: &[u8]) -> Option<(String, String)> {
    if text.is_empty() {
        return None;
    }
    let at = text.iter().position(|byte| *byte == b'=');
    let (name, value) = match at {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    Some((decoded(name), decoded(value)))
}

fn decoded(text: &[u8]) -> String {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'+', ..) => bytes.push(b' '),
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 2;
            }
            _ => bytes.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
