//! What the tests of stores and watches share: rings, a clock, a store that counts, and ways to run a
//! test again as another process (to be killed, traced, or given another user or mount).

#![allow(dead_code)] // each test crate takes what it needs

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use saddlebag_keys::insecure::{self, ChosenKey};
use saddlebag_keys::{Clock, FileStore, KeyRing, MemoryStore, Policy, Store, StoreError, UnixTime};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A ring of two keys; other seeds make other keys.
pub(crate) fn ring_of(seed: &str, generation: u64) -> KeyRing {
    named_ring("test", seed, generation)
}

pub(crate) fn named_ring(name: &str, seed: &str, generation: u64) -> KeyRing {
    let key = |n: u64| ChosenKey {
        secret: Sha256::digest(format!("{seed} {n}")).into(),
        id: None,
        created_at: UnixTime::from_secs(1_000),
        activates_at: UnixTime::from_secs(1_000 * (n + 1)),
        drains_until: None,
        revoked_at: None,
    };
    insecure::ring(name, generation, Policy::default(), &[key(0), key(1)]).unwrap()
}

pub(crate) fn ring(generation: u64) -> KeyRing {
    ring_of("", generation)
}

/// Saves the next generation over the one that is there.
pub(crate) fn save_next(store: &impl Store) -> u64 {
    let found = store.load().unwrap().generation();
    store.save(&ring(found + 1), Some(found)).unwrap();
    found + 1
}

/// A folder, and a file store in it that holds generation 1.
pub(crate) fn folder_with_ring() -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    store.save(&ring(1), None).unwrap();
    (folder, store)
}

/// Writes what a careless hand might: the mode is the caller's, the file is not replaced whole.
pub(crate) fn write_raw(path: &Path, text: &[u8], mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn text(ring: &KeyRing) -> Vec<u8> {
    saddlebag_keys::document::to_json(ring).to_vec()
}

/// A document as somebody edits it who knows the format: its digest is right again.
pub(crate) fn redigested(mut document: serde_json::Value) -> Vec<u8> {
    use base64::Engine;
    document.as_object_mut().unwrap().remove("digest");
    let canonical = serde_json_canonicalizer::to_vec(&document).unwrap();
    let digest = Sha256::digest(canonical);
    document["digest"] = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(digest).into();
    serde_json::to_vec(&document).unwrap()
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub(crate) fn temporaries(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| name.contains(".tmp-"));
    names
}

/// Waits for what must come. The time is no promise, it only ends a test that would hang.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < HANGS, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs what must not hang.
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = send.send(run());
    });
    receive.recv_timeout(HANGS).unwrap_or_else(|_| panic!("{what} hangs"))
}

/// A clock that stands still until it is set.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicU64>);

impl SetClock {
    pub(crate) fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A store without a folder that counts how often it is read, and can lose its ring for a while.
#[derive(Clone, Default)]
pub(crate) struct CountingStore(Arc<Counting>);

#[derive(Default)]
struct Counting {
    ring: MemoryStore,
    nothing: MemoryStore,
    gone: AtomicBool,
    loads: AtomicU64,
}

impl CountingStore {
    pub(crate) fn holding(ring: &KeyRing) -> Self {
        let store = Self::default();
        store.put(ring);
        store
    }

    /// Holds `ring` from now on, older or not.
    pub(crate) fn put(&self, ring: &KeyRing) {
        let found = self.0.ring.load().ok().map(|found| found.generation());
        self.0.ring.save(ring, found).unwrap();
    }

    pub(crate) fn lose(&self, gone: bool) {
        self.0.gone.store(gone, Ordering::SeqCst);
    }

    pub(crate) fn loads(&self) -> u64 {
        self.0.loads.load(Ordering::SeqCst)
    }

    /// Waits for a read that started after this call.
    pub(crate) fn wait_for_load(&self) {
        let before = self.loads();
        wait_until("the store is read twice", || self.loads() >= before + 2);
    }

