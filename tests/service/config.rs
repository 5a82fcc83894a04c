//! `--config`, and `--check`: what would run, and what keeps it from running.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Ring, Server, run, saddlebag};

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("serve.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn check(arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> (i32, Value, String) {
    let mut command = saddlebag();
    command.args(["serve", "--check", "--json"]).args(arguments);
    prepare(&mut command);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), answer, stderr)
}

fn setting<'a>(answer: &'a Value, name: &str) -> (&'a str, &'a str) {
    let settings = answer["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["name"] == name).unwrap_or(&Value::Null);
    (found["value"].as_str().unwrap_or(""), found["source"].as_str().unwrap_or(""))
}

#[test]
fn a_file_configures_the_service() {
    let ring = Ring::new();
    let state = ring.folder.path().join("state");
    let file = write(
        ring.folder.path(),
        &format!(
            "ring = \"{}\"\naudience = \"shop\"\nstate-dir = \"{}\"\nmax-requests = 7\n\
             listen = \"127.0.0.1:0\"\nadmin-listen = \"127.0.0.1:0\"\nlog-requests = true\n",
            ring.place(),
            state.display()
        ),
    );
    // The flags that `start` adds win over the file's.
    let server = Server::start(&["--config", &file], |_| {}).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    assert_eq!(caller.post("/v1/sessions", &json!({})).json()["session"]["audience"], "shop");
    assert!(server.read_log().contains("answered"), "{}", server.read_log());
    assert!(state.is_dir());
}

#[test]
fn what_is_typed_wins_over_the_variable_and_that_over_the_file() {
    let ring = Ring::new();
    let text = format!(
        "ring = \"{}\"\naudience = \"file\"\ndrain = \"1s\"\nhead-timeout = \"2s\"\n\
         state-dir = \"{}\"\n",
        ring.place(),
        ring.folder.path().display()
    );
    let file = write(ring.folder.path(), &text);
    let (code, answer, stderr) = check(&["--audience", "typed"], |command| {
        command.env("SADDLEBAG_CONFIG", &file).env("SADDLEBAG_DRAIN", "3s");
    });
    assert_eq!(code, 0, "{answer} {stderr}");
    assert_eq!(answer["ok"], true);
    assert_eq!(setting(&answer, "audience"), ("typed", "flag"));
    assert_eq!(setting(&answer, "drain"), ("3s", "environment"));
    assert_eq!(setting(&answer, "head-timeout"), ("2s", "file"));
    assert_eq!(setting(&answer, "idle-timeout"), ("75s", "default"));
    assert_eq!(setting(&answer, "config"), (&*file, "environment"));
    assert_eq!(answer["warnings"], json!([]));
    assert!(answer["facts"][0].as_str().unwrap().contains("generation 1, 2 keys"), "{answer}");
}

#[test]
fn a_check_says_everything_that_is_wrong_and_changes_nothing() {
    let ring = Ring::missing();
    let folder = ring.folder.path();
    let (place, nowhere) = (ring.place(), folder.join("none").display().to_string());
    let socket = format!("unix:{nowhere}/api.sock");
    let arguments = ["--ring", &place, "--listen", &socket, "--log", "a=b=c", "--audience", "A"];
    let (code, answer, stderr) = check(&arguments, |_| {});
    assert_eq!(code, 1, "{answer} {stderr}");
    let problems = answer["problems"].to_string();
    for told in ["keys init", "there is no folder", "is no filter"] {
        assert!(problems.contains(told), "{told}: {problems}");
    }
    assert!(answer["warnings"].to_string().contains("--state-dir"), "{answer}");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0, "nothing was made");

    let good = Ring::new();
    let place = good.place();
    for (arguments, told) in [
        (&["--audience", "Shop"][..], "is not an audience"),
        (&["--tls-cert", "/no/cert", "--tls-key", "/no/key"], "/no/cert"),
        (&["--listen", "127.0.0.1:7", "--admin-listen", "127.0.0.1:7"], "are both 127.0.0.1:7"),
        (&["--allow-uid", "0=issue"], "is no Unix socket"),
        (&["--state-dir", "/proc/1/x"], "must be able to write"),
        (&["--credential-ring", "file:/no/ring"], "/no/ring"),
    ] {
        let all = [&["--ring", &place], arguments].concat();
        let (code, answer, stderr) = check(&all, |_| {});
        assert_eq!(code, 1, "{arguments:?}: {answer} {stderr}");
        assert!(answer["problems"].to_string().contains(told), "{arguments:?}: {answer}");
    }
    let (_, answer, _) = check(&["--ring", &good.place(), "--listen", "0.0.0.0:7070"], |_| {});
    assert!(answer["warnings"].to_string().contains("in clear"), "{answer}");
}

#[test]
fn a_check_for_people_shows_every_setting_and_where_it_comes_from() {
    let ring = Ring::new();
    let folder = ring.folder.path().display().to_string();
    let arguments = ["serve", "--check", "--ring", &ring.place(), "--state-dir", &folder];
    let (code, stdout, stderr) = run(&arguments, "");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("(flag)") && stdout.contains("127.0.0.1:7070 (default)"), "{stdout}");
    assert!(stdout.ends_with("it would serve\n"), "{stdout}");
}

