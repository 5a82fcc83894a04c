//! `serve --dev`: the lines it prints work when pasted.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::Server;

#[test]
fn the_lines_that_dev_prints_work_when_pasted() {
    let home = tempfile::tempdir().unwrap();
    // A folder that needs quoting.
    let state = home.path().join("o'neil & sons");
    for round in 0..2 {
        let server = Server::start(&["--dev"], |command| {
            command.env("XDG_STATE_HOME", &state);
        })
        .ready();
        let lines = server.printed(Duration::from_secs(1)).join("\n");
        let pasted = lines.split_once("shell:\n").unwrap().1;
        let output = Command::new("sh").arg("-ec").arg(pasted).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{stdout} {}", String::from_utf8_lossy(&output.stderr));
        let mut answers = stdout.lines();
        assert!(answers.next().unwrap().starts_with("sb1e"), "{stdout}");
        let mut json = || -> Value { serde_json::from_str(answers.next().unwrap()).unwrap() };
        let (verified, renewed, keys) = (json(), json(), json());
        assert_eq!(verified["active"], true);
        assert_eq!(verified["session"]["subject"], "alice");
        assert_eq!(verified["session"]["state"]["cart"][0], "apples");
        assert_eq!(renewed["session"]["state"]["cart"][1], "pears");
        assert_eq!(renewed["session"]["revision"], 1);
        assert_eq!(keys["generation"], 1, "the second start finds the ring of the first: {round}");
    }
    let folder = state.join("saddlebag/dev");
    for (name, mode) in [("", 0o700), ("ring.json", 0o600), ("authorization.header", 0o600)] {
        let facts = std::fs::metadata(folder.join(name)).unwrap();
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o777,
            mode,
            "{name}"
        );
    }
}

#[test]
fn without_a_state_folder_dev_says_what_is_missing() {
    let output = crate::support::saddlebag()
        .args(["serve", "--dev"])
        .env_remove("HOME")
        .env_remove("XDG_STATE_HOME")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("neither XDG_STATE_HOME nor HOME is set")
    );
}
