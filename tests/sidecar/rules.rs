//! Which requests reach the service (T40).

use crate::support::{Sidecar, Upstream};

#[test]
fn rules_decide_by_path_and_method() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    let clerk = sidecar.issue("alice", r#"{"roles":["clerk"]}"#, &[]);
    let admin = sidecar.issue("root", r#"{"roles":["clerk","admin"]}"#, &[]);
    for (path, nobody, clerks, admins) in [
        ("/", 200, 200, 200),
        ("/public/a", 200, 200, 200),
        ("/orders/1", 401, 200, 200),
        ("/orders", 401, 200, 200),
        ("/admin/x", 401, 403, 200),
        ("/%61dmin/x", 401, 403, 200),
    ] {
        let status = |token: &str| sidecar.get(path, token).status();
        assert_eq!(
            (status(""), status(&clerk), status(&admin)),
            (nobody, clerks, admins),
            "{path}"
        );
    }
    let refused = sidecar.get("/orders/1", "");
    assert_eq!(refused.code(), "unauthenticated");
    assert_eq!(refused.one("cache-control"), "no-store");
    // A browser that looks at a page is sent to the login; a script is not.
    let page = sidecar.ask("GET /orders/1", &[("accept", "text/html,*/*")]);
    assert_eq!((page.status(), page.one("location")), (302, "/login"));
    let script =
        sidecar.ask("GET /orders/1", &[("accept", "text/html"), ("sec-fetch-mode", "cors")]);
    assert_eq!((script.status(), script.all("location")), (401, vec![]));
}

#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused() {
    let upstream = Upstream::saying("");
    let sidecar = Sidecar::before(&upstream, &["--rules", "rules.toml"]).ready();
    for path in [
        "/public/../admin/x",
        "/public/%2e%2e/admin/x",
        "//admin/x",
        "/public//../admin",
        "/public/..%2fadmin/x",
        "/public%2f..%2fadmin",
        "/admin;x/y",
        "/admin%3b/x",
        "/public\\..\\admin",
        "/admin%00/x",
        "/admin%3fx",
        "/public/%252e%252e/admin",
        "/a%",
    ] {
        let answer = sidecar.ask(&format!("GET {path}"), &[]);
        assert_eq!((answer.status(), answer.code()), (400, "ambiguous_path".to_owned()), "{path}");
    }
    assert_eq!(upstream.count(), 0);
}
