//! Introspection, as OAuth's software does it (RFC 7662).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Ring};

fn introspect(caller: &Caller, form: &str) -> Value {
    let answer = caller.form("/v1/introspect", form);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn a_session_is_told_in_the_terms_of_rfc_7662() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let body = json!({"subject": "alice", "state": {"cart": [1]}, "lifetime": 600});
    let issued = caller.post("/v1/sessions", &body).json();
    let (token, session) = (issued["token"].as_str().unwrap(), &issued["session"]);
    let seconds = |name: &str| -> i64 {
        session[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
    };
    let told = introspect(&caller, &format!("token_type_hint=access_token&token={token}&x=1&x=2"));
    assert_eq!(
        told,
        json!({
            "active": true, "sub": "alice", "aud": "default", "jti": session["id"],
            "iat": seconds("issued_at"), "exp": seconds("expires_at"),
            "auth_time": seconds("started_at"), "ends": seconds("ends_at"), "rev": 0,
            "state": {"cart": [1]},
        })
    );
    let nobody = caller.issue(&json!({}));
    assert!(introspect(&caller, &format!("token={nobody}")).get("sub").is_none());
}

#[test]
fn what_is_no_session_is_not_active_and_nothing_more() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let token = caller.issue(&json!({}));
    let bound = caller.issue(&json!({"binding": "AQID"}));
    assert_eq!(introspect(&caller, &format!("token={bound}&binding=AQID"))["active"], true);
    for form in [
        "token=".to_owned(),
        "token=x".to_owned(),
        format!("token={}x", token),
        format!("token={token}%20"),
        format!("token={token}&audience=shop"),
        format!("token={bound}"),
        format!("token={bound}&binding=AQIE"),
    ] {
        let answer = caller.form("/v1/introspect", &form);
        assert_eq!((answer.status, &*answer.text), (200, r#"{"active":false}"#), "{form}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_form_that_is_wrong_is_told() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "verify"]));
    for (form, told) in [
        ("", "the parameter is missing"),
        ("audience=shop", "the parameter is missing"),
        ("token=a&token=a", "the parameter is there twice"),
        ("token=a&audience=Shop", "is not an audience"),
        ("token=a&binding=%2B", "not base64url"),
    ] {
        let answer = caller.form("/v1/introspect", form);
        assert_eq!(answer.problem(), (400, "invalid_body".into()), "{form}");
        assert!(answer.text.contains(told), "{form}: {answer:?}");
    }
    let json = caller.post("/v1/introspect", &json!({"token": "x"}));
    assert_eq!(json.problem(), (415, "not_a_form".into()));
    let large = caller.form("/v1/introspect", &format!("token={}", "x".repeat(70_000)));
    assert_eq!(large.problem(), (413, "body_too_large".into()));
}

fn with_authorization(url: &str, authorization: &str, form: &str) -> Answer {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent
        .post(format!("{url}/v1/introspect"))
        .header("authorization", authorization)
        .header("content-type", "application/x-www-form-urlencoded")
        .send(form)
        .unwrap();
    let headers = response.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        text: response.body_mut().read_to_string().unwrap(),
    }
}

#[test]
fn the_credential_is_a_bearer_token_or_the_password_of_basic() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let credential = ring.credential(&["--role", "issue", "--role", "verify"]);
    let caller = server.caller(&credential);
    let token = caller.issue(&json!({}));
    let form = format!("token={token}");
    let basic = |name: &str, password: &str| {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
    };
    for (authorization, status) in [
        (format!("Bearer {credential}"), 200),
        (basic("shop", &credential), 200),
        (basic("", &credential), 200),
        (basic("shop", "wrong"), 401),
        (basic(&credential, ""), 401),
        ("Basic %".to_owned(), 401),
        (credential.clone(), 401),
    ] {
        let answer = with_authorization(&caller.url, &authorization, &form);
        assert_eq!(answer.status, status, "{authorization}: {answer:?}");
        if status == 401 {
            let challenges: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| name == "www-authenticate")
                .map(|(_, value)| value.split(' ').next().unwrap())
                .collect();
            assert_eq!(challenges, ["Bearer", "Basic"]);
        }
    }
    // Elsewhere Basic is nothing.
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = agent
        .get(format!("{}/v1/keys", caller.url))
        .header("authorization", basic("shop", &credential))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 401);
}

#[test]
fn whose_credential_lists_one_audience_asks_about_that_one() {
    let ring = Ring::new();
    let server = ring.serve(&["--audience", "shop"]).ready();
    let all = server.caller(&ring.credential(&["--role", "issue", "--role", "verify"]));
    let of_blog = all.issue(&json!({"audience": "blog"}));
    let of_shop = all.issue(&json!({}));
    let credential = |audiences: &[&str]| {
        let mut arguments = vec!["--role", "verify"];
        arguments.extend(audiences.iter().flat_map(|audience| ["--audience", audience]));
        server.caller(&ring.credential(&arguments))
    };
    let blog = credential(&["blog"]);
    assert_eq!(introspect(&blog, &format!("token={of_blog}"))["aud"], "blog");
    assert_eq!(introspect(&blog, &format!("token={of_shop}"))["active"], false);
    let refused = blog.form("/v1/introspect", &format!("token={of_shop}&audience=shop"));
    assert_eq!(refused.problem(), (403, "audience_not_allowed".into()));
    let both = credential(&["blog", "shop"]);
    assert_eq!(introspect(&both, &format!("token={of_shop}"))["aud"], "shop");
    let named = introspect(&both, &format!("token={of_blog}&audience=blog"));
    assert_eq!(named["aud"], "blog");
    let issuer = server.caller(&ring.credential(&["--role", "issue"]));
    let answer = issuer.form("/v1/introspect", &format!("token={of_shop}"));
    assert_eq!(answer.problem(), (403, "role_required".into()));
}
