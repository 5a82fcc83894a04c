//! `keys publish` and `keys copy`: rings put elsewhere, while they change.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::program::{Place, code, stderr, stdout};
use super::running::{Running, eventually};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use saddlebag::keys::{FileStore, KeyState, Store, UnixTime};

const PUBLISH: [&str; 6] = ["keys", "publish", "--audience", "shop", "--to", "file:shop.json"];

/// The reason for which a node with the root ring refuses a token.
fn refusal(place: &Place, audience: &str, token: &str) -> Option<String> {
    let verify = ["token", "verify", "--audience", audience];
    let end = place.run_with(&verify, token.as_bytes());
    let told = stderr(&end);
    let reason = told.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    (code(&end) != 0).then(|| reason.unwrap().0.to_owned())
}

#[test]
fn whoever_holds_a_published_ring_makes_tokens_for_its_audience_and_no_other() {
    let place = Place::with_ring();
    assert_eq!(code(&place.run(&PUBLISH)), 0);
    let issue = |ring: &str, audience: &str| {
        place.run(&["token", "issue", "--ring", ring, "--audience", audience])
    };
    let good = stdout(&issue("file:shop.json", "shop"));
    assert_eq!(refusal(&place, "shop", &good), None);
    assert_eq!(refusal(&place, "admin", &good).as_deref(), Some("bad_tag"));
    assert_eq!(code(&issue("file:shop.json", "admin")), 1);

    // Its holder may write what it likes into the document.
    let text = fs::read(place.path("shop.json")).unwrap();
    let mut document: Value = serde_json::from_slice(&text).unwrap();
    document.as_object_mut().unwrap().remove("digest");
    for forged in [json!("admin"), json!("saddlebag:api")] {
        document["audience"] = forged.clone();
        let canonical = serde_json_canonicalizer::to_vec(&document).unwrap();
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
        let mut whole = document.clone();
        whole["digest"] = json!(digest);
        let whole = serde_json::to_vec(&whole).unwrap();
        let name = "file:forged.json";
        let _ = fs::remove_file(place.path("forged.json"));
        let import = place.run_with(&["keys", "import", "-", "--ring", name], &whole);
        assert_eq!(code(&import), 0, "{}", stderr(&import));
        if forged == "admin" {
            let token = stdout(&issue(name, "admin"));
            assert!(token.starts_with("sb1e"));
            assert_eq!(refusal(&place, "admin", &token).as_deref(), Some("bad_tag"));
        } else {
            let issue = ["credential", "issue", "--role", "admin", "--ring", name];
            let credential = stdout(&place.run(&issue));
            let end = place.run_with(&["credential", "inspect"], credential.as_bytes());
            assert_eq!(code(&end), 1);
            assert!(stderr(&end).contains("bad_tag"), "{}", stderr(&end));
        }
    }
    // Nor can it call itself the root.
    document["audience"] = Value::Null;
    let canonical = serde_json_canonicalizer::to_vec(&document).unwrap();
    document["digest"] = json!(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)));
    let root = serde_json::to_vec(&document).unwrap();
    let end = place.run_with(&["keys", "import", "-", "--ring", "file:root.json"], &root);
    assert!(stderr(&end).contains("is not the one its secret gives"), "{}", stderr(&end));
}