    /// Whether somebody but the test holds this store: a watch does until its thread has ended.
    pub(crate) fn is_watched(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Store for CountingStore {
    fn load(&self) -> Result<KeyRing, StoreError> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        if self.0.gone.load(Ordering::SeqCst) { self.0.nothing.load() } else { self.0.ring.load() }
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        self.0.ring.save(ring, expected)
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}

/// The file store without its notices.
pub(crate) struct Polled(pub(crate) FileStore);

impl Store for Polled {
    fn load(&self) -> Result<KeyRing, StoreError> {
        self.0.load()
    }

    fn save(&self, ring: &KeyRing, expected: Option<u64>) -> Result<(), StoreError> {
        self.0.save(ring, expected)
    }

    fn location(&self) -> String {
        self.0.location()
    }
}

/// Where this process is one that a test started to play a part of itself: the folder it was given.
pub(crate) fn part() -> Option<PathBuf> {
    std::env::var_os(PART).map(PathBuf::from)
}

/// The command that runs the test `name` again, in its part, on `folder`. `before` goes first: `strace`
/// and its options, say.
pub(crate) fn again<S: AsRef<str>>(before: &[S], name: &str, folder: &Path) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut words: Vec<String> = before.iter().map(|word| word.as_ref().to_owned()).collect();
    words.push(this.to_str().unwrap().to_owned());
    let mut command = Command::new(&words[0]);
    // One thread: the part's calls come in one order.
    command.args(&words[1..]).args([name, "--exact", "--nocapture", "--test-threads=1"]);
    // Cargo's folders, of which every dependency with native code adds one: the loader would look into each,
    // and its calls would be counted among ours.
    command.env_remove("LD_LIBRARY_PATH");
    command.env(PART, folder);
    command
}

/// Runs a part to its end, which must be a good one.
pub(crate) fn must_pass(command: &mut Command) -> Output {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that fits no test would pass, too.
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    command.output().unwrap_or_else(|error| {
        panic!(
            "{program}: {error}; these tests need it: apt-get install -y strace util-linux mount"
        )
    })
}

/// Users and mounts are root's to change. No skipping: a run that proves nothing must not look green.
pub(crate) fn needs_root() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test changes owners or mounts: run it as root, in a container, say"
    );
}

/// Runs the test `name` in its part, in a mount namespace of its own where `script` has run; `$1` of
/// the script is `folder`.
pub(crate) fn mounted(script: &str, name: &str, folder: &Path) -> Output {
    needs_root();
    let script = format!("set -e; {script}; shift; exec \"$@\"");
    let folder_word = folder.to_str().unwrap();
    let before = ["unshare", "--mount", "sh", "-c", &script, "sh", folder_word];
    must_pass(&mut again(&before, name, folder))
}

/// A copy of this program that another user may run too, and a folder for that user.
pub(crate) fn as_user(uid: u32, name: &str, folder: &Path) -> Command {
    use std::os::unix::process::CommandExt;

    needs_root();
    let program = folder.join("program");
    if !program.exists() {
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    }
    for open in [folder, &program] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(PART, folder).uid(uid).gid(uid);
    command
}

/// Marks a place in a trace: a look at a path that is not there.
pub(crate) fn mark(name: &str) {
    let _ = fs::symlink_metadata(format!("/saddlebag-mark-{name}"));
}

/// One call of a traced program.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) line: String,
    /// The how-manieth of its name in its thread, from 1: strace's `when`.
    pub(crate) nth: usize,
    /// As many of its name does another thread make.
    elsewhere: usize,
}

/// The calls that a fault can be aimed at without hitting another thread.
pub(crate) fn faultable(calls: Vec<Call>) -> Vec<Call> {
    for call in &calls {
        assert!(call.elsewhere < call.nth, "{call:?} would be hit elsewhere: warm up longer");
    }
    calls
}

/// The calls of the test `name` in its part between the marks `begin` and `end`.
pub(crate) fn trace(name: &str, folder: &Path) -> Vec<Call> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let log_word = log.path().to_str().unwrap().to_owned();
    must_pass(&mut again(&["strace", "-f", "-s", "256", "-o", &log_word], name, folder));
    let log = fs::read_to_string(log.path()).unwrap();
    let mut counts = std::collections::HashMap::new();
    let mut calls = Vec::new();
    let mut inside = false;
    let mut here = String::new();
    for line in log.lines() {
        let Some((thread, line)) = line.split_once(' ') else {
            continue;
        };
        let line = line.trim_start();
        let Some((call, _)) = line.split_once('(') else {
            continue;
        };
        let nth = counts.entry((thread.to_owned(), call.to_owned())).or_insert(0);
        *nth += 1;
        if line.contains("/saddlebag-mark-") {
            inside = line.contains("/saddlebag-mark-begin");
            here = thread.to_owned();
        } else if inside {
            calls.push(Call {
                name: call.to_owned(),
                line: line.to_owned(),
                nth: *nth,
                elsewhere: 0,
            });
        }
    }
    assert!(!calls.is_empty(), "nothing was traced");
    for call in &mut calls {
        let elsewhere =
            counts.iter().filter(|((thread, name), _)| *thread != here && *name == call.name);
        call.elsewhere = elsewhere.map(|(_, count)| *count).max().unwrap_or(0);
    }
    calls
}

/// Runs the test `name` in its part with a fault in one call of it, as `strace -e inject=` takes it.
pub(crate) fn with_fault(call: &str, fault: &str, name: &str, folder: &Path) -> Output {
    let trace = format!("trace={call}");
    let inject = format!("inject={call}:{fault}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null"];
    let faulty = ["-e", &trace, "-e", &inject];
    run(&mut again(&[&strace[..], &faulty[..]].concat(), name, folder))
}

const PART: &str = "SADDLEBAG_TEST_PART";
const HANGS: Duration = Duration::from_secs(30);
