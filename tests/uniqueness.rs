//! No nonce and no session id twice: over threads and processes that share a ring, in forked processes,
//! and in one that is put back to an earlier moment, as a restored snapshot of a machine is.
//!
//! `SADDLEBAG_LONG_TESTS=1 cargo test --release --test uniqueness` issues ten million tokens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod common;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{NOW, Numbers, at, shop};
use rustix::process::{WaitOptions, wait};
use saddlebag::{NewSession, Tokens};

const PROCESSES: usize = 3;
const THREADS: usize = 8;
/// What one token leaves behind: its nonce, 24 bytes, and its session's id, 12.
const LEFT: usize = 36;

/// T11, T12, T14: the whole nonces differ, and so do their last halves alone, which is what is left where two
/// processes have one prefix.
#[test]
fn eight_threads_in_each_of_three_processes_use_no_nonce_twice() {
    const NAME: &str = "eight_threads_in_each_of_three_processes_use_no_nonce_twice";
    let long = std::env::var_os("SADDLEBAG_LONG_TESTS").is_some_and(|value| value == "1");
    let all: usize = if long { 10_000_000 } else { 120_000 };
    let each = all.div_ceil(PROCESSES * THREADS);
    if let Some(folder) = part() {
        let tokens = shop();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (tokens, folder) = (&tokens, &folder);
                scope.spawn(move || {
                    let path = folder.join(format!("{}-{thread}", std::process::id()));
                    issue(tokens, each, &path);
                });
            }
        });
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> =
        (0..PROCESSES).map(|_| again(NAME, folder.path()).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let left = left_in(folder.path());
    assert_eq!(left.len(), each * PROCESSES * THREADS);
    // Each process draws one at its start, some more where threads race there, and one every 2^20 tokens.
    let prefixes = prefixes(&left).len();
    let most = PROCESSES * THREADS + all / (1 << 20) * THREADS + PROCESSES;
    assert!((PROCESSES..=most).contains(&prefixes), "{prefixes}");
    no_part_is_there_twice(left);
}

/// T14: what a process keeps for its nonces is copied with it, and must not be enough for the next one.
#[test]
fn a_hundred_forked_processes_and_their_parent_use_no_nonce_twice() {
    const NAME: &str = "a_hundred_forked_processes_and_their_parent_use_no_nonce_twice";
    const FORKS: usize = 100;
    const EACH: usize = 50;
    if let Some(folder) = part() {
        // This thread, and the one that waits for it and holds no lock that could be copied locked.
        assert_eq!(fs::read_dir("/proc/self/task").unwrap().count(), 2);
        let tokens = shop();
        issue(&tokens, EACH, &folder.join("before"));
        for n in 0..FORKS {
            match fork::fork().unwrap() {
                fork::Fork::Child => {
                    issue(&tokens, EACH, &folder.join(format!("child-{n}")));
                    std::process::exit(0);
                }
                fork::Fork::Parent(_) => issue(&tokens, EACH, &folder.join(format!("parent-{n}"))),
            }
        }
        for _ in 0..FORKS {
            let (_, status) = wait(WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(again(NAME, folder.path()).status().unwrap().success());
    let left = left_in(folder.path());
    assert_eq!(left.len(), (2 * FORKS + 1) * EACH);
    // The copies are real: each goes on with the prefix that was drawn before the first fork.
    assert_eq!(prefixes(&left).len(), 1);
    no_part_is_there_twice(left);
}

/// T14: all that a process remembers is put back, a hundred times; what it draws must not come back with it.
#[test]
fn a_process_that_is_put_back_to_an_earlier_moment_uses_no_nonce_twice() {
    const NAME: &str = "a_process_that_is_put_back_to_an_earlier_moment_uses_no_nonce_twice";
    const TIMES: usize = 100;
    const EACH: usize = 50;
    if let Some(folder) = part() {
        let tokens = shop();
        let mut own = Numbers(u64::from(std::process::id()));
        // Once before, so that no memory is taken or given back later.
        issue(&tokens, EACH, &folder.join("before"));
        fs::remove_file(folder.join("before")).unwrap();
        pause("here");
        issue(&tokens, EACH, &folder.join("after"));
        let mut numbers = append(&folder.join("own"));
        numbers.write_all(&own.next().to_be_bytes()).unwrap();
        drop(numbers);
        pause("there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let again = again(NAME, folder.path());
    let mut rewind = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rewind"));
    rewind.arg(TIMES.to_string()).arg(again.get_program()).args(again.get_args());
    for (name, value) in again.get_envs() {
        match value {
            Some(value) => rewind.env(name, value),
            None => rewind.env_remove(name),
        };
    }
    assert!(rewind.status().unwrap().success());
    // It was put back: a generator of the process's own gives one number again and again.
    let own = fs::read(folder.path().join("own")).unwrap();
    assert_eq!(own.len(), (TIMES + 1) * 8);
    assert_eq!(own.chunks(8).collect::<HashSet<_>>().len(), 1);
    fs::remove_file(folder.path().join("own")).unwrap();
    let left = left_in(folder.path());
    assert_eq!(left.len(), (TIMES + 1) * EACH);
    assert_eq!(prefixes(&left).len(), 1);
    no_part_is_there_twice(left);
}

fn issue(tokens: &Tokens, count: usize, path: &Path) {
    let mut left = Vec::with_capacity(count * LEFT);
    for _ in 0..count {
        let issued = tokens.issue_at(NewSession::empty(), at(NOW)).unwrap();
        left.extend_from_slice(&common::decode(&issued.token)[7..31]);
        left.extend_from_slice(&issued.info.id.to_bytes());
    }
    append(path).write_all(&left).unwrap();
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

fn left_in(folder: &Path) -> Vec<[u8; LEFT]> {
    let mut left = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let (whole, rest) = bytes.as_chunks::<LEFT>();
        assert!(rest.is_empty());
        left.extend_from_slice(whole);
    }
    left
}

fn prefixes(left: &[[u8; LEFT]]) -> HashSet<&[u8]> {
    left.iter().map(|left| &left[..12]).collect()
}

fn no_part_is_there_twice(mut left: Vec<[u8; LEFT]>) {
    for (what, part) in
        [("nonce", 0..24), ("last half of a nonce", 12..24), ("session id", 24..LEFT)]
    {
        left.sort_unstable_by(|a, b| a[part.clone()].cmp(&b[part.clone()]));
        let twice = left.windows(2).find(|pair| pair[0][part.clone()] == pair[1][part.clone()]);
        assert!(twice.is_none(), "the {what} of {twice:02x?}");
    }
}

/// Says where it is, and waits until somebody lets it go on.
fn pause(word: &str) {
    println!("{word}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Where this process is one that a test started to play a part of itself: the folder it was given.
fn part() -> Option<PathBuf> {
    std::env::var_os(PART).map(PathBuf::from)
}

/// The command that runs the test `name` again, in its part.
fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(PART, folder);
    command
}

const PART: &str = "SADDLEBAG_TEST_PART";
