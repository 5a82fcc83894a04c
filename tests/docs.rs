//! What the documents say and the code can contradict: reason codes, names of tests, links.

// clippy allows these in `#[test]` functions, and not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use saddlebag::Reason;

#[test]
fn the_handbook_explains_every_reason() {
    let handbook = read("docs/operations.md");
    for reason in Reason::ALL {
        let row = format!("\n| `{}` | ", reason.code());
        assert!(
            handbook.contains(&row),
            "docs/operations.md has no row for the reason {}",
            reason.code()
        );
    }
}

#[test]
fn the_service_explains_every_problem() {
    let text = read("docs/service.md");
    let source = read("src/service/problem.rs");
    // A code is a word of its own; texts and names of members have spaces, or no underscore.
    let plain = ["internal", "overloaded", "unauthenticated"];
    let is_code =
        |text: &&str| plain.contains(text) || (is_function(text) && !text.starts_with("as_"));
    let codes: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(is_code).collect();
    assert!(codes.len() > 20, "only {codes:?}: does the source look otherwise now?");
    for code in codes {
        assert!(text.contains(&format!("`{code}`")), "docs/service.md does not explain {code}");
    }
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let exist = tests_of_the_repository();
    let mut named = 0_usize;
    for row in read("docs/threat-model.md").lines().filter(|line| line.starts_with('|')) {
        let proofs = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
        for name in proofs.split('`').skip(1).step_by(2).filter(|name| is_function(name)) {
            named = named.saturating_add(1);
            assert!(exist.contains(name), "docs/threat-model.md names {name}, which is no test");
        }
    }
    assert!(named > 50, "only {named} names found: does the table look otherwise now?");
}

#[test]
fn relative_links_point_at_what_exists() {
    let mut documents = vec![PathBuf::from("README.md")];
    for folder in ["docs", "deploy", "examples"] {
        documents.extend(files_below(Path::new(folder), "md"));
    }
    let mut broken = Vec::new();
    for document in &documents {
        for link in links(&read(document)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let there = root().join(&target).exists();
            let is_text = target.extension().is_some_and(|end| end == "md");
            if !there
                || (is_text && !heading.is_empty() && !headings(&read(&target)).contains(heading))
            {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nowhere:\n{}", broken.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files with this ending, by their paths from the root.
fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&path, ending));
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
    found
}

/// Functions under `#[test]`, with nothing but attributes and comments between.
fn tests_of_the_repository() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests", "keys/src", "keys/tests"] {
        for file in files_below(Path::new(folder), "rs") {
            let mut is_test = false;
            for line in read(&file).lines().map(str::trim) {
                let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                let name = function.and_then(|rest| rest.split('(').next());
                match name {
                    Some(name) if is_test => {
                        names.insert(name.to_owned());
                        is_test = false;
                    }
                    _ if line == "#[test]" || line == "#[tokio::test]" => is_test = true,
                    _ if line.starts_with("#[") || line.starts_with("//") => {}
                    _ => is_test = false,
                }
            }
        }
    }
    names
}

/// Test names are sentences; one word in backticks is something else.
fn is_function(text: &str) -> bool {
    text.contains('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Targets of Markdown links, without those in code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        found.extend(targets.map(|(target, _)| target.to_owned()));
    }
    found
}

/// The anchors of a document's headings, as forges make them.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = prose(text).filter(|line| line.starts_with('#'));
    let anchor = |title: &str| -> String {
        let kept = title.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    titles.map(anchor).collect()
}

/// Lines outside fences.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    })
}
