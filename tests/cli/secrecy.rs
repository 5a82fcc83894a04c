//! What other processes, logs and terminals get to see.

use std::fs;
use std::io::ErrorKind;
use std::process::Stdio;

use super::program::{Place, code, stderr, stdout};

/// The secrets of the ring, as its document spells them.
fn secrets(place: &Place) -> Vec<String> {
    let document = fs::read_to_string(place.path("ring.json")).unwrap();
    let secrets: Vec<String> = document
        .lines()
        .filter_map(|line| line.trim().strip_prefix("\"secret\": \""))
        .map(|rest| rest[..43].to_owned())
        .collect();
    assert_eq!(secrets.len(), place.ring().keys().len());
    secrets
}

/// T64.
#[test]
fn no_verb_shows_a_secret_of_the_ring() {
    let place = Place::with_ring();
    let secrets = secrets(&place);
    let id = place.ring().keys()[0].id().to_string();
    for args in [
        &["keys", "show"][..],
        &["keys", "show", "--json"],
        &["keys", "check", "--json"],
        &["keys", "plan", "--json"],
        &["keys", "rotate", "--json"],
        &["keys", "stage", "--dry-run", "--json"],
        &["keys", "revoke", "--all", "--dry-run", "--json"],
        &["keys", "revoke", "--dry-run", "--", &id],
        &["keys", "export", "--audience", "shop", "--out", "shop.json"],
        &["token", "issue"],
        &["credential", "issue", "--role", "admin"],
        &["keys", "publish", "--audience", "shop", "--to", "file:node.json", "--json"],
        &["keys", "copy", "--from", "file:ring.json", "--to", "file:copy.json"],
        &["keys", "restore", "copy.json", "--generation-above", "9", "--yes"],
    ] {
        let end = place.run(args);
        assert_eq!(code(&end), 0, "{args:?} {}", stderr(&end));
        let shown = stdout(&end) + &stderr(&end);
        for secret in &secrets {
            assert!(!shown.contains(secret), "{args:?}");
        }
    }
}

/// T64.
#[test]
fn a_broken_ring_is_told_without_its_bytes() {
    let place = Place::with_ring();
    let secrets = secrets(&place);
    let document = fs::read_to_string(place.path("ring.json")).unwrap();
    for cut in [&secrets[0][1..], &secrets[0][..20], &format!("{}A", secrets[0])] {
        fs::write(place.path("ring.json"), document.replace(&secrets[0], cut)).unwrap();
        let end = place.run(&["keys", "show"]);
        assert_eq!(code(&end), 3);
        assert!(!stderr(&end).contains(&cut[..20]), "{}", stderr(&end));
    }
}

/// T66.
#[test]
fn a_token_in_an_argument_is_refused_and_not_repeated() {
    let place = Place::with_ring();
    let token = place.token();
    let token = token.trim_end();
    for args in [
        &["token", "verify", token][..],
        &["token", "inspect", token],
        &["token", "verify", "--audience", "shop", "--jwt", token],
    ] {
        let end = place.run(args);
        assert_eq!(code(&end), 2);
        assert!(!stderr(&end).contains(&token[..24]), "{}", stderr(&end));
        assert!(stderr(&end).contains("standard input"), "{}", stderr(&end));
    }
}

/// T66.
#[test]
fn a_state_in_an_argument_is_refused_and_not_repeated() {
    let place = Place::with_ring();
    let end = place.run(&["token", "issue", "--state", r#"{"pin": 4711}"#]);
    assert_eq!(code(&end), 2);
    assert!(!stderr(&end).contains("4711"), "{}", stderr(&end));
}

/// T66.
#[test]
#[cfg(target_os = "linux")]
fn other_processes_see_neither_the_token_nor_the_state() {
    let place = Place::with_ring();
    let token = place.token();
    for (args, secret) in [
        (&["token", "verify"][..], token.trim_end()),
        (&["token", "issue", "--state", "-"], r#"{"pin": 4711}"#),
    ] {
        let mut child = place.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, secret.as_bytes()).unwrap();
        for file in ["cmdline", "environ"] {
            // Its environment is closed to others than root altogether (T63).
            let seen = match fs::read(format!("/proc/{}/{file}", child.id())) {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => continue,
                seen => seen.unwrap(),
            };
            let seen = String::from_utf8_lossy(&seen);
            assert!(!seen.contains(secret), "{file}");
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

/// T64.
#[test]
fn a_refusal_never_repeats_the_token() {
    let place = Place::with_ring();
    let token = place.token();
    let forged = format!("{}AAAA\n", &token[..token.len() - 5]);
    let foreign = token.trim_end().replacen("sb1", "xx1", 1);
    for wrong in [forged, foreign, format!("{token}\n"), format!("\"{}\"", token.trim_end())] {
        for verb in ["verify", "inspect"] {
            let end = place.run_with(&["token", verb], wrong.as_bytes());
            assert!(!stderr(&end).contains(&wrong[8..30]), "{}", stderr(&end));
            assert!(verb == "inspect" || code(&end) == 1, "{wrong:?}");
        }
    }
}
