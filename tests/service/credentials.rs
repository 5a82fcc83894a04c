//! The life of a credential in a file: made, shown, replaced before it ends.

use serde_json::Value;

use crate::support::{Ring, run};

fn issue(ring: &Ring, file: &str, arguments: &[&str]) -> (i32, String) {
    let place = ring.place();
    let fixed = ["credential", "issue", "--ring", &place, "--name", "shop-web", "--out", file];
    let (code, stdout, stderr) = run(&[&fixed[..], arguments].concat(), "");
    assert_eq!(stdout, "", "a file has it alone");
    (code, stderr)
}

#[test]
fn a_timer_replaces_a_credential_before_it_ends_and_leaves_a_good_one_alone() {
    let ring = Ring::new();
    let path = ring.folder.path().join("shop.credential");
    let file = path.display().to_string();
    let read = || std::fs::read_to_string(&path).unwrap();
    let usual = ["--role", "verify", "--audience", "shop", "--lifetime", "10d"];
    let timer = |before: &'static str| [&usual[..], &["--renew-before", before]].concat();

    let (code, told) = issue(&ring, &file, &timer("7d"));
    assert!(code == 0 && told.contains("a credential for shop-web, which ends"), "{told}");
    let first = read();
    let (code, told) = issue(&ring, &file, &timer("7d"));
    assert!(code == 0 && told.contains("left alone"), "{told}");
    assert_eq!(read(), first);

    // Less than that to live: a longer one takes its place.
    let longer = ["--role", "verify", "--audience", "shop", "--lifetime", "30d"];
    let (code, _) = issue(&ring, &file, &[&longer[..], &["--renew-before", "11d"]].concat());
    assert!(code == 0 && read() != first);
    let second = read();
    // Another role, another audience or a file that holds none: replaced, however long it lives.
    for other in [["--role", "issue"], ["--audience", "blog"]] {
        let (code, told) = issue(&ring, &file, &[&timer("7d")[..], &other].concat());
        assert!(code == 0 && !told.contains("left alone"), "{told}");
    }
    assert_ne!(read(), second);
    std::fs::write(&path, "no credential").unwrap();
    let (code, told) = issue(&ring, &file, &timer("7d"));
    assert!(code == 0 && !told.contains("left alone"), "{told}");

    // Its key is revoked: the service refuses it, so the timer makes another.
    let before = read();
    let (_, shown, _) = run(&["keys", "show", "--json", "--ring", &ring.place()], "");
    let active =
        serde_json::from_str::<Value>(&shown).unwrap()["active"].as_str().unwrap().to_owned();
    let (code, _, stderr) = run(&["keys", "revoke", &active, "--yes", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    let (code, told) = issue(&ring, &file, &timer("7d"));
    assert!(code == 0 && read() != before, "{told}");

    // One that would be replaced at once is a mistake of whoever wrote the timer.
    std::fs::remove_file(&path).unwrap();
    let (code, told) = issue(&ring, &file, &timer("20d"));
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("a new credential would end before that"), "{told}");
    assert!(!path.exists());
}

#[test]
fn a_credential_is_shown_to_who_holds_the_ring() {
    let ring = Ring::new();
    let place = ring.place();
    let credential = ring.credential(&[
        "--role",
        "verify,issue",
        "--audience",
        "shop",
        "--name",
        "shop \u{202e}web",
    ]);
    let (code, stdout, stderr) = run(&["credential", "inspect", "--ring", &place], &credential);
    assert_eq!(code, 0, "{stderr}");
    for line in [
        "name       shop \\u{202e}web\n",
        "roles      issue, verify\n",
        "audiences  shop\n",
        "(active)\n",
    ] {
        assert!(stdout.contains(line), "{line:?}: {stdout}");
    }
    let (code, stdout, _) =
        run(&["credential", "inspect", "--json", "--ring", &place], &credential);
    assert_eq!(code, 0);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(answer["roles"], serde_json::json!(["issue", "verify"]));
    assert_eq!(answer["audiences"], serde_json::json!(["shop"]));
    assert_eq!(answer["key_state"], "active");
    assert!(!stdout.contains(&credential[..30]));

    let session = run(&["token", "issue", "--ring", &place], "").1;
    let other = Ring::new().credential(&["--role", "verify"]);
    for (input, told) in
        [("x", "not_a_token"), (session.trim(), "bad_tag"), (&*other, "unknown_key")]
    {
        let (code, stdout, stderr) = run(&["credential", "inspect", "--ring", &place], input);
        assert_eq!((code, &*stdout), (1, ""), "{stderr}");
        assert!(stderr.contains(told) && stderr.contains("help: "), "{stderr}");
        assert!(!stderr.contains(input) || input == "x", "{stderr}");
    }
}
