//! Bugs that were found once. One test each, with a line on the bug.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use common::{DAY, FORGED, Forged, NOW, at, refusal, shop};
use saddlebag::{NewSession, Reason, RenewError, Renewal};

/// `Debug` of a session about to begin was derived, and wrote its subject into logs.
#[test]
fn a_new_session_and_a_renewal_do_not_show_their_subject() {
    let session = NewSession::of("cart").subject("alice");
    assert!(!format!("{session:?}").contains("alice"));
    for renewal in
        [Renewal::keep().subject(Some("alice")), Renewal::keep().rotate_id().subject(Some("alice"))]
    {
        assert!(!format!("{renewal:?}").contains("alice"));
    }
}

/// Another subject or `rotate_id` made another session of one that had ended, or was out of revisions.
#[test]
fn a_session_that_has_ended_is_not_begun_again_either() {
    let tokens = shop();
    let anew = [
        Renewal::keep().rotate_id(),
        Renewal::keep().subject(Some("bob")),
        Renewal::keep().subject(None),
    ];
    let forged = Forged { subject: Some("alice"), ..FORGED };
    let last = Forged { issued: DAY - 900, ..forged };
    let verified = tokens.verify_at(&last.signed(1, "shop"), at(NOW + DAY)).unwrap();
    for renewal in anew.clone() {
        assert!(tokens.renew_at(&verified, renewal.clone(), at(NOW + DAY - 1)).is_ok());
        let refused = tokens.renew_at(&verified, renewal, at(NOW + DAY)).unwrap_err();
        assert!(matches!(refused, RenewError::Ended { .. }), "{refused:?}");
    }
    let forged = Forged { revision: u32::MAX.into(), ..forged };
    let verified = tokens.verify_at(&forged.signed(1, "shop"), at(NOW)).unwrap();
    for renewal in anew {
        let refused = tokens.renew_at(&verified, renewal, at(NOW)).unwrap_err();
        assert!(matches!(refused, RenewError::Revisions), "{refused:?}");
    }
}

/// Between `ends_at` and `ends_at` + skew, a renewal that is refused was said to be due.
#[test]
fn renewal_is_not_due_once_the_session_has_ended() {
    let tokens = shop();
    let forged = Forged { issued: DAY - 930, ..FORGED };
    let verified = tokens.verify_at(&forged.signed(1, "shop"), at(NOW + DAY)).unwrap();
    assert!(tokens.renewal_is_due_at(&verified, at(NOW + DAY - 1)));
    assert!(!tokens.renewal_is_due_at(&verified, at(NOW + DAY)));
}

/// `for_audience` dropped the binding without a word, and made tokens that anybody could present.
#[test]
fn the_tokens_of_another_audience_keep_the_binding() {
    let bound = shop().bound_to(b"certificate").unwrap().for_audience("admin").unwrap();
    let issued = bound.issue_at(NewSession::empty(), at(NOW)).unwrap();
    assert!(bound.verify_at(&issued.token, at(NOW)).is_ok());
    let unbound = shop().for_audience("admin").unwrap();
    assert_eq!(refusal(unbound.verify_at(&issued.token, at(NOW))), Reason::BadTag);
}

/// A jwt's header or payload could be a JSON array of the members' values: serde reads structs so too.
#[cfg(feature = "jwt")]
#[test]
fn a_jwts_header_and_payload_are_objects() {
    use jsonwebtoken::{Algorithm, EncodingKey, crypto::sign};
    use saddlebag::{JwtAlgorithm, keys::derive};

    let tokens = common::builder().jwt(JwtAlgorithm::Hs256).build().unwrap();
    let audience = common::audience_key(1, "shop");
    let key = EncodingKey::from_secret(derive::jwt_hs256(&audience).expose());
    let kid = common::encode(&derive::jwt_kid(&audience));
    let jti = common::encode(&FORGED.id);
    let (exp, ends) = (NOW + 900, NOW + DAY);
    let headers = [
        format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"JWT"}}"#),
        format!(r#"["HS256","{kid}","JWT"]"#),
    ];
    let payloads = [
        format!(
            r#"{{"aud":"shop","iat":{NOW},"exp":{exp},"auth_time":{NOW},"ends":{ends},"rev":0,"jti":"{jti}","state":null}}"#
        ),
        format!(r#"["shop",{NOW},{exp},{NOW},{ends},0,"{jti}",null]"#),
        format!(r#" ["shop",{NOW},{exp},{NOW},{ends},0,"{jti}",null,"alice"]"#),
    ];
    for (h, header) in headers.iter().enumerate() {
        for (p, payload) in payloads.iter().enumerate() {
            let (header, payload) =
                (common::encode(header.as_bytes()), common::encode(payload.as_bytes()));
            let signed = format!("{header}.{payload}");
            let signature = sign(signed.as_bytes(), &key, Algorithm::HS256).unwrap();
            let verified = tokens.verify_at(&format!("{signed}.{signature}"), at(NOW));
            assert_eq!(verified.is_ok(), (h, p) == (0, 0), "{h} {p}");
        }
    }
}
