//! Vault's API as the tests use it: JSON over plain HTTP, no redirect followed, no status an error.
//!
//! What Vault 1.21.0 answers, to which `peers_vault/answers.rs` and `cluster.rs` hold it. A refusal is
//! `{"errors": ["…"]}` and nothing else; below, its status and its words.
//!
//! - KV 2, a write: 200 with `data.version`. Another version than `options.cas`: 400 `check-and-set parameter did
//!   not match the current version`. Other 400s are no conflict: `check-and-set parameter required for this call`,
//!   `error parsing check-and-set parameter`, `no data provided`.
//! - KV 2, nothing there, or no such version: 404 and `"errors": []`. A version that is deleted or destroyed: 404
//!   too, without `errors`, with `data.data` null and `data.metadata.version`, `deletion_time` (empty where it is
//!   only destroyed) and `destroyed`; `metadata/` is 200 with `current_version` as before, and the next write's
//!   `cas` is that, not 0. With its metadata deleted, a secret starts at version 1 again.
//! - KV 1 takes a write that is meant for version 2, and checks nothing: 204 without a body. Read back, it is 200
//!   with `data` as it was sent: `data.data` is there, and `data.metadata` is not.
//! - 403: a token without the right, `1 error occurred:\n\t* permission denied\n\n`; one that is unknown, expired
//!   or revoked, `2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n`; none, `permission denied`. The
//!   right to write is asked before the version: `create` alone, where there is one, is 403.
//! - `sys/internal/ui/mounts/PATH`, to a token with any right below the mount: 200 with `data.path` (`team/kv/`),
//!   `data.type` (`kv`) and `data.options.version` (`"1"` or `"2"`, a string); PATH need not exist. No right there,
//!   and no such mount, to root too: 403 `preflight capability check returned 403, …`.
//! - No such mount, elsewhere: to root 404 `no handler for route "…". route entry not found.`, to others 403.
//! - AppRole, a wrong role or secret id: 400 `invalid role or secret ID`. Renewing what is not renewable: 400 `lease
//!   is not renewable`. Logins and renewals tell `auth.client_token`, `auth.lease_duration` and `auth.renewable`.
//! - Sealed: 503 `Vault is sealed`, before any look at the token. A quota used up: 429 `request path "…": rate limit
//!   quota exceeded`, without `Retry-After`.
//! - A standby passes requests on. Where it must not (`X-Vault-No-Request-Forwarding`), or its leader has just gone,
//!   it says 307 with the leader's URL, path and query, be that leader dead, and for as long as there is no other.
//!   One that has just started and knows no leader: 500 `local node not active but active cluster node not found`.
//!   Its `sys/health` is 429.
//! - `X-Vault-Namespace` is ignored: namespaces are not in this edition.

use std::time::Duration;

use serde_json::{Value, json};

/// An address, and the root token for it.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    root_token: String,
    patience: Duration,
}

impl Client {
    pub(crate) fn new(address: &str, root_token: &str) -> Self {
        let patience = Duration::from_secs(60);
        Self { address: address.to_owned(), root_token: root_token.to_owned(), patience }
    }

    /// The same token for another address: that of a proxy, say.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// With an end to every call.
    pub(crate) fn within(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn root_token(&self) -> &str {
        &self.root_token
    }

    /// Status and body of a call with the root token; `path` is what follows `/v1/`. A body that is no JSON
    /// comes as a string, an empty one as null.
    pub(crate) fn api(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.api_as(&self.root_token, method, path, body)
    }

    pub(crate) fn api_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.try_api(&[("x-vault-token", token)], method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same with headers of the caller's, for where no answer is an answer.
    pub(crate) fn try_api(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value), ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true) // LIST
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(self.patience))
            .build()
            .into();
        let uri = format!("{}/v1/{path}", self.address);
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = match body {
            Some(body) => agent.run(request.body(body.to_string()).unwrap())?,
            None => agent.run(request.body(()).unwrap())?,
        };
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string()?;
        let body = if text.is_empty() { Value::Null } else { from_text(&text) };
        Ok((status, body))
    }

    /// A call with the root token that must be taken; its body.
    pub(crate) fn must(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.api(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Mounts a KV engine of version 1 or 2, and waits until it serves: version 2 answers 400 for a moment,
    /// while it upgrades a mount that has nothing in it yet.
    pub(crate) fn mount_kv(&self, path: &str, version: u8) {
        let options = json!({ "version": version.to_string() });
        let mount = json!({ "type": "kv", "options": options });
        self.must("POST", &format!("sys/mounts/{path}"), Some(mount));
        let ready = if version == 2 { format!("{path}/config") } else { format!("{path}/nothing") };
        super::eventually("the engine serves", || {
            matches!(self.api("GET", &ready, None).0, 200 | 404)
        });
    }

    /// Makes or replaces a policy.
    pub(crate) fn policy(&self, name: &str, hcl: &str) {
        let policy = json!({ "policy": hcl });
        self.must("PUT", &format!("sys/policies/acl/{name}"), Some(policy));
    }

    /// A token with these policies and `default`; `ttl` as Vault has it: `30s`, `1h`.
    pub(crate) fn token(&self, policies: &[&str], ttl: &str, renewable: bool) -> String {
        let wanted = json!({ "policies": policies, "ttl": ttl, "renewable": renewable });
        let answer = self.must("POST", "auth/token/create", Some(wanted));
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// A role of AppRole at `auth/approle`, and what logs in as it: its role id and a secret id.
    pub(crate) fn approle(
        &self,
        name: &str,
        policies: &[&str],
        token_ttl: &str,
    ) -> (String, String) {
        if self.api("GET", "sys/auth/approle", None).0 != 200 {
            self.must("POST", "sys/auth/approle", Some(json!({ "type": "approle" })));
        }
        let role = format!("auth/approle/role/{name}");
        let settings = json!({ "token_policies": policies, "token_ttl": token_ttl });
        self.must("POST", &role, Some(settings));
        let role_id = self.must("GET", &format!("{role}/role-id"), None);
        let secret_id = self.must("POST", &format!("{role}/secret-id"), Some(json!({})));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&role_id["data"]["role_id"]), text(&secret_id["data"]["secret_id"]))
    }

    pub(crate) fn seal(&self) {
        self.must("PUT", "sys/seal", None);
    }

    /// The status of `sys/health`: 200 active, 429 standby, 501 not initialised, 503 sealed; none where nobody
    /// answers.
    pub(crate) fn health(&self) -> Option<u16> {
        self.try_api(&[], "GET", "sys/health", None).ok().map(|(status, _)| status)
    }
}

fn from_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}
