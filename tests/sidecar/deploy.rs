//! That the examples of deploy/ say nothing that the program does not take.

use std::path::Path;

use crate::support::{Sidecar, Upstream, saddlebag};

fn help(words: &[&str]) -> String {
    let output = saddlebag().args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn manifests_use_flags_that_there_are() {
    let mut seen = 0;
    for name in ["kubernetes/service.yaml", "kubernetes/sidecar.yaml", "kubernetes/rotator.yaml"] {
        let mut known = String::new();
        for line in text(name).lines().map(str::trim) {
            if let Some(verb) =
                line.strip_prefix("- ").filter(|verb| ["serve", "sidecar"].contains(verb))
            {
                known = help(&[verb]);
            } else if let Some(words) =
                line.strip_prefix("args: [").map(|rest| rest.trim_end_matches(']'))
            {
                let words: Vec<&str> = words.split(", ").collect();
                let known = help(&words[..2]);
                for flag in
                    words.iter().filter_map(|word| word.split_once('=')).map(|(flag, _)| flag)
                {
                    assert!(known.contains(&format!("{flag} ")), "{name}: {words:?}: {flag}");
                    seen += 1;
                }
            } else if let Some(flag) = line.strip_prefix("- --") {
                let flag = flag.split('=').next().unwrap();
                assert!(known.contains(&format!("--{flag}")), "{name}: --{flag}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// With places of this test's own.
#[test]
fn the_units_configuration_runs() {
    let upstream = Upstream::saying("");
    let folder = tempfile::tempdir().unwrap();
    let config = text("systemd/sidecar.toml")
        .replace("/etc/saddlebag/shop-ring.json", "ring.json")
        .replace("/var/lib/saddlebag-shop", &folder.path().join("state").display().to_string())
        .replace("127.0.0.1:7073", "127.0.0.1:0")
        .replace("127.0.0.1:3000", &upstream.address)
        .replace("0.0.0.0:8080", "127.0.0.1:0");
    let path = folder.path().join("sidecar.toml");
    std::fs::write(&path, config).unwrap();
    let sidecar = Sidecar::configured(&path).ready();
    assert_eq!(sidecar.ask("GET /a", &[]).text(), "/a");
    let unit = text("systemd/saddlebag-sidecar@.service");
    assert!(
        unit.contains(
            "ExecStart=/usr/bin/saddlebag sidecar --config /etc/saddlebag/sidecar-%i.toml"
        )
    );
}

/// A typo in the file is named, and is no default.
#[test]
fn a_setting_that_there_is_none_of_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sidecar.toml");
    std::fs::write(&path, "upstraem = \"http://127.0.0.1:3000\"\n").unwrap();
    let output = saddlebag().args(["sidecar", "--config"]).arg(&path).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("upstraem"), "{told}");
}
