//! Modes of files, closed pipes, and who is there to agree.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use super::program::{Place, code, program, stderr, stdout};

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_holds_a_secret_is_closed_to_others() {
    let place = Place::with_ring();
    assert_eq!(mode(&place, "ring.json"), 0o600);
    let end = place.run(&["keys", "export", "--audience", "shop", "--out", "shop.json"]);
    assert_eq!(code(&end), 0);
    assert_eq!(mode(&place, "shop.json"), 0o600);
    let issue = ["credential", "issue", "--role", "verify", "--out", "caller"];
    fs::write(place.path("caller"), "an older one").unwrap();
    fs::set_permissions(place.path("caller"), fs::Permissions::from_mode(0o644)).unwrap();
    let end = place.run(&issue);
    assert_eq!((code(&end), stdout(&end).as_str()), (0, ""));
    assert_eq!(mode(&place, "caller"), 0o600);
    let credential = fs::read_to_string(place.path("caller")).unwrap();
    assert!(credential.starts_with("sb1e") && credential.ends_with('\n'));
    assert!(!stderr(&end).contains(credential.trim_end()));
    let left: Vec<_> = fs::read_dir(place.folder.path()).unwrap().flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains(".tmp-")));
}

#[test]
fn a_credential_replaces_no_link_and_no_folder() {
    let place = Place::with_ring();
    fs::write(place.path("elsewhere"), "kept").unwrap();
    symlink("elsewhere", place.path("link")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    for out in ["link", "folder", "missing/caller", "/"] {
        let end = place.run(&["credential", "issue", "--role", "verify", "--out", out]);
        assert_eq!(code(&end), 3, "{out}");
        assert!(stderr(&end).starts_with(&format!("error: --out {out}: ")), "{}", stderr(&end));
    }
    assert_eq!(fs::read_to_string(place.path("elsewhere")).unwrap(), "kept");
}

#[test]
fn an_export_replaces_older_generations_of_its_own_ring_and_scope_alone() {
    let place = Place::with_ring();
    let export = |audience: &str| {
        place.run(&["keys", "export", "--audience", audience, "--out", "scoped.json"])
    };
    assert_eq!(code(&export("shop")), 0);
    assert_eq!(code(&export("shop")), 0);
    let other = export("admin");
    assert_eq!(code(&other), 1);
    assert!(stderr(&other).contains("holds shop, scoped to shop, not shop, scoped to admin"));
    fs::copy(place.path("ring.json"), place.path("old.json")).unwrap();
    assert_eq!(code(&place.run(&["keys", "stage"])), 0);
    assert_eq!(code(&export("shop")), 0);
    let back = place.run(&[
        "keys",
        "export",
        "--ring",
        "file:old.json",
        "--audience",
        "shop",
        "--out",
        "scoped.json",
    ]);
    assert_eq!(code(&back), 4);
    assert!(stderr(&back).contains("generation 2 is there, and 1 is older"), "{}", stderr(&back));
    // Two futures of one generation.
    assert_eq!(code(&place.run(&["keys", "stage", "--ring", "file:old.json"])), 0);
    let apart = place.run(&["keys", "import", "old.json"]);
    assert_eq!(code(&apart), 4);
    assert!(stderr(&apart).contains("generation 2 is there with another content"));
    fs::write(place.path("notes"), "not a ring").unwrap();
    fs::set_permissions(place.path("notes"), fs::Permissions::from_mode(0o600)).unwrap();
    let notes = place.run(&["keys", "export", "--audience", "shop", "--out", "notes"]);
    assert_eq!(code(&notes), 3);
    assert_eq!(fs::read_to_string(place.path("notes")).unwrap(), "not a ring");
}

#[test]
fn an_import_is_checked_wherever_it_comes_from() {
    let place = Place::with_ring();
    let document = fs::read(place.path("ring.json")).unwrap();
    let end = place.run_with(&["keys", "import", "-", "--ring", "file:copy.json"], &document);
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    assert_eq!(fs::read(place.path("copy.json")).unwrap(), document);
    assert_eq!(mode(&place, "copy.json"), 0o600);
    let cut = &document[..document.len() / 2];
    let end = place.run_with(&["keys", "import", "-", "--ring", "file:cut.json"], cut);
    assert_eq!(code(&end), 3);
    assert!(!place.path("cut.json").exists());
    let edited =
        String::from_utf8(document).unwrap().replace("\"clock_skew\": 60", "\"clock_skew\": 61");
    let end =
        place.run_with(&["keys", "import", "-", "--ring", "file:cut.json"], edited.as_bytes());
    assert_eq!(code(&end), 3);
    assert!(stderr(&end).contains("the digest does not match"), "{}", stderr(&end));
}

#[test]
fn a_file_others_can_read_is_refused_and_the_remedy_named() {
    let place = Place::with_ring();
    fs::set_permissions(place.path("ring.json"), fs::Permissions::from_mode(0o644)).unwrap();
    for verb in ["show", "check", "plan", "stage", "rotate", "prune"] {
        let end = place.run(&["keys", verb]);
        assert_eq!(code(&end), 3, "{verb}");
        assert!(stderr(&end).contains("mode 644 gives others access"), "{}", stderr(&end));
        assert!(stderr(&end).contains("chmod 600 ring.json"), "{}", stderr(&end));
    }
    let end = place.run(&["keys", "check", "--json"]);
    assert_eq!(code(&end), 3);
    assert!(stdout(&end).contains(r#""code":"unsafe_file""#), "{}", stdout(&end));
}

#[test]
fn a_folder_others_can_write_to_is_found() {
    let place = Place::with_ring();
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let end = place.run(&["keys", "check"]);
    assert_eq!(code(&end), 1);
    assert!(stdout(&end).contains("folder_writable"), "{}", stdout(&end));
}

#[test]
fn a_reader_that_has_gone_changes_neither_the_deed_nor_the_code() {
    let place = Place::with_ring();
    for (verb, expected) in [("show", 0), ("stage", 0)] {
        let mut child = place.command(&["keys", verb]).spawn().unwrap();
        drop(child.stdout.take());
        let end = child.wait_with_output().unwrap();
        assert_eq!((code(&end), stderr(&end).as_str()), (expected, ""), "{verb}");
    }
    assert_eq!(place.ring().generation(), 2);
    let mut help = Command::new(program()).arg("man").stdout(Stdio::piped()).spawn().unwrap();
    drop(help.stdout.take());
    assert_eq!(help.wait().unwrap().code(), Some(0));
}

#[test]
#[cfg(target_os = "linux")]
fn a_token_that_cannot_be_written_is_a_failure() {
    let place = Place::with_ring();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = place.command(&["token", "issue"]);
    let end = command.stdout(full).output().unwrap();
    assert_eq!(code(&end), 3);
    assert!(stderr(&end).contains("standard output cannot be written"), "{}", stderr(&end));
}

#[test]
fn what_breaks_tokens_needs_somebody_who_agrees() {
    let place = Place::with_ring();
    let id = place.ring().keys()[1].id().to_string();
    for args in [
        &["keys", "revoke", "--all"][..],
        &["keys", "revoke", "--", &id],
        &["keys", "activate", "--force", "--", &id],
    ] {
        let end = place.run_with(args, b"yes\n");
        assert_eq!(code(&end), 2, "{args:?}");
        assert!(stderr(&end).contains("add --yes"), "{}", stderr(&end));
        assert!(stderr(&end).contains("harm: "), "{}", stderr(&end));
        assert_eq!(place.ring().generation(), 1, "{args:?}");
    }
    assert_eq!(code(&place.run(&["keys", "activate", "--force", "--yes", "--", &id])), 0);
    assert_eq!(code(&place.run(&["keys", "revoke", "--all", "--yes"])), 0);
    let ring = place.ring();
    assert_eq!((ring.generation(), ring.keys().len()), (3, 5));
}

#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_a_person_is_asked() {
    let place = Place::with_ring();
    for (typed, expected, generation) in [("no", 1, 1), ("y", 1, 1), ("yes", 0, 2)] {
        // script(1) gives it a terminal, and its exit code.
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{} keys revoke --all", program().display()), "/dev/null"]);
        command.current_dir(place.folder.path()).env("SADDLEBAG_RING", "file:ring.json");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("script(1), of Debian's bsdutils");
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, format!("{typed}\n").as_bytes()).unwrap();
        let end = child.wait_with_output().unwrap();
        assert!(stdout(&end).contains("Type yes to go on:"), "{}", stdout(&end));
        assert_eq!(code(&end), expected, "{typed}: {}", stdout(&end));
        assert_eq!(place.ring().generation(), generation, "{typed}");
        drop(input);
    }
}

#[test]
fn the_last_line_feed_alone_is_taken_off_a_token() {
    let place = Place::with_ring();
    let token = place.token();
    let bare = token.trim_end();
    for (text, taken) in [
        (bare.to_owned(), true),
        (format!("{bare}\n"), true),
        (format!("{bare}\n\n"), false),
        (format!("{bare}\r\n"), false),
        (format!(" {bare}"), false),
    ] {
        let end = place.run_with(&["token", "verify"], text.as_bytes());
        assert_eq!(code(&end), i32::from(!taken), "{text:?}");
    }
    let end = place.run_with(&["token", "verify", "--json"], &[0xff, 0xfe]);
    assert_eq!((code(&end), stdout(&end).as_str()), (1, "{\"active\":false}\n"));
    assert_eq!(code(&place.run_with(&["token", "verify"], b"\n")), 2);
}

#[test]
fn an_id_that_starts_with_a_hyphen_can_be_named() {
    let place = Place::with_ring();
    for args in [&["keys", "revoke", "-habcA"][..], &["keys", "activate", "--", "--abcA"]] {
        let end = place.run(args);
        assert_eq!(code(&end), 1);
        assert!(stderr(&end).contains("the ring has no key -"), "{}", stderr(&end));
    }
}

#[test]
fn a_group_reads_a_ring_of_its_own_only_where_it_is_allowed() {
    use std::os::unix::fs::MetadataExt;

    let place = Place::with_ring();
    fs::set_permissions(place.path("ring.json"), fs::Permissions::from_mode(0o640)).unwrap();
    // A ring of root's is a mount of Kubernetes or systemd: its group may read it.
    let roots = fs::metadata(place.path("ring.json")).unwrap().uid() == 0;
    let end = place.run(&["keys", "show"]);
    assert_eq!(code(&end), if roots { 0 } else { 3 }, "{}", stderr(&end));
    for (flag, value) in [("--allow-group-read", "false"), ("--json", "true")] {
        let mut command = place.command(&["keys", "show", flag]);
        let end = command.env("SADDLEBAG_ALLOW_GROUP_READ", value).output().unwrap();
        assert_eq!(code(&end), 0, "{}", stderr(&end));
    }
}
