//! The jwt spelling, from the side of any software that speaks JWT.
#![cfg(feature = "jwt")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{DAY, FORGED, NOW, at, audience_key, builder, refusal, shop};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use saddlebag::keys::derive;
use saddlebag::{
    IssueError, JwtAlgorithm, NewSession, Protection, RawState, Reason, RenewError, Renewal, Tokens,
};
use serde_json::{Value, json};

const BOTH: [JwtAlgorithm; 2] = [JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa];

fn tokens(algorithm: JwtAlgorithm) -> Tokens {
    builder().jwt(algorithm).protection(Protection::Jwt).build().unwrap()
}

fn theirs(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        _ => Algorithm::EdDSA,
    }
}

/// What a service exports to whoever makes tokens, for the n-th secret.
fn signing_key(n: u8, audience: &str, algorithm: JwtAlgorithm) -> EncodingKey {
    let audience = audience_key(n, audience);
    match algorithm {
        JwtAlgorithm::Hs256 => EncodingKey::from_secret(derive::jwt_hs256(&audience).expose()),
        _ => {
            let seed = derive::jwt_eddsa_seed(&audience);
            // RFC 8410, section 7: the private key of 32 bytes, in PKCS#8.
            let start = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
            EncodingKey::from_ed_der(&[&start[..], seed.expose()].concat())
        }
    }
}

/// What a service publishes to whoever checks tokens.
fn checking_key(n: u8, audience: &str, algorithm: JwtAlgorithm) -> DecodingKey {
    match algorithm {
        JwtAlgorithm::Hs256 => {
            DecodingKey::from_secret(derive::jwt_hs256(&audience_key(n, audience)).expose())
        }
        _ => {
            let mut jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(
                &signing_key(n, audience, algorithm),
                Algorithm::EdDSA,
            )
            .unwrap();
            jwk.common.key_id = Some(kid(n, audience));
            DecodingKey::from_jwk(&jwk).unwrap()
        }
    }
}

fn kid(n: u8, audience: &str) -> String {
    common::encode(&derive::jwt_kid(&audience_key(n, audience)))
}

fn payload() -> Value {
    json!({
        "aud": "shop", "iat": NOW, "exp": NOW + 900, "auth_time": NOW, "ends": NOW + DAY, "rev": 0,
        "jti": common::encode(&FORGED.id), "state": {"a": [1, 2.5]}, "sub": "alice",
    })
}

/// A jws of any texts under the first key of `shop`.
fn jws(algorithm: JwtAlgorithm, header: &[u8], payload: &[u8]) -> String {
    let signed = format!("{}.{}", common::encode(header), common::encode(payload));
    let key = signing_key(1, "shop", algorithm);
    let signature = sign(signed.as_bytes(), &key, theirs(algorithm)).unwrap();
    format!("{signed}.{signature}")
}

fn good_header(algorithm: JwtAlgorithm) -> String {
    let (alg, kid) = (algorithm.as_str(), kid(1, "shop"));
    format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#)
}

#[test]
fn what_any_jwt_software_makes_verifies_here() {
    for algorithm in BOTH {
        let mut header = Header::new(theirs(algorithm));
        header.kid = Some(kid(1, "shop"));
        let token = jsonwebtoken::encode(&header, &payload(), &signing_key(1, "shop", algorithm));
        let verified = tokens(algorithm).verify_at(&token.unwrap(), at(NOW)).unwrap();
        assert_eq!(verified.subject(), Some("alice"));
        assert_eq!(verified.protection(), Protection::Jwt);
        assert_eq!(verified.key_id(), common::id(1));
        assert_eq!(verified.state::<Value>().unwrap(), json!({"a": [1, 2.5]}));
        let info = verified.info();
        assert_eq!(info.id.to_bytes(), FORGED.id);
        assert_eq!((info.started_at, info.issued_at), (at(NOW), at(NOW)));
        assert_eq!((info.expires_at, info.ends_at), (at(NOW + 900), at(NOW + DAY)));
    }
}

