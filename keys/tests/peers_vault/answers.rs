//! What Vault answers, word for word where the store reads words, and in which shape.

use serde_json::{Value, json};

use crate::peers::{Client, DevVault};

fn write(vault: &Client, cas: Value) -> (u16, Value) {
    let body = json!({ "options": { "cas": cas }, "data": { "x": 1 } });
    vault.api("POST", "secret/data/ring", Some(body))
}

/// What an answer holds, or what it says is wrong.
fn told((status, answer): (u16, Value)) -> (u16, Value) {
    let part = if answer["errors"].is_array() { "errors" } else { "data" };
    (status, answer[part].clone())
}

fn get(vault: &Client, path: &str) -> (u16, Value) {
    told(vault.api("GET", path, None))
}

/// Without the times and the persons, which differ.
fn versions(vault: &Client) -> Value {
    let (status, data) = get(vault, "secret/metadata/ring");
    assert_eq!(status, 200);
    let mut versions = data["versions"].clone();
    for version in versions.as_object_mut().unwrap().values_mut() {
        let deleted = version["deletion_time"] != "";
        *version = json!({ "deleted": deleted, "destroyed": version["destroyed"] });
    }
    json!({ "current": data["current_version"], "versions": versions })
}

#[test]
fn a_write_over_another_version_is_400_and_says_so_in_one_sentence() {
    let vault = DevVault::start();
    let (status, answer) = write(&vault, 0.into());
    assert_eq!((status, &answer["data"]["version"]), (200, &json!(1)));
    let mismatch = json!({
        "errors": ["check-and-set parameter did not match the current version"],
    });
    for cas in [0, 2, 7] {
        assert_eq!(write(&vault, cas.into()), (400, mismatch.clone()));
    }
    assert_eq!(write(&vault, 1.into()).1["data"]["version"], 2);

    // Other 400s, which are no conflict.
    let refused = |body: Value| told(vault.api("POST", "secret/data/ring", Some(body)));
    let malformed = json!({ "options": { "cas": "two" }, "data": {} });
    assert_eq!(refused(malformed), (400, json!(["error parsing check-and-set parameter"])));
    assert_eq!(refused(json!({ "x": 1 })), (400, json!(["no data provided"])));
    vault.must("POST", "secret/config", Some(json!({ "cas_required": true })));
    let required = json!(["check-and-set parameter required for this call"]);
    assert_eq!(refused(json!({ "data": {} })), (400, required));
}

#[test]
fn what_is_not_there_is_404_with_no_reason() {
    let vault = DevVault::start();
    let nothing = (404, json!({ "errors": [] }));
    assert_eq!(vault.api("GET", "secret/data/ring", None), nothing);
    assert_eq!(vault.api("GET", "secret/metadata/ring", None), nothing);
    write(&vault, 0.into());
    assert_eq!(vault.api("GET", "secret/data/ring?version=2", None), nothing);
    // To root, and to nobody else, a mount that is not there is no path that is forbidden.
    let no_route = "no handler for route \"nowhere/data/ring\". route entry not found.";
    assert_eq!(get(&vault, "nowhere/data/ring"), (404, json!([no_route])));
}

#[test]
fn a_deleted_version_is_404_with_its_metadata_and_the_next_write_counts_on_from_it() {
    let vault = DevVault::start();
    write(&vault, 0.into());
    write(&vault, 1.into());
    assert_eq!(vault.api("DELETE", "secret/data/ring", None), (204, Value::Null));
    let (status, data) = get(&vault, "secret/data/ring");
    assert_eq!((status, &data["data"]), (404, &Value::Null));
    assert_eq!(data["metadata"]["version"], 2);
    assert_eq!(data["metadata"]["destroyed"], false);
    assert_ne!(data["metadata"]["deletion_time"], "");
    let expected = json!({ "current": 2, "versions": {
        "1": { "deleted": false, "destroyed": false },
        "2": { "deleted": true, "destroyed": false },
    } });
    assert_eq!(versions(&vault), expected);
    // Not 0, as for what never was.
    assert_eq!(write(&vault, 0.into()).0, 400);
    assert_eq!(write(&vault, 2.into()).1["data"]["version"], 3);
    assert_eq!(get(&vault, "secret/data/ring?version=1").0, 200);
}

