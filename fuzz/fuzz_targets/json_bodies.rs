//! Whatever JSON a caller sends, the service does not fail; what it issues or renews verifies and comes back
//! as it was asked for; it accepts no token but those that were issued; and a refusal repeats no secret.
//!
//! The first byte chooses the endpoint: 0 issue, 1 verify, 2 renew, 3 verify-batch.

#![no_main]

use libfuzzer_sys::fuzz_target;
use saddlebag_fuzz::program::{
    BINDING_TEXT, CANARIES, STATE, SUBJECT, filled, keeps_its_laws, post,
};
use serde_json::{Map, Value, json};

const PATHS: [&str; 4] =
    ["/v1/sessions", "/v1/sessions/verify", "/v1/sessions/renew", "/v1/sessions/verify-batch"];

fuzz_target!(|input: &[u8]| {
    let Some((endpoint, text)) = input.split_first() else {
        return;
    };
    let endpoint = usize::from(*endpoint) % PATHS.len();
    let body = filled(text);
    let answer = post(PATHS[endpoint], "application/json", &body);
    let said = keeps_its_laws(&answer, &body);
    if answer.status >= 300 {
        return;
    }
    let asked: Value = serde_json::from_slice(&body).expect("what is taken is JSON");
    let asked = asked.as_object().expect("and an object");
    // The integer -0 is a float to serde_json, and not to the format.
    let exact = !body.windows(2).any(|pair| pair == b"-0");
    match endpoint {
        0 => {
            assert_eq!(answer.status, 201);
            assert_eq!(said["session"]["subject"], *member(asked, "subject"));
            if exact {
                assert_eq!(said["session"]["state"], *member(asked, "state"));
            }
            assert_eq!(said["session"]["revision"], 0);
            comes_back(asked, &said);
        }
        1 => {
            let token = asked["token"].as_str().expect("a token is text");
            assert_eq!(said["active"], is_good(asked, token), "{said}");
            is_the_session(&said);
        }
        2 => {
            let token = asked["token"].as_str().expect("a token is text");
            assert_eq!(said["active"] != false, is_good(asked, token), "{said}");
            if said["active"] == false {
                assert_eq!(said, json!({"active": false}));
                return;
            }
            let as_before = json!({"subject": SUBJECT});
            let subject = asked.get("subject").unwrap_or(&as_before["subject"]);
            assert_eq!(said["session"]["subject"], *subject);
            let other =
                *subject != as_before["subject"] || asked.get("rotate_id") == Some(&json!(true));
            assert_eq!(said["session"]["revision"], i32::from(!other));
            let state: Value = serde_json::from_str(STATE).expect("it is JSON");
            if exact {
                assert_eq!(said["session"]["state"], *asked.get("state").unwrap_or(&state));
            }
            comes_back(asked, &said);
        }
        _ => {
            let tokens = asked["tokens"].as_array().expect("tokens are a list");
            let results = said["results"].as_array().expect("and so are their results");
            assert_eq!(tokens.len(), results.len());
            for (token, result) in tokens.iter().zip(results) {
                let token = token.as_str().expect("a token is text");
                assert_eq!(result["active"], is_good(asked, token), "{result}");
                is_the_session(result);
            }
        }
    }
});

fn member<'a>(asked: &'a Map<String, Value>, name: &str) -> &'a Value {
    asked.get(name).unwrap_or(&Value::Null)
}

/// Whether a token of the right audience and binding was presented, to the byte.
fn is_good(asked: &Map<String, Value>, token: &str) -> bool {
    let right_audience = matches!(member(asked, "audience").as_str(), None | Some("shop"));
    let right_token = match member(asked, "binding").as_str() {
        None | Some("") => CANARIES.tokens().contains(&token),
        Some(binding) => binding == BINDING_TEXT && token == CANARIES.bound,
    };
    right_audience && right_token
}

fn is_the_session(said: &Value) {
    if said["active"] == false {
        assert_eq!(*said, json!({"active": false}));
        return;
    }
    let state: Value = serde_json::from_str(STATE).expect("it is JSON");
    assert_eq!(said["session"]["subject"], SUBJECT);
    assert_eq!(said["session"]["state"], state);
}

/// A token that was made verifies as what was told of it, alone and in a batch.
fn comes_back(asked: &Map<String, Value>, made: &Value) {
    let (audience, binding) = (member(asked, "audience"), member(asked, "binding"));
    let expected = json!({"active": true, "session": made["session"]});
    let body =
        json!({"token": made["token"], "audience": audience, "binding": binding}).to_string();
    let answer = post(PATHS[1], "application/json", body.as_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&answer.body).ok().as_ref(), Some(&expected));
    if matches!(binding.as_str(), None | Some("")) {
        let body = json!({"tokens": [made["token"]], "audience": audience}).to_string();
        let answer = post(PATHS[3], "application/json", body.as_bytes());
        let said: Value = serde_json::from_slice(&answer.body).expect("an answer is JSON");
        assert_eq!(said["results"], json!([expected]));
    }
}
