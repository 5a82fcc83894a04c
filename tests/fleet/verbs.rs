//! The verbs of a fleet where rings are in Vault.

use std::process::Output;

use serde_json::json;

use crate::peers::{DevVault, FaultProxy, eventually};
use crate::support::{Ring, Server, saddlebag};

const ROOT: &str = "vault:secret/root/ring";
const SHOP: &str = "vault:secret/shop/ring";

/// Runs a verb against a Vault with a token.
fn verb(address: &str, token: &str, arguments: &[&str]) -> Output {
    let mut command = saddlebag();
    command.args(arguments).env("VAULT_ADDR", address).env("VAULT_TOKEN", token);
    command.output().unwrap()
}

#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn serve(vault: &DevVault, token: &str, arguments: &[&str]) -> Server {
    let arguments = [arguments, &["--refresh-every", "1s"]].concat();
    Server::start(&arguments, |command| {
        command.env("VAULT_ADDR", vault.address()).env("VAULT_TOKEN", token);
    })
    .ready()
}

/// A service that holds the scoped ring of its audience, and may read that secret alone, makes tokens that every
/// node takes, and none for another audience; a revocation in the root ring reaches it.
#[test]
fn a_service_with_its_own_ring_in_vault_makes_tokens_for_its_audience_alone() {
    let vault = DevVault::start();
    vault.policy("shop", include_str!("../../deploy/vault/reader.hcl"));
    let shop = vault.token(&["shop"], "1h", true);
    let root = |arguments: &[&str]| verb(vault.address(), vault.root_token(), arguments);
    done(&root(&["keys", "init", "--ring", ROOT]));
    let publish = ["keys", "publish", "--ring", ROOT, "--audience", "shop", "--to", SHOP];
    assert!(done(&root(&publish)).contains("scoped to shop is saved"));
    assert!(done(&root(&publish)).contains("is there already"));

    // Its token of Vault reads the one ring, and neither reads the root ring nor writes anything.
    done(&verb(vault.address(), &shop, &["keys", "show", "--ring", SHOP]));
    let words = refused(&verb(vault.address(), &shop, &["keys", "show", "--ring", ROOT]), 3);
    assert!(words.contains("do not allow this") && words.contains("docs/operations.md"), "{words}");
    refused(&verb(vault.address(), &shop, &["keys", "rotate", "--ring", SHOP]), 1);

    let callers = Ring::new();
    let credential = callers.credential(&["--role", "issue", "--role", "verify"]);
    let credentials = callers.place();
    let of_callers = ["--credential-ring", credentials.as_str()];
    let service =
        serve(&vault, &shop, &[&["--ring", SHOP, "--audience", "shop"], &of_callers[..]].concat());
    let node = serve(
        &vault,
        vault.root_token(),
        &[&["--ring", ROOT, "--audience", "shop"], &of_callers[..]].concat(),
    );
    let (service, node) = (service.caller(&credential), node.caller(&credential));
    let token = service.issue(&json!({ "audience": "shop", "state": { "cart": 1 } }));
    assert_eq!(node.verify(&token)["active"], true);
    let other = service.post("/v1/sessions", &json!({ "audience": "bank", "state": {} }));
    assert_ne!(other.status, 201, "{other:?}");
    // Nor is the token that it can make taken for another audience.
    let asked = node.post("/v1/sessions/verify", &json!({ "token": token, "audience": "bank" }));
    assert_eq!(asked.json()["active"], false);

    done(&root(&["keys", "revoke", "--all", "--yes", "--ring", ROOT]));
    done(&root(&publish));
    eventually("the service has the revocation", || service.verify(&token)["active"] == false);
}

