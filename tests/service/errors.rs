//! The errors that people meet: each says what is wrong, and what to do about it.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::{Ring, eventually, replace, run};

#[test]
fn a_port_that_is_taken() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    for (flag, taken) in [("--listen", &server.api), ("--admin-listen", &server.admin)] {
        let free = if flag == "--listen" { "--admin-listen" } else { "--listen" };
        let place = ring.place();
        let arguments = ["serve", "--ring", &place, flag, taken, free, "127.0.0.1:0"];
        let (code, _, stderr) = run(&arguments, "");
        assert_eq!(code, 1, "{stderr}");
        assert!(
            stderr.contains(&format!("error: cannot listen on {taken}: Address already in use"))
        );
        let remedy =
            format!("help: something else listens there: stop it, or say {flag} 127.0.0.1:0");
        assert!(stderr.contains(&remedy), "{stderr}");
    }
}

#[test]
fn a_ring_that_cannot_be_read() {
    let ring = Ring::new();
    let credential = ring.credential(&["--role", "issue"]);
    std::fs::set_permissions(ring.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let server = ring.serve(&[]);
    let answer = server.admin().get("/readyz");
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("mode 644 gives others access"), "{answer:?}");
    let log = server.read_log();
    assert!(log.contains("the ring is waited for; help: chmod 600"), "{log}");
    let caller = server.caller(&credential);
    let told = caller.post("/v1/sessions", &json!({}));
    assert_eq!(told.problem(), (503, "not_ready".into()));
    assert!(told.text.contains("/readyz tells why"), "{told:?}");
    assert_eq!(told.header("retry-after"), Some("5"));

    let missing = Ring::missing();
    let server = missing.serve(&[]);
    assert!(
        server
            .read_log()
            .contains("help: check the path, or make a ring there: saddlebag keys init")
    );
}

#[test]
fn a_ring_that_is_stale() {
    let ring = Ring::new();
    let server = ring.serve(&["--stale-after", "3s"]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    replace(&ring.path(), b"{");
    eventually("it stops issuing", || caller.post("/v1/sessions", &json!({})).status == 503);
    let answer = caller.post("/v1/sessions", &json!({}));
    assert_eq!(answer.problem(), (503, "not_issuing".into()));
    assert!(answer.text.contains("this node must reach its ring again"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert!(
        server.admin().get("/readyz").text.contains("the key ring is stale: nothing is issued")
    );
    eventually("the log says so", || {
        server.read_log().contains("the ring is stale: nothing is issued until it is read again")
    });
}

/// Bad certificates are in `tls`, clocks that are far off in `config`.
#[test]
fn a_role_an_audience_and_a_size_that_do_not_do() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "verify", "--audience", "shop"]));
    let role = caller.post("/v1/sessions", &json!({}));
    assert_eq!(role.problem(), (403, "role_required".into()));
    let remedy =
        "takes the role issue: make another with `saddlebag credential issue --role issue`";
    assert!(role.text.contains(remedy), "{role:?}");
    let audience = caller.post("/v1/sessions/verify", &json!({"token": "x", "audience": "blog"}));
    assert_eq!(audience.problem(), (403, "audience_not_allowed".into()));
    let remedy = "name one of its own in the request, or make another with `saddlebag credential issue --audience blog`";
    assert!(audience.text.contains(remedy), "{audience:?}");
    let issuer = server.caller(&ring.credential(&["--role", "issue"]));
    let large = issuer.post("/v1/sessions", &json!({"state": "x".repeat(70_000)}));
    assert_eq!(large.problem(), (413, "body_too_large".into()));
    assert!(large.text.contains("it may have 65536 bytes: send less"), "{large:?}");
    let nobody = server.caller("x").post("/v1/sessions", &json!({}));
    assert_eq!(nobody.problem(), (401, "unauthenticated".into()));
    assert!(
        nobody.text.contains("`saddlebag credential issue` as Authorization: Bearer"),
        "{nobody:?}"
    );
    let jwt = issuer.post("/v1/sessions", &json!({"protection": "jwt"}));
    assert_eq!(jwt.problem(), (422, "jwt_not_possible".into()));
    assert!(jwt.text.contains("start the service with --jwt hs256 or eddsa"), "{jwt:?}");
}
