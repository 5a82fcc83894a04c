//! Every verb, with good and bad input, and with secrets where they do not belong.

use serde_json::Value;

use super::{Heard, SUBJECT, broken_rings, canary_ring};
use crate::support::{Ring, replace};

/// T64.
#[test]
fn canaries_are_found_in_nothing_that_a_verb_tells() {
    let (ring, mut needles) = canary_ring();
    let place = ring.place();
    let place = ["--ring", &*place];
    let mut heard = Heard::default();
    let with = |arguments: &[&'static str]| -> Vec<String> {
        [arguments, &place].concat().iter().map(|&text| text.to_owned()).collect()
    };
    let mut verb = |arguments: &[String], input: &str, answer_is_secret| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        heard.verb(&arguments, input, answer_is_secret)
    };
    let token = verb(&with(&["token", "issue", "--subject", SUBJECT]), "", true).1;
    let signed = verb(&with(&["token", "issue", "--protection", "signed"]), "", true).1;
    let credential = verb(&with(&["credential", "issue", "--role", "admin"]), "", true).1;
    let [token, signed, credential] =
        [token, signed, credential].map(|text| text.trim().to_owned());
    needles.token("a token", &token);
    needles.token("a signed token", &signed);
    needles.token("a credential", &credential);
    let whole = std::fs::read_to_string(ring.path()).unwrap();
    let document: Value = serde_json::from_str(&whole).unwrap();
    let secret = document["keys"][0]["secret"].as_str().unwrap().to_owned();

    for input in [&token, &signed, &credential, &secret] {
        for text in [
            input.clone(),
            format!("{input}\n\n"),
            format!("Bearer {input}"),
            format!("\"{input}\""),
            input[..input.len() - 1].to_owned(),
            format!("{input}{}", "A".repeat(5_000)),
        ] {
            for arguments in [
                &["token", "verify"][..],
                &["token", "verify", "--json"],
                &["token", "verify", "--audience", "shop"],
                &["token", "verify", "--jwt", "hs256"],
                &["credential", "inspect"],
                &["token", "issue", "--state", "-"],
            ] {
                verb(&with(arguments), &text, arguments.contains(&"issue"));
            }
            verb(&["token", "inspect"].map(str::to_owned), &text, false);
            verb(&["token", "inspect", "--json"].map(str::to_owned), &text, false);
        }
    }
    // Tokens where they do not belong.
    for input in [&token, &signed, &credential] {
        for arguments in [
            &["token", "verify", input][..],
            &["token", "verify", "--token", input],
            &["token", input],
            &[input],
            &["keys", "revoke", "--yes", "--", input],
            &["keys", "activate", "--", input],
            &["keys", "init", "--rotate-every", input],
            &["token", "issue", "--audience", input],
            &["token", "issue", "--protection", input],
            &["credential", "issue", "--role", input],
            &["serve", "--check", "--listen", input],
            &["serve", "--check", "--audience", input],
            &["serve", "--check", "--log", input],
            &["serve", "--check", "--otlp", input],
            &["serve", "--check", "--allow-uid", input],
            &["sidecar", "--check", "--upstream", input],
            &["sidecar", "--check", "--upstream", "unix:app", "--rules", input],
            &["sidecar", "--check", "--upstream", "unix:app", "--cookie", input],
            &["keys", "import", input],
            &["keys", "restore", input],
            &["keys", "publish", "--to", input],
            &["keys", "copy", "--from", input],
        ] {
            let arguments = [arguments, if arguments.len() > 2 { &place } else { &[] }].concat();
            let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
            verb(&arguments, "", false);
        }
        let settings = ring.folder.path().join("serve.toml");
        for text in [
            format!("listen = \"{input}\"\n"),
            format!("\"{input}\" = 1\n"),
            format!("ring = \"{input}\"\naudience = 1\n"),
            format!("{input}\n"),
            format!("listen = {input}\n"),
        ] {
            std::fs::write(&settings, text).unwrap();
            let config = settings.display().to_string();
            let arguments = ["serve", "--check", "--config", &config, place[0], place[1]];
            verb(&arguments.map(str::to_owned), "", false);
        }
    }
    // Every verb that reads the ring, as it is and broken.
    let other = Ring::missing();
    for document in broken_rings(&whole).into_iter().chain([whole.clone()]) {
        replace(&other.path(), document.as_bytes());
        for arguments in [
            &["keys", "show", "--json"][..],
            &["keys", "check"],
            &["keys", "plan", "--json"],
            &["keys", "stage", "--dry-run"],
            &["keys", "rotate", "--dry-run", "--json"],
            &["keys", "prune", "--dry-run"],
            &["keys", "revoke", "--all", "--dry-run"],
            &["keys", "policy", "--clock-skew", "30s", "--dry-run"],
            &["keys", "export", "--audience", "shop", "--out", "/dev/full"],
            &["keys", "publish", "--audience", "shop", "--to", "file:/dev/null/ring.json"],
            &["serve", "--check", "--json"],
            &["sidecar", "--check", "--json", "--upstream", "unix:app"],
            &["token", "verify"],
        ] {
            let place = other.place();
            let arguments = [arguments, &["--ring", &place]].concat();
            let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
            verb(&arguments, &token, false);
        }
        let path = other.path().display().to_string();
        for reads in ["import", "restore"] {
            let arguments = ["keys", reads, &path, "--ring", "file:/dev/null/ring.json"];
            verb(&arguments.map(str::to_owned), "", false);
        }
    }
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["keys", "--help"],
        &["token", "issue", "--help"],
        &["credential", "issue", "--help"],
        &["man"],
        &["completions", "bash"],
    ] {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        verb(&arguments, "", false);
    }
    assert!(heard.0.len() > 500, "{}", heard.0.len());
    assert!(needles.are_all_found() > 500);
    heard.has_none_of(&needles);
}