#[test]
fn a_ring_moves_into_vault_and_comes_back_from_an_older_copy() {
    let vault = DevVault::start();
    let root = |arguments: &[&str]| verb(vault.address(), vault.root_token(), arguments);
    let ring = Ring::new();
    let place = ring.place();
    let old = ring.folder.path().join("old.json");
    std::fs::copy(ring.path(), &old).unwrap();
    let copy = ["keys", "copy", "--from", &place, "--to", ROOT];
    done(&root(&copy));
    done(&root(&["keys", "stage", "--ring", &place]));
    done(&root(&copy));
    assert!(done(&root(&copy)).contains("is there already"));
    // Grown apart: the old place is older now.
    done(&root(&["keys", "stage", "--ring", ROOT]));
    refused(&root(&copy), 4);

    let shown = |place: &str| -> serde_json::Value {
        serde_json::from_str(&done(&root(&["keys", "show", "--json", "--ring", place]))).unwrap()
    };
    let before = shown(ROOT);
    done(&root(&["keys", "restore", old.to_str().unwrap(), "--yes", "--ring", ROOT]));
    let after = shown(ROOT);
    assert_eq!(after["generation"].as_u64(), before["generation"].as_u64().map(|n| n + 1));
    assert_eq!(after["active"], before["active"]);
    // All of the secret is removed, and the ring comes back above what nodes have.
    vault.must("DELETE", "secret/metadata/root/ring", None);
    let old = old.to_str().unwrap();
    let words = refused(&root(&["keys", "restore", old, "--yes", "--ring", ROOT]), 3);
    assert!(words.contains("--generation-above"), "{words}");
    let above = ["keys", "restore", old, "--yes", "--generation-above", "9", "--ring", ROOT];
    done(&root(&above));
    assert_eq!(shown(ROOT)["generation"], 10);
}

#[test]
fn version_1_of_the_engine_is_saved_to_by_force_alone() {
    let vault = DevVault::start();
    vault.mount_kv("old", 1);
    let root = |arguments: &[&str]| verb(vault.address(), vault.root_token(), arguments);
    let (place, ring) = ("vault:old/ring", Ring::new());
    let file = ring.path();
    let file = file.to_str().unwrap();
    for arguments in [
        &["keys", "init", "--ring", place][..],
        &["keys", "import", file, "--ring", place],
        &["keys", "copy", "--from", &ring.place(), "--to", place],
        &["keys", "publish", "--ring", &ring.place(), "--audience", "shop", "--to", place],
    ] {
        let words = refused(&root(arguments), 1);
        assert!(words.contains("no check-and-set") && words.contains("--force"), "{words}");
        done(&root(&[arguments, &["--dry-run"]].concat()));
    }
    done(&root(&["keys", "init", "--force", "--ring", place]));
    let words = refused(&root(&["keys", "stage", "--ring", place]), 1);
    assert!(words.contains("--force"), "{words}");
    done(&root(&["keys", "stage", "--force", "--ring", place]));
    assert!(done(&root(&["keys", "show", "--ring", place])).contains("generation 2"));
}

/// A verb logs in once, and a reader of a ring in Vault is told what it needs.
#[test]
fn a_vault_that_says_no_is_told_with_what_to_look_at() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    done(&verb(&proxy.address(), vault.root_token(), &["keys", "init", "--ring", ROOT]));
    proxy.forget();
    done(&verb(&proxy.address(), vault.root_token(), &["keys", "stage", "--ring", ROOT]));
    assert_eq!(proxy.requests("GET", "/v1/auth/token/lookup-self"), 1);
    assert_eq!(proxy.requests("POST", "/v1/secret/data/*"), 1);
    let words = refused(&verb(vault.address(), "hvs.nobody", &["keys", "show", "--ring", ROOT]), 3);
    assert!(words.contains("VAULT_TOKEN") && !words.contains("nobody"), "{words}");
    let words =
        refused(&verb("https://user:canary@vault", "t", &["keys", "show", "--ring", ROOT]), 2);
    assert!(words.contains("VAULT_ADDR") && !words.contains("canary"), "{words}");
    let words = refused(&verb("http://127.0.0.1:1", "t", &["keys", "show", "--ring", ROOT]), 3);
    assert!(words.contains("http://127.0.0.1:1: "), "{words}");
}
