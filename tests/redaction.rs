//! Nothing public shows a token, a secret, a subject or a state in its `Debug` or `Display`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::fmt::{Debug, Display};

use common::{NOW, at, builder};
use saddlebag::keys::{Secret, UnixTime};
use saddlebag::{NewSession, Protection, RawState, Renewal, Tokens};

const SUBJECT: &str = "canary-subject";
const STATE: &str = "canary-state";

/// Everything that was written, to be searched for what must not be in it.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?}"));
        self.0.push(format!("{value:#?}"));
    }

    fn error(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0.push(value.to_string());
    }

    fn has_none_of(&self, canaries: &[String]) {
        for text in &self.0 {
            for canary in canaries {
                assert!(!text.contains(canary), "{canary} in {text}");
            }
        }
        assert!(self.0.len() > 50);
    }
}

fn state() -> serde_json::Value {
    serde_json::json!({"note": STATE, "list": [STATE]})
}

fn every_error(seen: &mut Seen, tokens: &Tokens, token: &str, now: UnixTime) {
    let verified = tokens.verify_at(token, now).unwrap();
    for text in [
        format!("{token}A"),
        format!("{token}="),
        token.replace("sb1", "sb2"),
        token[..70].to_owned(),
    ] {
        seen.error(&tokens.verify_at(&text, now).unwrap_err());
    }
    seen.error(&tokens.verify_at(token, at(NOW * 2)).unwrap_err());
    seen.error(&tokens.for_audience("b").unwrap().verify_at(token, now).unwrap_err());
    let tight = builder().longest_issued(100).build().unwrap();
    let long = SUBJECT.repeat(20);
    for session in [
        NewSession::of(&f64::NAN).subject(SUBJECT),
        NewSession::of(&state()).subject(&long),
        NewSession::of(&state()).subject(SUBJECT).lifetime(0),
        NewSession::of(&state()).subject(SUBJECT).protection(Protection::Jwt),
    ] {
        seen.debug(&session);
        seen.error(&tokens.issue_at(session, now).unwrap_err());
    }
    seen.error(&tight.issue_at(NewSession::of(&state()).subject(SUBJECT), now).unwrap_err());
    for renewal in
        [Renewal::keep().subject(Some(&long)).state(&state()), Renewal::keep().state(&f64::NAN)]
    {
        seen.debug(&renewal);
        seen.error(&tokens.renew_at(&verified, renewal, now).unwrap_err());
    }
    seen.error(&tokens.renew_at(&verified, Renewal::keep(), at(NOW * 2)).unwrap_err());
    seen.error(
        &tokens.for_audience("b").unwrap().renew_at(&verified, Renewal::keep(), now).unwrap_err(),
    );
    // State of another shape than the type asked for.
    seen.error(&verified.state::<u8>().unwrap_err());
    seen.error(&verified.state::<Vec<bool>>().unwrap_err());
    seen.error(&verified.state::<std::collections::BTreeMap<String, u8>>().unwrap_err());
    seen.error(&tokens.bound_to(&STATE.as_bytes().repeat(99)).unwrap_err());
}

/// T64.
#[test]
fn nothing_public_shows_what_it_should_keep() {
    let mut seen = Seen::default();
    let secret = Secret::from_bytes(common::secret(1));
    let mut canaries = vec![SUBJECT.to_owned(), STATE.to_owned()];
    for protection in [Protection::Signed, Protection::Sealed] {
        let tokens = builder().protection(protection).build().unwrap();
        let bound = tokens.bound_to(b"canary-binding").unwrap();
        let session = NewSession::of(&state()).subject(SUBJECT);
        seen.debug(&session);
        seen.debug(&Renewal::keep().subject(Some(SUBJECT)).state(&state()));
        let issued = bound.issue_at(session, at(NOW)).unwrap();
        seen.debug(&issued);
        let verified = bound.verify_at(&issued.token, at(NOW)).unwrap();
        seen.debug(&verified);
        seen.debug(&verified.raw_state().unwrap());
        seen.debug(&RawState::of(&state()).unwrap());
        seen.debug(&bound);
        seen.debug(&builder());
        seen.debug(tokens.ring());
        seen.debug(&tokens.ring().ring());
        seen.debug(&verified.info().id);
        let unbound = tokens.issue_at(NewSession::of(&state()).subject(SUBJECT), at(NOW)).unwrap();
        every_error(&mut seen, &tokens, &unbound.token, at(NOW));
        canaries.push(issued.token[..60].to_owned());
        canaries.push(issued.token[40..].to_owned());
        canaries.push(unbound.token[40..].to_owned());
        canaries.push(unbound.token[..70].to_owned());
    }
    canaries.push("canary-binding".to_owned());
    canaries.push("[99, 97, 110, 97, 114, 121".to_owned());
    canaries.push(format!("{:?}", &common::secret(1)[..4]).replace(']', ""));
    canaries.push(common::encode(&common::secret(1)));
    canaries.push(common::encode(&common::secret(2)));
    seen.debug(&secret);
    seen.has_none_of(&canaries);
}