#[test]
fn what_is_published_follows_the_root_ring_and_so_does_a_revocation() {
    let place = Place::with_ring();
    fs::create_dir(place.path("b")).unwrap();
    let both = [&PUBLISH[..], &["--to", "file:b/shop.json", "--watch", "--json"]].concat();
    let publisher = Running::start(&place, &both);
    publisher.line(r#""generation":1,"saved":true"#);
    publisher.line(r#""generation":1,"saved":true"#);
    let active = place.ring().active(UnixTime::now()).unwrap().id().to_string();
    let token = stdout(&place.run(&["token", "issue", "--audience", "shop"]));
    // One place is lost for a while: that holds up no other.
    fs::rename(place.path("b"), place.path("lost")).unwrap();
    assert_eq!(code(&place.run(&["keys", "revoke", "--yes", "--", &active])), 0);
    publisher.line(
        r#""ring":"file:shop.json","name":"shop","audience":"shop","generation":2,"saved":true"#,
    );
    publisher.note("error: file:b/shop.json: cannot be written");
    let verify = ["token", "verify", "--ring", "file:shop.json", "--audience", "shop"];
    let end = place.run_with(&verify, token.as_bytes());
    assert!(stderr(&end).contains("key_revoked"), "{}", stderr(&end));
    fs::rename(place.path("lost"), place.path("b")).unwrap();
    publisher.line(
        r#""ring":"file:b/shop.json","name":"shop","audience":"shop","generation":2,"saved":true"#,
    );
    let scoped = FileStore::new(place.path("b/shop.json")).load().unwrap();
    let key = scoped.key(active.parse().unwrap()).unwrap();
    assert_eq!(scoped.state(key, UnixTime::now()), KeyState::Revoked);
    // The root ring is lost and comes back: what is published stays.
    fs::rename(place.path("ring.json"), place.path("away.json")).unwrap();
    publisher.note("error: file:ring.json: there is no ring");
    fs::rename(place.path("away.json"), place.path("ring.json")).unwrap();
    publisher.note("file:ring.json can be read again");
    assert_eq!(publisher.end().0, Some(0));
}

#[test]
fn publishing_replaces_older_generations_of_the_same_alone() {
    let place = Place::with_ring();
    assert_eq!(code(&place.run(&PUBLISH)), 0);
    let again = place.run(&PUBLISH);
    let there = "file:shop.json: generation 1 of shop, scoped to shop is there already\n";
    assert_eq!((code(&again), stdout(&again).as_str()), (0, there));
    let admin = ["keys", "publish", "--audience", "admin", "--to", "file:shop.json"];
    let admin = [&admin[..], &["--to", "file:admin.json"]].concat();
    let end = place.run(&admin);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).contains("holds shop, scoped to shop, not shop, scoped to admin"));
    // The other place has its ring all the same.
    assert!(stdout(&end).contains("file:admin.json: generation 1"), "{}", stdout(&end));
    fs::copy(place.path("ring.json"), place.path("old.json")).unwrap();
    assert_eq!(code(&place.run(&["keys", "stage"])), 0);
    assert_eq!(code(&place.run(&PUBLISH)), 0);
    let back = place.run(&[&PUBLISH[..], &["--ring", "file:old.json"]].concat());
    assert_eq!(code(&back), 4);
    assert!(stderr(&back).contains("generation 2 is there, and 1 is older"), "{}", stderr(&back));
}

#[test]
fn a_ring_that_changes_while_it_is_copied_is_copied_again() {
    let place = Place::with_ring();
    let copy = ["keys", "copy", "--from", "file:ring.json", "--to", "file:copy.json"];
    let mut stages: Vec<_> =
        (0..20).map(|_| place.command(&["keys", "stage"]).spawn().unwrap()).collect();
    // How many of them win is a matter of luck; that they end is not.
    while stages.iter_mut().any(|stage| stage.try_wait().unwrap().is_none()) {
        let end = place.run(&copy);
        assert_eq!(code(&end), 0, "{}", stderr(&end));
    }
    assert!(place.ring().keys().len() > 2);
    assert_eq!(code(&place.run(&copy)), 0);
    let read = |name| fs::read(place.path(name)).unwrap();
    assert_eq!(read("copy.json"), read("ring.json"));
    let again = place.run(&copy);
    assert!(stdout(&again).contains("is there already"), "{}", stdout(&again));
}

#[test]
fn nodes_at_either_place_take_each_others_tokens_while_a_ring_moves() {
    let place = Place::with_ring();
    let copy = ["keys", "copy", "--from", "file:ring.json", "--to", "file:copy.json"];
    let all_good = || {
        for (from, at) in [("ring", "copy"), ("copy", "ring")] {
            let (from, at) = (format!("file:{from}.json"), format!("file:{at}.json"));
            let token = stdout(&place.run(&["token", "issue", "--ring", &from]));
            let end = place.run_with(&["token", "verify", "--ring", &at], token.as_bytes());
            assert_eq!(code(&end), 0, "{}", stderr(&end));
        }
    };
    assert_eq!(code(&place.run(&copy)), 0);
    all_good();
    // The old writer goes on until it is stopped.
    assert_eq!(code(&place.run(&["keys", "stage"])), 0);
    all_good();
    assert_eq!(code(&place.run(&copy)), 0);
    all_good();
    // Then the new place is written, and the old one is behind.
    assert_eq!(code(&place.run(&["keys", "stage", "--ring", "file:copy.json"])), 0);
    all_good();
    let back = place.run(&copy);
    assert_eq!(code(&back), 4);
    assert!(stderr(&back).contains("generation 3 is there, and 2 is older"), "{}", stderr(&back));
}

#[test]
fn what_is_published_reaches_a_place_that_somebody_emptied() {
    let place = Place::with_ring();
    let publisher = Running::start(&place, &[&PUBLISH[..], &["--watch"]].concat());
    publisher.line("generation 1 of shop, scoped to shop is saved");
    fs::remove_file(place.path("shop.json")).unwrap();
    eventually("it is put there again", || place.path("shop.json").exists());
    publisher.line("generation 1 of shop, scoped to shop is saved");
    assert_eq!(publisher.end().0, Some(0));
}
