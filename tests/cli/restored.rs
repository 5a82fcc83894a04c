//! `keys restore` and escrow: what comes back, and what does not.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use saddlebag::keys::UnixTime;

use super::program::{Place, code, program, stderr, stdout};

/// Runs `age`, which tests/peers/install brings.
fn age(program: &str, args: &[&str], place: &Place, input: &[u8]) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(place.folder.path()).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: run tests/peers/install"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let end = child.wait_with_output().unwrap();
    assert!(end.status.success(), "{}", stderr(&end));
    end
}

fn verifies(place: &Place, token: &str) -> bool {
    code(&place.run_with(&["token", "verify"], token.as_bytes())) == 0
}

#[test]
fn a_ring_comes_back_from_escrow_as_it_was_and_above_what_nodes_have() {
    let place = Place::with_ring();
    age("age-keygen", &["-o", "key.txt"], &place, b"");
    let key = fs::read_to_string(place.path("key.txt")).unwrap();
    let recipient = key.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let export = place.run(&["keys", "export", "--plaintext-secrets"]);
    assert_eq!((code(&export), stderr(&export).as_str()), (0, ""));
    assert_eq!(export.stdout, fs::read(place.path("ring.json")).unwrap());
    let sealed = age("age", &["-r", recipient], &place, &export.stdout).stdout;
    assert!(sealed.starts_with(b"age-encryption.org/v1"));

    let token = place.token();
    let before = place.ring();
    fs::remove_file(place.path("ring.json")).unwrap();
    let opened = age("age", &["-d", "-i", "key.txt"], &place, &sealed).stdout;
    let restore = ["keys", "restore", "-"];
    let end = place.run_with(&restore, &opened);
    assert_eq!(code(&end), 3);
    assert!(stderr(&end).contains("--generation-above N"), "{}", stderr(&end));
    let above = [&restore[..], &["--generation-above", "6"]].concat();
    let end = place.run_with(&above, &opened);
    assert_eq!(code(&end), 2, "what was revoked since is not known, so somebody agrees");
    assert!(stderr(&end).contains("harm: keys revoked since generation 1"), "{}", stderr(&end));
    let end = place.run_with(&[&above[..], &["--yes"]].concat(), &opened);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    let ring = place.ring();
    assert_eq!((ring.generation(), ring.keys()), (7, before.keys()));
    assert!(verifies(&place, &token));
    // With the ring in place it finds nothing to do.
    let export = place.run(&["keys", "export", "--plaintext-secrets"]);
    let end = place.run_with(&restore, &export.stdout);
    assert!(stdout(&end).contains("generation 7 of shop, nothing to restore"), "{}", stdout(&end));
}

#[test]
fn the_whole_ring_is_written_where_that_was_asked_for_alone_and_to_no_terminal() {
    let place = Place::with_ring();
    for (args, told) in [
        (&["keys", "export"][..], "--audience"),
        (&["keys", "export", "--plaintext-secrets", "--out", "x"], "--out"),
        (&["keys", "export", "--plaintext-secrets", "--audience", "shop"], "--audience"),
    ] {
        let end = place.run(args);
        assert_eq!((code(&end), stdout(&end).as_str()), (2, ""), "{args:?}");
        assert!(stderr(&end).contains(told), "{}", stderr(&end));
    }
    let export = ["keys", "export", "--audience", "shop", "--out", "shop.json"];
    assert_eq!(code(&place.run(&export)), 0);
    let scoped = ["keys", "export", "--plaintext-secrets", "--ring", "file:shop.json"];
    assert_eq!(code(&place.run(&scoped)), 1);
    // `script` gives it a terminal.
    let mut command = Command::new("script");
    let verb = format!("{} keys export --plaintext-secrets", program().display());
    command.args(["-qec", &verb, "/dev/null"]).current_dir(place.folder.path());
    command.env("SADDLEBAG_RING", "file:ring.json").stdin(Stdio::null());
    let end = command.output().unwrap();
    assert_eq!(code(&end), 2);
    let shown = stdout(&end);
    assert!(shown.contains("standard output is a terminal"), "{shown}");
    assert!(!shown.contains("\"secret\""), "{shown}");
}

#[test]
fn a_bad_push_is_taken_back_and_no_session_is_lost() {
    let place = Place::with_ring();
    fs::copy(place.path("ring.json"), place.path("good.json")).unwrap();
    let first = place.ring().active(UnixTime::now()).unwrap().id();
    let second = place.ring().standby(UnixTime::now()).unwrap().id();
    let before = place.token();
    let activate = ["keys", "activate", "--force", "--yes", "--", &second.to_string()];
    assert_eq!(code(&place.run(&activate)), 0);
    let since = place.token();
    assert_eq!(code(&place.run(&["keys", "policy", "--max-token-lifetime", "40d"])), 0);

    let dry = place.run(&["keys", "restore", "good.json", "--dry-run"]);
    assert_eq!(code(&dry), 0, "{}", stderr(&dry));
    assert_eq!(place.ring().generation(), 3);
    let end = place.run(&["keys", "restore", "good.json", "--yes"]);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    let ring = place.ring();
    assert_eq!(ring.generation(), 4);
    assert_eq!(ring.policy().max_token_lifetime, 30 * 86_400);
    assert_eq!(ring.active(UnixTime::now()).unwrap().id(), first);
    assert!(verifies(&place, &before) && verifies(&place, &since));
}

#[test]
fn what_was_revoked_since_the_backup_stays_revoked() {
    let place = Place::with_ring();
    fs::copy(place.path("ring.json"), place.path("old.json")).unwrap();
    let leaked = place.ring().active(UnixTime::now()).unwrap().id().to_string();
    let token = place.token();
    assert_eq!(code(&place.run(&["keys", "revoke", "--yes", "--", &leaked])), 0);
    let end = place.run(&["keys", "restore", "old.json", "--yes"]);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    assert!(place.ring().key(leaked.parse().unwrap()).unwrap().revoked_at().is_some());
    assert!(!verifies(&place, &token));
    assert_eq!(code(&place.run(&["keys", "revoke", "--all", "--yes"])), 0);
    let end = place.run(&["keys", "restore", "old.json", "--yes"]);
    assert_eq!(code(&end), 1);
    assert!(stderr(&end).starts_with("error: nothing is left to restore"), "{}", stderr(&end));
}

#[test]
fn a_broken_ring_is_moved_away_by_a_person_before_one_is_restored_over_it() {
    let place = Place::with_ring();
    fs::copy(place.path("ring.json"), place.path("old.json")).unwrap();
    let whole = fs::read(place.path("ring.json")).unwrap();
    fs::write(place.path("ring.json"), &whole[..whole.len() / 2]).unwrap();
    let restore = ["keys", "restore", "old.json", "--generation-above", "1", "--yes"];
    let end = place.run(&restore);
    assert_eq!(code(&end), 3);
    assert!(stderr(&end).contains("help: move it away"), "{}", stderr(&end));
    fs::rename(place.path("ring.json"), place.path("broken.json")).unwrap();
    assert_eq!(code(&place.run(&restore)), 0);
    assert_eq!(place.ring().generation(), 2);
}