#[test]
fn a_file_that_is_wrong_is_told_by_its_name() {
    let ring = Ring::new();
    for (text, told) in [
        ("colour = 1", "\"colour\" is no setting of serve"),
        ("max-requests = \"many\"", "invalid value 'many' for '--max-requests <N>'"),
        ("max-requests = 0", "at least 1"),
        ("listen = 1", "neither host:port"),
        ("log-requests = \"yes\"", "log-requests is text, where true or false"),
        ("dev = true", "\"dev\" is no setting of serve"),
        ("ring = ", "line 1"),
        ("", "no ring"),
    ] {
        let file = write(ring.folder.path(), text);
        let (code, _, stderr) = run(&["serve", "--config", &file], "");
        assert_eq!(code, 2, "{text}: {stderr}");
        assert!(stderr.contains(told), "{text}: {stderr}");
        assert!(stderr.contains("help: "), "{text}: {stderr}");
        assert!(told == "no ring" || stderr.contains("serve.toml"), "{text}: {stderr}");
    }
    let (code, _, stderr) = run(&["serve", "--config", "/no/file"], "");
    assert_eq!(code, 2);
    assert!(stderr.contains("/no/file") && stderr.contains("help: "), "{stderr}");
}

/// A check said that it would serve where the start then refused the ring for ever.
#[test]
fn a_check_knows_which_generation_was_used_before() {
    let ring = Ring::new();
    let state = ring.folder.path().join("state").display().to_string();
    let old = std::fs::read(ring.path()).unwrap();
    let (code, _, stderr) = run(&["keys", "stage", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{stderr}");
    drop(ring.serve(&["--state-dir", &state]).ready());
    crate::support::replace(&ring.path(), &old);
    let (code, answer, _) = check(&["--ring", &ring.place(), "--state-dir", &state], |_| {});
    assert_eq!(code, 1, "{answer}");
    assert!(answer["problems"].to_string().contains("older than generation 2"), "{answer}");
    let arguments = ["--ring", &ring.place(), "--state-dir", &state, "--allow-rollback"];
    assert_eq!(check(&arguments, |_| {}).0, 0);
}

/// What a flag needs was looked for before the file was read.
#[test]
fn flags_variables_and_the_file_complete_each_other() {
    let ring = Ring::new();
    let file = write(ring.folder.path(), "tls-key = \"/no/key\"\ntls-client-ca = \"/no/ca\"\n");
    let place = ring.place();
    let arguments = ["--ring", &place, "--config", &file, "--tls-client-name", "web.test"];
    let (code, answer, stderr) = check(&arguments, |command| {
        command.env("SADDLEBAG_TLS_CERT", "/no/cert");
    });
    assert_eq!(code, 1, "{stderr}");
    assert!(answer["problems"].to_string().contains("/no/cert: No such file"), "{answer}");
    assert_eq!(setting(&answer, "tls-cert"), ("/no/cert", "environment"));
    assert_eq!(setting(&answer, "tls-key"), ("/no/key", "file"));
}

/// T61: A node whose clock is far off issues what others refuse, or nothing: it is told at the start, in
/// readiness, and in what a caller is answered.
#[test]
fn a_clock_that_is_far_off_is_told_with_what_to_do() {
    let ring = Ring::new();
    // The library reads the clock by the C library, which an interposer can set back; here the ring is
    // from the future instead, which is the same to it.
    let text = std::fs::read_to_string(ring.path()).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    for key in document["keys"].as_array_mut().unwrap() {
        for name in ["created_at", "activates_at"] {
            let time = key[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let later = time + jiff::SignedDuration::from_hours(24);
            key[name] = json!(later.to_string());
        }
    }
    document.as_object_mut().unwrap().remove("digest");
    let canonical = serde_json_canonicalizer::to_vec(&document).unwrap();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(canonical);
    let digest = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, digest);
    document["digest"] = json!(digest);
    let ahead = Ring::missing();
    crate::support::replace(&ahead.path(), document.to_string().as_bytes());

    let (code, answer, stderr) = check(&["--ring", &ahead.place()], |_| {});
    assert_eq!(code, 1, "{answer} {stderr}");
    assert!(answer["problems"].to_string().contains("set it, from a time server"), "{answer}");
    let server = ahead.serve(&[]).ready();
    let caller = server.caller(&ring.credential(&["--role", "issue"]));
    let refused = caller.post("/v1/sessions", &json!({}));
    assert_eq!(refused.problem(), (503, "not_issuing".into()));
    assert!(refused.text.contains("set this node's clock, from a time server"), "{refused:?}");
    let told = server.admin().get("/readyz").text;
    assert!(told.contains("before the ring's newest key was made: set it"), "{told}");
    assert!(server.read_log().contains("set it, from a time server"), "{}", server.read_log());
    let metrics = server.admin().get("/metrics").text;
    let behind = metrics.lines().find(|l| l.starts_with("saddlebag_ring_ahead_of_clock")).unwrap();
    let behind: u64 = behind.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((86_000..=86_400).contains(&behind), "{behind}");
}