#[test]
fn a_destroyed_version_is_404_with_its_metadata_and_no_deletion_time() {
    let vault = DevVault::start();
    write(&vault, 0.into());
    let first = json!({ "versions": [1] });
    assert_eq!(vault.api("PUT", "secret/destroy/ring", Some(first)), (204, Value::Null));
    let (status, data) = get(&vault, "secret/data/ring");
    assert_eq!((status, &data["data"]), (404, &Value::Null));
    let metadata = &data["metadata"];
    assert_eq!((&metadata["version"], &metadata["destroyed"]), (&json!(1), &json!(true)));
    assert_eq!(metadata["deletion_time"], "");
    let expected =
        json!({ "current": 1, "versions": { "1": { "deleted": false, "destroyed": true } } });
    assert_eq!(versions(&vault), expected);
    assert_eq!(write(&vault, 0.into()).0, 400);
    assert_eq!(write(&vault, 1.into()).1["data"]["version"], 2);
}

#[test]
fn without_its_metadata_a_secret_never_was() {
    let vault = DevVault::start();
    write(&vault, 0.into());
    write(&vault, 1.into());
    assert_eq!(vault.api("DELETE", "secret/metadata/ring", None), (204, Value::Null));
    assert_eq!(vault.api("GET", "secret/data/ring", None), (404, json!({ "errors": [] })));
    // The versions count from one again.
    assert_eq!(write(&vault, 0.into()).1["data"]["version"], 1);
}