#[test]
fn what_is_made_here_verifies_in_any_jwt_software() {
    for algorithm in BOTH {
        for subject in [None, Some("alice")] {
            let state = RawState::from_json(br#"{"b": [1, 2.0], "a": null}"#).unwrap();
            let mut session = NewSession::raw(state);
            if let Some(subject) = subject {
                session = session.subject(subject);
            }
            let issued = tokens(algorithm).issue_at(session, at(NOW)).unwrap();
            let mut validation = Validation::new(theirs(algorithm));
            validation.set_audience(&["shop"]);
            // Its clock cannot be set.
            validation.validate_exp = false;
            let key = checking_key(1, "shop", algorithm);
            let checked = jsonwebtoken::decode::<Value>(&issued.token, &key, &validation).unwrap();
            assert_eq!(checked.header.kid, Some(kid(1, "shop")));
            assert_eq!(checked.header.typ.as_deref(), Some("JWT"));
            let mut expected = payload();
            expected["jti"] = issued.info.id.to_string().into();
            expected["state"] = json!({"b": [1, 2.0], "a": null});
            if subject.is_none() {
                expected.as_object_mut().unwrap().remove("sub");
            }
            assert_eq!(checked.claims, expected);
            // The order and the spelling that the format prints.
            let mut segments = issued.token.split('.');
            let header = common::decode(segments.next().unwrap());
            assert_eq!(String::from_utf8(header).unwrap(), good_header(algorithm));
            let payload = String::from_utf8(common::decode(segments.next().unwrap())).unwrap();
            let sub = if subject.is_some() { r#","sub":"alice""# } else { "" };
            assert_eq!(
                payload,
                format!(
                    r#"{{"aud":"shop","iat":{NOW},"exp":{},"auth_time":{NOW},"ends":{},"rev":0,"jti":"{}","state":{{"b":[1,2.0],"a":null}}{sub}}}"#,
                    NOW + 900,
                    NOW + DAY,
                    issued.info.id
                )
            );
        }
    }
}

/// T01.
#[test]
fn a_verifier_takes_its_own_algorithm_and_nothing_that_a_token_says() {
    for algorithm in BOTH {
        let (mine, other) = if algorithm == JwtAlgorithm::Hs256 {
            (JwtAlgorithm::Hs256, JwtAlgorithm::EdDsa)
        } else {
            (JwtAlgorithm::EdDsa, JwtAlgorithm::Hs256)
        };
        let issued = tokens(other).issue_at(NewSession::empty(), at(NOW)).unwrap();
        assert_eq!(refusal(tokens(mine).verify_at(&issued.token, at(NOW))), Reason::Malformed);
        assert_eq!(refusal(shop().verify_at(&issued.token, at(NOW))), Reason::JwtNotAccepted);
        // The right header and the other algorithm's signature; and none at all.
        let payload = payload().to_string();
        let signed = format!(
            "{}.{}",
            common::encode(good_header(mine).as_bytes()),
            common::encode(payload.as_bytes())
        );
        let signature =
            sign(signed.as_bytes(), &signing_key(1, "shop", other), theirs(other)).unwrap();
        // The public key as an HMAC secret (CVE-2015-9235).
        let public = jsonwebtoken::jwk::Jwk::from_encoding_key(
            &signing_key(1, "shop", JwtAlgorithm::EdDsa),
            Algorithm::EdDSA,
        )
        .unwrap();
        let jsonwebtoken::jwk::AlgorithmParameters::OctetKeyPair(public) = public.algorithm else {
            panic!()
        };
        let public = EncodingKey::from_secret(&common::decode(&public.x));
        let confused = sign(signed.as_bytes(), &public, Algorithm::HS256).unwrap();
        for signature in [
            signature,
            confused,
            String::new(),
            "AAAA".to_owned(),
            common::encode(&[0; 64]),
            common::encode(&[0; 32]),
        ] {
            let token = format!("{signed}.{signature}");
            assert_eq!(refusal(tokens(mine).verify_at(&token, at(NOW))), Reason::BadTag);
        }
    }
}

/// T01, T03.
#[test]
fn a_header_has_exactly_its_three_members() {
    for algorithm in BOTH {
        let tokens = tokens(algorithm);
        let payload = payload().to_string();
        let (alg, good) = (algorithm.as_str(), kid(1, "shop"));
        for header in [
            good_header(algorithm),
            format!(r#" {{ "typ" : "JWT" , "kid" : "{good}" , "alg" : "{alg}" }} "#),
            format!(r#"{{"\u0061lg":"{alg}","kid":"{good}","typ":"\u004aWT"}}"#),
        ] {
            let token = jws(algorithm, header.as_bytes(), payload.as_bytes());
            assert!(tokens.verify_at(&token, at(NOW)).is_ok(), "{header}");
        }
        for header in [
            format!(r#"{{"alg":"{alg}","kid":"{good}"}}"#),
            format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#),
            format!(r#"{{"kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":"jwt"}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":null}}"#),
            format!(r#"{{"alg":"none","kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":"HS512","kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":["{alg}"],"kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":"{}","kid":"{good}","typ":"JWT"}}"#, alg.to_lowercase()),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":"JWT","crit":["b64"]}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":"JWT","jwk":{{}}}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":"JWT","jku":"https://x"}}"#),
            format!(r#"{{"alg":"{alg}","alg":"{alg}","kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":"{alg}","\u0061lg":"{alg}","kid":"{good}","typ":"JWT"}}"#),
            format!(r#"{{"alg":"{alg}","kid":"{good}","typ":"JWT"}}x"#),
            format!("\u{feff}{}", good_header(algorithm)),
            String::new(),
            "{}".to_owned(),
            "null".to_owned(),
        ] {
            let token = jws(algorithm, header.as_bytes(), payload.as_bytes());
            assert_eq!(refusal(tokens.verify_at(&token, at(NOW))), Reason::Malformed, "{header}");
        }
        // T03: the key id is looked up in memory, and compared.
        for kid in [
            "",
            "../../etc/passwd",
            "' OR 1=1",
            "\\u0000",
            &common::encode(&common::id(1).to_bytes()),
            &kid(2, "shop2"),
            &"A".repeat(2_000),
            &format!("{good}="),
        ] {
            let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"JWT"}}"#);
            let token = jws(algorithm, header.as_bytes(), payload.as_bytes());
            assert_eq!(refusal(tokens.verify_at(&token, at(NOW))), Reason::UnknownKey, "{kid}");
        }
    }
}

/// T07, T08, T09, T19: what is authentic and not allowed is refused.
#[test]
fn a_payload_has_exactly_its_members() {
    let algorithm = JwtAlgorithm::Hs256;
    let tokens = tokens(algorithm);
    let header = good_header(algorithm);
    let verify = |payload: &str| {
        tokens.verify_at(&jws(algorithm, header.as_bytes(), payload.as_bytes()), at(NOW))
    };
    let names = ["aud", "iat", "exp", "auth_time", "ends", "rev", "jti", "state"];
    for name in names {
        let mut without = payload();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(refusal(verify(&without.to_string())), Reason::BadClaims, "{name}");
    }
    let mut without = payload();
    without.as_object_mut().unwrap().remove("sub");
    assert_eq!(verify(&without.to_string()).unwrap().subject(), None);
    let base = payload().to_string();
    for name in names.into_iter().chain(["sub"]) {
        for value in [
            "\"x\"",
            "1.5",
            "-1",
            "true",
            "null",
            "[]",
            "{}",
            "\"\"",
            "18446744073709551616",
            "1e2",
            "1e400",
            "[1]",
            "0",
        ] {
            if name == "state"
                || (name == "sub" && value == "\"x\"")
                || (name == "rev" && value == "0")
            {
                continue;
            }
            // auth_time 0 with the same end is a session of 57 years.
            if name == "auth_time" && value == "0" {
                continue;
            }
            let mut object: serde_json::Map<String, Value> = serde_json::from_str(&base).unwrap();
            object.remove(name);
            let rest = serde_json::to_string(&object).unwrap();
            let changed = format!("{{\"{name}\":{value},{}", &rest[1..]);
            assert_eq!(refusal(verify(&changed)), Reason::BadClaims, "{changed}");
        }
        // Twice, and in disguise.
        let twin = payload()[name].to_string();
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        for name in [name, &escaped] {
            let changed = format!("{{\"{name}\":{twin},{}", &base[1..]);
            assert_eq!(refusal(verify(&changed)), Reason::BadClaims, "{changed}");
        }
    }
    let with = |name: &str, value: Value| {
        let mut changed = payload();
        changed[name] = value;
        changed.to_string()
    };
    for (name, value) in [
        ("aud", json!("shop2")),
        ("aud", json!("Shop")),
        ("aud", json!(["shop"])),
        ("aud", json!(["shop", "admin"])),
        ("nbf", json!(NOW)),
        ("iss", json!("me")),
        ("rev", json!(1_u64 << 32)),
        ("exp", json!(NOW)),
        ("exp", json!(NOW - 1)),
        ("exp", json!(NOW + DAY + 1)),
        ("exp", json!(u64::MAX)),
        ("ends", json!(NOW + 899)),
        ("ends", json!(1_u64 << 40)),
        ("iat", json!(NOW - 1)),
        ("auth_time", json!(NOW + 1)),
        ("jti", json!(common::encode(&[1; 11]))),
        ("jti", json!(common::encode(&[1; 13]))),
        ("jti", json!(format!("{}=", common::encode(&FORGED.id)))),
        ("jti", json!("dHdlbHZlIGJ5dGV+")),
        ("sub", json!("a".repeat(256))),
    ] {
        assert_eq!(
            refusal(verify(&with(name, value.clone()))),
            Reason::BadClaims,
            "{name} {value}"
        );
    }
    assert!(verify(&with("rev", json!(u32::MAX))).is_ok());
    assert!(verify(&with("state", Value::Null)).is_ok());
    assert!(verify(&with("ends", json!((1_u64 << 40) - 1))).is_ok());
    let state = |state: &str| base.replace(r#"{"a":[1,2.5]}"#, state);
    for wrong in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"b":{"a":1,"a":2}}"#,
        r#""\ud800""#,
        "1e400",
        "NaN",
        "",
        "{",
        "[1,]",
        r#"[{"x":[{"a":1,"a":1}]}]"#,
        "01",
        "+1",
        "-",
    ] {
        assert_eq!(refusal(verify(&state(wrong))), Reason::BadClaims, "{wrong}");
    }
    let deep = |levels: usize| state(&format!("{}1{}", "[".repeat(levels), "]".repeat(levels)));
    assert!(verify(&deep(32)).is_ok());
    for levels in [33, 129, 1_000] {
        assert_eq!(refusal(verify(&deep(levels))), Reason::BadClaims);
    }
    for wrong in [
        format!("{base}x"),
        format!("{base}{base}"),
        format!("\u{feff}{base}"),
        String::new(),
        "null".into(),
    ] {
        assert_eq!(refusal(verify(&wrong)), Reason::BadClaims, "{wrong}");
    }
    assert!(verify(&format!(" \n{base}\t ")).is_ok());
}

/// T08.
#[test]
fn a_jwts_times_are_those_of_every_token() {
    for algorithm in BOTH {
        let tokens = tokens(algorithm);
        let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
        for (now, expected) in [
            (NOW - 61, Some(Reason::NotYetValid)),
            (NOW - 60, None),
            (NOW + 959, None),
            (NOW + 960, Some(Reason::Expired)),
        ] {
            let refused = tokens.verify_at(&issued.token, at(now)).err();
            assert_eq!(refused.map(|refused| refused.reason()), expected);
        }
    }
}

/// T27, T43.
#[test]
fn jwts_of_different_audiences_do_not_mix() {
    for algorithm in BOTH {
        let shop = tokens(algorithm);
        let admin = shop.for_audience("admin").unwrap();
        let issued = shop.issue_at(NewSession::empty(), at(NOW)).unwrap();
        assert!(shop.verify_at(&issued.token, at(NOW)).is_ok());
        assert_eq!(refusal(admin.verify_at(&issued.token, at(NOW))), Reason::UnknownKey);
        // Even with the other's kid.
        let header = good_header(algorithm).replace(&kid(1, "shop"), &kid(1, "admin"));
        let token = jws(algorithm, header.as_bytes(), payload().to_string().as_bytes());
        assert_eq!(refusal(admin.verify_at(&token, at(NOW))), Reason::BadTag);
    }
}

#[test]
fn a_jwt_is_renewed_as_a_jwt_with_its_state_byte_for_byte() {
    for algorithm in BOTH {
        let tokens = tokens(algorithm);
        for state in [
            r#"{"b" :  1,"a":	2 , "c":"\u0061\/"}"#,
            "[1.0,1.00,1e2,1E+2,0.1e1,-0,-0.0,1.50]",
            "\"\\u00e9 \u{e9}\"",
            "{\n  \"x\": [ ]\n}",
            "18446744073709551615",
            "null",
            "123456789012345678901234567890",
        ] {
            let text = payload().to_string().replace(r#"{"a":[1,2.5]}"#, state);
            let token = jws(algorithm, good_header(algorithm).as_bytes(), text.as_bytes());
            let verified = tokens.verify_at(&token, at(NOW)).unwrap();
            let renewed = tokens.renew_at(&verified, Renewal::keep(), at(NOW + 5)).unwrap();
            let again = tokens.verify_at(&renewed.token, at(NOW + 5)).unwrap();
            assert_eq!(again.protection(), Protection::Jwt);
            assert_eq!((again.info().revision, again.info().id), (1, verified.info().id));
            assert_eq!(again.state_cbor(), verified.state_cbor());
            assert_eq!(again.subject(), Some("alice"));
            let segment = renewed.token.split('.').nth(1).unwrap();
            let payload = String::from_utf8(common::decode(segment)).unwrap();
            assert!(payload.contains(&format!(r#","state":{state},"sub""#)), "{payload}");
            // And another one under it.
            let renewed =
                tokens.renew_at(&again, Renewal::keep().rotate_id(), at(NOW + 6)).unwrap();
            let segment = renewed.token.split('.').nth(1).unwrap();
            let payload = String::from_utf8(common::decode(segment)).unwrap();
            assert!(payload.contains(&format!(r#","state":{state},"sub""#)), "{payload}");
            let replaced =
                tokens.renew_at(&again, Renewal::keep().state("new"), at(NOW + 6)).unwrap();
            let replaced = tokens.verify_at(&replaced.token, at(NOW + 6)).unwrap();
            assert_eq!(replaced.state::<&str>().unwrap(), "new");
        }
    }
}

#[test]
fn a_jwt_carries_no_binding() {
    for algorithm in BOTH {
        let tokens = tokens(algorithm);
        let bound = tokens.bound_to(b"certificate").unwrap();
        let refused = bound.issue_at(NewSession::empty(), at(NOW)).unwrap_err();
        assert!(matches!(refused, IssueError::JwtBinding), "{refused:?}");
        let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
        assert_eq!(refusal(bound.verify_at(&issued.token, at(NOW))), Reason::JwtNotAccepted);
        assert!(tokens.bound_to(b"").unwrap().verify_at(&issued.token, at(NOW)).is_ok());
    }
}

#[test]
fn a_jwt_needs_to_be_configured() {
    let refused = builder().protection(Protection::Jwt).build().unwrap_err();
    assert_eq!(refused.to_string(), "jwt tokens need an algorithm: hs256 or eddsa");
    let session = NewSession::empty().protection(Protection::Jwt);
    let refused = shop().issue_at(session.clone(), at(NOW)).unwrap_err();
    assert!(matches!(refused, IssueError::JwtNotConfigured), "{refused:?}");
    // Configured, the other two kinds are still issued and verified.
    let tokens = builder().jwt(JwtAlgorithm::EdDsa).build().unwrap();
    for protection in [Protection::Signed, Protection::Sealed, Protection::Jwt] {
        let issued = tokens.issue_at(NewSession::empty().protection(protection), at(NOW)).unwrap();
        let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
        assert_eq!(verified.protection(), protection);
    }
    let issued = tokens.issue_at(session, at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    let refused = shop().renew_at(&verified, Renewal::keep(), at(NOW)).unwrap_err();
    assert!(matches!(refused, RenewError::Issue(IssueError::JwtNotConfigured)), "{refused:?}");
}

#[test]
fn byte_strings_do_not_go_into_a_jwt() {
    let tokens = tokens(JwtAlgorithm::Hs256);
    let bytes = RawState::from_cbor(b"\x82\x01\x41a".to_vec()).unwrap();
    let refused = tokens.issue_at(NewSession::raw(bytes.clone()), at(NOW)).unwrap_err();
    assert!(matches!(refused, IssueError::JwtBytes), "{refused:?}");
    let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
    let verified = tokens.verify_at(&issued.token, at(NOW)).unwrap();
    let refused =
        tokens.renew_at(&verified, Renewal::keep().raw_state(bytes), at(NOW)).unwrap_err();
    assert!(matches!(refused, RenewError::Issue(IssueError::JwtBytes)), "{refused:?}");
}

#[test]
fn a_jwt_keeps_to_the_limit_of_issue() {
    let tokens = tokens(JwtAlgorithm::Hs256);
    let refused =
        tokens.issue_at(NewSession::of(&json!({"big": "a".repeat(3_000)})), at(NOW)).unwrap_err();
    let text = refused.to_string();
    assert!(text.ends_with("more than 4000; heaviest in its state: big (3007 bytes)"), "{text}");
}

#[test]
fn a_jwts_key_is_bound_by_its_state_too() {
    // Key 2 is staged: published, and verifying already.
    let algorithm = JwtAlgorithm::EdDsa;
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid(2, "shop"));
    let token =
        jsonwebtoken::encode(&header, &payload(), &signing_key(2, "shop", algorithm)).unwrap();
    let verified = tokens(algorithm).verify_at(&token, at(NOW)).unwrap();
    assert_eq!(verified.key_id(), common::id(2));
    let far = NOW + 500 * DAY;
    let payload = json!({
        "aud": "shop", "iat": far, "exp": far + 900, "auth_time": far, "ends": far + DAY, "rev": 0,
        "jti": common::encode(&FORGED.id), "state": null,
    });
    let token = jws(algorithm, good_header(algorithm).as_bytes(), payload.to_string().as_bytes());
    assert_eq!(refusal(tokens(algorithm).verify_at(&token, at(far))), Reason::KeyRetired);
}
