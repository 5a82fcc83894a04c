//! Whatever a file or standard input holds that the command line reads, it ends with one of its codes, and an
//! error is told in two lines that repeat no token, credential or secret. What it takes is what it says.
//!
//! The first byte chooses who reads the rest, by its place in [`READERS`].

#![no_main]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use saddlebag::fuzzing::run;
use saddlebag::keys::document;
use saddlebag_fuzz::program::{CANARIES, TOKENS, filled, ring_of_today, seen_in};
use saddlebag_fuzz::with_digest;
use serde_json::Value;

/// FILE holds the input, as standard input does; GOOD is a ring, and NEW is not there.
const READERS: [&str; 10] = [
    "serve --config FILE",
    "keys import FILE --ring file:NEW --dry-run",
    "keys import - --ring file:NEW --dry-run",
    "keys check --ring file:FILE",
    "keys show --ring file:FILE",
    "token verify --ring file:GOOD --audience shop --jwt hs256",
    "token inspect",
    "token issue --ring file:GOOD --audience shop --state FILE",
    "credential inspect --ring file:GOOD",
    "credential issue --ring file:GOOD --role issue,verify --name fuzz --out FILE --renew-before 7d",
];

/// A folder of this process.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("saddlebag-fuzz-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    write(&folder.join("GOOD"), &document::to_json(&ring_of_today()));
    folder
});

fn write(path: &Path, text: &[u8]) {
    fs::write(path, text).expect("a file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("and be closed");
}

/// What the program answers to a line of [`READERS`].
fn answer(line: &str, input: &[u8]) -> (u8, Vec<u8>, String) {
    let place = |word: &str| match ["FILE", "GOOD", "NEW"].iter().find(|n| word.ends_with(**n)) {
        Some(name) => word.replace(name, &FOLDER.join(name).to_string_lossy()),
        None => word.to_owned(),
    };
    let words: Vec<String> = line.split(' ').map(place).collect();
    run(&words.iter().map(String::as_str).collect::<Vec<_>>(), input)
}

fuzz_target!(|input: &[u8]| {
    let Some((reader, rest)) = input.split_first() else {
        return;
    };
    let reader = usize::from(reader.wrapping_sub(b'0')) % READERS.len();
    let text = with_digest(&filled(rest));
    write(&FOLDER.join("FILE"), &text);
    let (exit, answer, told) = answer(READERS[reader], &text);
    is_told_well(reader, exit, &answer, &told);
    takes_what_it_says(reader, exit, &text, answer, &told);
    assert!(!FOLDER.join("NEW").exists(), "a dry run wrote");
});

fn takes_what_it_says(reader: usize, exit: u8, text: &[u8], answer: Vec<u8>, told: &str) {
    let done = exit == 0;
    // The one line feed that ends standard input is no part of what it holds.
    let line = text.strip_suffix(b"\n").unwrap_or(text);
    match reader {
        1 | 2 => assert_eq!(done, document::parse(text).is_ok(), "{told}"),
        3 | 4 => assert_eq!(exit != 3, document::parse(text).is_ok(), "{told}"),
        5 => assert_eq!(done, CANARIES.tokens().map(str::as_bytes).contains(&line), "{told}"),
        7 if done => {
            let token = String::from_utf8(answer).expect("a token is ASCII");
            let verified = TOKENS.verify(token.trim_end()).expect("what was issued verifies");
            let state: Value = verified.state().expect("and has its state");
            let said: Value = serde_json::from_slice(text).expect("what is taken is JSON");
            // The integer -0 is a float to serde_json, and not to the format.
            let exact = !text.windows(2).any(|pair| pair == b"-0");
            assert!(state == said || !exact, "{state} is not {said}");
        }
        8 => assert_eq!(done, line == CANARIES.credential.as_bytes(), "{told}"),
        9 => keeps_a_credential(text, exit, told),
        _ => {}
    }
}

/// A file has a good credential afterwards: its own, where that was good.
fn keeps_a_credential(text: &[u8], exit: u8, told: &str) {
    assert_eq!(exit, 0, "{told}");
    let kept = fs::read(FOLDER.join("FILE")).expect("it is there");
    let own = String::from_utf8_lossy(text).trim_end() == CANARIES.credential;
    assert_eq!(kept == text, own, "{told}");
    let kept = String::from_utf8_lossy(&kept);
    let (exit, _, told) = answer(READERS[8], kept.trim_end().as_bytes());
    assert_eq!(exit, 0, "what is kept is no credential: {told}");
}

fn is_told_well(reader: usize, exit: u8, answer: &[u8], told: &str) {
    assert!(exit <= 4, "{exit}");
    let count = |start: &str| told.lines().filter(|line| line.starts_with(start)).count();
    match (count("error: "), count("help: ")) {
        // A check that found something has told it in its answer.
        (0, 0) => assert!(exit == 0 || !answer.is_empty(), "{exit} without a word"),
        (1, 1) => assert!(exit != 0, "{told}"),
        _ => panic!("not two lines: {told}"),
    }
    assert!(told.chars().all(|c| c == '\n' || !c.is_control()), "{told:?}");
    // Among the names of settings, or of a state's members, a secret of a ring has no form to be known by.
    let may_be_seen = |name: &str| [0, 7].contains(&reader) && name == "@secret@";
    let seen: Vec<_> = seen_in(told.as_bytes()).into_iter().filter(|n| !may_be_seen(n)).collect();
    assert!(seen.is_empty(), "{seen:?} in {told}");
    assert!(reader == 0 || !seen_in(answer).contains(&"@secret@"), "a secret in an answer");
}
