//! `--check`: what would run, and what keeps it from running, without any of it.

use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{RULES, saddlebag};

/// A folder with a ring, its export for `shop` alone, and rules.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    for arguments in [
        &["keys", "init", "--ring", "file:ring.json"][..],
        &["keys", "export", "--ring", "file:ring.json", "--audience", "shop", "--out", "shop.json"],
    ] {
        let made = saddlebag().current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }
    folder
}

const GOOD: [&str; 4] = ["--ring", "file:ring.json", "--upstream", "http://127.0.0.1:3000"];

fn check(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = saddlebag();
    command.current_dir(folder.path()).args(["sidecar", "--check"]).args(arguments);
    command.output().unwrap()
}

/// The exit code, and the answer as JSON.
fn answer(folder: &TempDir, arguments: &[&str]) -> (i32, Value) {
    let output = check(folder, &[arguments, &["--json"]].concat());
    let answer = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), answer.unwrap_or_else(|_| panic!("{output:?}")))
}

#[test]
fn a_check_that_finds_nothing_is_0_and_starts_nothing() {
    let folder = folder();
    // What is taken already is no problem of a check, which takes nothing; nor is it asked anything.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", service.local_addr().unwrap());
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    let arguments = ["--ring", "file:shop.json", "--audience", "shop", "--rules", "rules.toml"];
    let more = ["--listen", &place, "--upstream", &upstream, "--state-dir", "state"];
    let gateway = ["--gateway-listen", "localhost:7072"];
    let output = check(&folder, &[&arguments[..], &more, &gateway].concat());
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]), "{told}");
    assert!(told.contains(&format!("{upstream} (flag)")), "{told}");
    assert!(told.contains("127.0.0.1:7071 (default)"), "{told}");
    assert!(told.contains("generation 1, 2 keys") && !told.contains("warning"), "{told}");
    assert!(told.ends_with("\nit would serve\n"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before, "nothing was made");
    service.set_nonblocking(true).unwrap();
    assert!(service.accept().is_err(), "the service was asked");
}

#[test]
fn a_check_names_each_bad_value_and_is_1() {
    let folder = folder();
    std::fs::write(folder.path().join("bad.toml"), "[[rule]]\npath = \"a\"\n").unwrap();
    let free = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    for (arguments, told) in [
        (&["--ring", "file:none.json"][..], "none.json"),
        (&["--ring", "file:rules.toml"], "rules.toml"),
        (&["--ring", "file:shop.json"], "shop"),
        (&["--audience", "Shop"], "is not an audience"),
        (&["--rules", "none.toml"], "--rules none.toml"),
        (&["--rules", "bad.toml"], "--rules bad.toml"),
        (&["--tls-cert", "/no/cert", "--tls-key", "/no/key"], "/no/cert"),
        (&["--tls-cert", "/no/cert"], "--tls-cert without --tls-key"),
        (&["--listen", "unix:none/front"], "there is no folder none"),
        (&["--listen", "127.0.0.1:7", "--admin-listen", "127.0.0.1:7"], "are both 127.0.0.1:7"),
        (&["--gateway-listen", "127.0.0.1:7", "--admin-listen", "127.0.0.1:7"], "are both"),
        (&["--gateway-bearer"], "--gateway-bearer without --gateway-listen"),
        (&["--api-listen", "unix:api"], "--api-listen without --allow-uid"),
        (&["--api-listen", "127.0.0.1:0", "--allow-uid", "0=issue"], "Unix socket alone"),
        (&["--upstream", "unix:rules.toml"], "no socket"),
        (&["--upstream", "http://127.0.0.1:8", "--listen", "0.0.0.0:8"], "itself listens there"),
        (&["--upstream", "unix:front", "--listen", "unix:front"], "itself listens there"),
        (
            &["--upstream", "http://127.0.0.1:9", "--gateway-listen", "127.0.0.1:9"],
            "itself listens there",
        ),
        (&["--state-dir", "/proc/1/x"], "must be able to write"),
        (&["--refresh-every", "0s"], "--refresh-every 0s"),
        (&["--ring-cache", "copy"], "--ring-cache copy"),
        (&["--log", "a=b=c"], "is no filter"),
    ] {
        // The last of two wins nowhere: what is tried stands in the place of what is good.
        let good = GOOD.chunks(2).chain(free.chunks(2));
        let good = good.filter(|pair| !arguments.contains(&pair[0])).flatten().copied();
        let all: Vec<&str> = good.chain(arguments.iter().copied()).collect();
        let (code, answer) = answer(&folder, &all);
        assert_eq!((code, &answer["ok"]), (1, &json!(false)), "{arguments:?}: {answer}");
        assert!(answer["problems"].to_string().contains(told), "{arguments:?}: {answer}");
    }
    let all =
        ["--ring", "file:none.json", "--upstream", "http://127.0.0.1:3000", "--audience", "A"];
    let output = check(&folder, &[&all[..], &["--rules", "none.toml"]].concat());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with("\nit would not serve well: 2 problems\n"), "{told}");
}

#[test]
fn what_is_not_there_yet_or_for_development_is_a_warning() {
    let folder = folder();
    for (arguments, told) in [
        (&["--upstream", "unix:app.sock"][..], "the service is not there"),
        (&["--upstream", "http://no.such.host.invalid:3000"], "its host is not known"),
        (&["--upstream", "http://127.0.0.1:3000", "--cookie-insecure"], "--cookie-insecure"),
        (&["--upstream", "http://127.0.0.1:3000", "--stale-after", "0s"], "issues nothing"),
        (&["--upstream", "http://127.0.0.1:3000"], "without --state-dir"),
        (
            &["--upstream", "http://127.0.0.1:3000", "--gateway-listen", "0.0.0.0:7072"],
            "--gateway-listen 0.0.0.0:7072 is beyond this machine",
        ),
    ] {
        let (code, answer) = answer(&folder, &[&["--ring", "file:ring.json"], arguments].concat());
        assert_eq!((code, &answer["ok"]), (0, &json!(true)), "{arguments:?}: {answer}");
        assert!(answer["warnings"].to_string().contains(told), "{arguments:?}: {answer}");
    }
}

#[test]
fn a_flag_or_a_file_that_is_wrong_is_2_and_the_file_is_checked_with_the_rest() {
    let folder = folder();
    for arguments in [
        &[&GOOD[..], &["--upstream", "ftp://app"]].concat()[..],
        &[&GOOD[..2], &["--upstream", "ftp://app"]].concat(),
        &[&GOOD[..], &["--cookie", "a b"]].concat(),
        &["--config", "none.toml"],
        &["--config", "rules.toml"],
        &[],
    ] {
        let output = check(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
    std::fs::write(folder.path().join("sidecar.toml"), "ring = \"file:ring.json\"\n").unwrap();
    let (code, told) = answer(&folder, &["--config", "sidecar.toml"]);
    assert_eq!(code, 1, "{told}");
    assert!(told["problems"].to_string().contains("no upstream"), "{told}");
    let settings = told["settings"].as_array().unwrap();
    let ring = json!({"name": "ring", "value": "file:ring.json", "source": "file"});
    assert!(settings.contains(&ring), "{told}");
    // It is typed, and never a setting.
    std::fs::write(folder.path().join("sidecar.toml"), "check = true\n").unwrap();
    assert_eq!(check(&folder, &["--config", "sidecar.toml"]).status.code(), Some(2));
}
