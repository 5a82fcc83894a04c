//! The contract and its page, as they are served; a browser looks at them in tests/peers/browser.

use crate::support::{Caller, Ring};

#[test]
fn the_contract_and_the_page_are_anybodys_and_load_nothing_from_elsewhere() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let anybody = Caller { url: format!("http://{}", server.api), credential: None };
    let contract = anybody.get("/openapi.json");
    assert_eq!(contract.text, include_str!("../../openapi/saddlebag.json"));
    let page = anybody.get("/docs");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let files: Vec<_> = page
        .text
        .split(['"', '\''])
        .filter_map(|text| text.strip_prefix("./"))
        .filter(|name| name.ends_with(".js") || name.ends_with(".css"))
        .collect();
    assert!(files.len() >= 4, "{page:?}");
    for name in files {
        let file = anybody.get(&format!("/docs/{name}"));
        assert_eq!(file.status, 200, "{name}");
        let policy = file.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    }
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    let initializer = anybody.get("/docs/swagger-initializer.js").text;
    assert!(initializer.contains("\"validatorUrl\": \"none\""), "{initializer}");
    for name in ["nothing.js", "..%2fCargo.toml", "%2e%2e", "%00", "index.html%00.css"] {
        let answer = anybody.get(&format!("/docs/{name}"));
        assert_eq!(answer.problem(), (404, "not_found".into()), "{name}");
    }
}

/// ASVS 3.4: on every answer of ours, whatever its status.
#[test]
fn every_answer_has_the_headers_that_keep_it_from_being_misread() {
    let ring = Ring::new();
    let server = ring.serve(&[]).ready();
    let anybody = Caller { url: format!("http://{}", server.api), credential: None };
    for path in ["/openapi.json", "/docs", "/v1/keys", "/nothing", "/.well-known/jwks.json"] {
        let answer = anybody.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        let pages = (path == "/docs").then_some("no-referrer");
        assert_eq!(answer.header("referrer-policy"), pages, "{path}");
        assert!(answer.header("cache-control").is_some(), "{path}");
        assert!(answer.header("server").is_none(), "{path}: no version is told");
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
}