#[test]
fn denied_invalid_and_absent_tokens_are_all_403_and_differ_in_words() {
    let vault = DevVault::start();
    vault.policy("other", r#"path "secret/data/other" { capabilities = ["read"] }"#);
    let other = vault.token(&["other"], "1h", true);
    let denied = json!({ "errors": ["1 error occurred:\n\t* permission denied\n\n"] });
    let read = |token: &str| vault.api_as(token, "GET", "secret/data/ring", None);
    assert_eq!(read(&other), (403, denied));
    let invalid = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n";
    assert_eq!(read("hvs.unknown"), (403, json!({ "errors": [invalid] })));
    vault.must("POST", "auth/token/revoke", Some(json!({ "token": other })));
    assert_eq!(read(&other), (403, json!({ "errors": [invalid] })));
    let absent = vault.try_api(&[], "GET", "secret/data/ring", None).unwrap();
    assert_eq!(absent, (403, json!({ "errors": ["permission denied"] })));
}

#[test]
fn a_refused_login_and_a_refused_renewal_are_400() {
    let vault = DevVault::start();
    let (role, secret) = vault.approle("web", &["default"], "1h");
    let login = |role: &str, secret: &str| {
        let body = json!({ "role_id": role, "secret_id": secret });
        vault.try_api(&[], "POST", "auth/approle/login", Some(body)).unwrap()
    };
    let (status, answer) = login(&role, &secret);
    assert_eq!((status, &answer["data"]), (200, &Value::Null));
    let auth = &answer["auth"];
    assert!(auth["client_token"].is_string());
    assert_eq!((&auth["lease_duration"], &auth["renewable"]), (&json!(3600), &json!(true)));
    let wrong = json!({ "errors": ["invalid role or secret ID"] });
    assert_eq!(login(&role, "wrong"), (400, wrong.clone()));
    assert_eq!(login("wrong", &secret), (400, wrong));

    let renew = |token: &str| vault.api_as(token, "POST", "auth/token/renew-self", Some(json!({})));
    let (status, answer) = renew(&vault.token(&["default"], "1h", true));
    assert_eq!((status, &answer["auth"]["lease_duration"]), (200, &json!(3600)));
    let fixed = renew(&vault.token(&["default"], "1h", false));
    assert_eq!(fixed, (400, json!({ "errors": ["lease is not renewable"] })));
}

#[test]
fn a_sealed_vault_is_503_whatever_it_is_asked() {
    let vault = DevVault::start();
    vault.seal();
    let sealed = (503, json!({ "errors": ["Vault is sealed"] }));
    for path in ["secret/data/ring", "secret/metadata/ring", "sys/internal/ui/mounts/secret/ring"] {
        assert_eq!(vault.api("GET", path, None), sealed);
        assert_eq!(vault.api_as("wrong", "GET", path, None), sealed);
    }
    assert_eq!(write(&vault, 0.into()), sealed);
    let (status, health) = vault.api("GET", "sys/health", None);
    assert_eq!(
        (status, &health["sealed"], &health["initialized"]),
        (503, &json!(true), &json!(true))
    );
}

#[test]
fn a_quota_that_is_used_up_is_429_with_the_path_in_its_words() {
    let vault = DevVault::start();
    let quota = json!({ "rate": 1, "interval": "1h", "path": "secret/" });
    vault.must("POST", "sys/quotas/rate-limit/few", Some(quota));
    assert_eq!(get(&vault, "secret/data/ring").0, 404);
    let words = "request path \"secret/data/ring\": rate limit quota exceeded";
    assert_eq!(vault.api("GET", "secret/data/ring", None), (429, json!({ "errors": [words] })));
}

#[test]
fn the_mount_of_a_path_and_its_version_are_told_to_who_may_do_something_there() {
    let vault = DevVault::start();
    vault.mount_kv("one", 1);
    vault.mount_kv("team/kv", 2);
    let mount = |token: &str, path: &str| {
        let (status, data) =
            told(vault.api_as(token, "GET", &format!("sys/internal/ui/mounts/{path}"), None));
        if status != 200 {
            return (status, data);
        }
        assert_eq!(data["type"], "kv");
        (status, json!([data["path"], data["options"]["version"]]))
    };
    let root = vault.root_token();
    // The version is a string, the mount ends with a slash, and nothing need be at the path.
    assert_eq!(mount(root, "secret/ring"), (200, json!(["secret/", "2"])));
    assert_eq!(mount(root, "secret/a/b"), (200, json!(["secret/", "2"])));
    assert_eq!(mount(root, "secret"), (200, json!(["secret/", "2"])));
    assert_eq!(mount(root, "one/ring"), (200, json!(["one/", "1"])));
    assert_eq!(mount(root, "team/kv/ring"), (200, json!(["team/kv/", "2"])));

    // No mount, and no right at the mount, are one answer. It names the path with a slash more.
    let preflight = |path: &str| {
        let words = format!(
            "preflight capability check returned 403, please ensure client's policies grant access to path \"{path}/\""
        );
        (403, json!([words]))
    };
    assert_eq!(mount(root, "team"), preflight("team"));
    assert_eq!(mount(root, "nowhere/ring"), preflight("nowhere/ring"));
    vault.policy("reader", r#"path "secret/data/ring" { capabilities = ["read"] }"#);
    let reader = vault.token(&["reader"], "1h", true);
    for path in ["secret", "secret/ring", "secret/data/ring", "secret/elsewhere"] {
        assert_eq!(mount(&reader, path), (200, json!(["secret/", "2"])), "{path}");
    }
    assert_eq!(mount(&reader, "team/kv/ring"), preflight("team/kv/ring"));
}

#[test]
fn version_1_takes_what_is_meant_for_version_2_and_checks_nothing() {
    let vault = DevVault::start();
    vault.mount_kv("one", 1);
    // The check is stored beside the data, and the answer is empty.
    for cas in [0, 0, 7] {
        let body = json!({ "options": { "cas": cas }, "data": { "x": 1 } });
        assert_eq!(vault.api("POST", "one/data/ring", Some(body)), (204, Value::Null));
    }
    let expected = json!({ "options": { "cas": 7 }, "data": { "x": 1 } });
    assert_eq!(get(&vault, "one/data/ring"), (200, expected));
    assert_eq!(get(&vault, "one/metadata/ring"), (404, json!([])));

    // The other way round, version 2 has a warning where others have errors.
    let (status, answer) = vault.api("GET", "secret/ring", None);
    assert_eq!((status, &answer["data"], answer.get("errors")), (404, &Value::Null, None));
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("Invalid path for a versioned K/V secrets engine."), "{warning}");
}

#[test]
fn who_may_create_may_not_update_and_the_right_is_asked_before_the_version() {
    let vault = DevVault::start();
    vault.policy("creator", r#"path "secret/data/ring" { capabilities = ["create"] }"#);
    let creator = vault.token(&["creator"], "1h", true);
    let write = |cas: u64| {
        let body = json!({ "options": { "cas": cas }, "data": { "x": 1 } });
        vault.api_as(&creator, "POST", "secret/data/ring", Some(body)).0
    };
    assert_eq!([write(0), write(0), write(1)], [200, 403, 403]);
}

#[test]
fn a_namespace_is_ignored_by_a_vault_that_has_none() {
    let vault = DevVault::start();
    write(&vault, 0.into());
    let headers = [("x-vault-token", vault.root_token()), ("x-vault-namespace", "team")];
    assert_eq!(vault.try_api(&headers, "GET", "secret/data/ring", None).unwrap().0, 200);
}
