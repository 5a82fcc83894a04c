//! A program that runs beside a test, and never longer than it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running program. Dropped, it is killed and waited for.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in `folder`, its home, with `variables` and a path for its whole environment. What it
    /// prints goes to `NAME.log` there.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &Path,
        name: &str,
        folder: &Path,
        arguments: &[A],
        variables: &[(&str, &str)],
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).unwrap();
        // Dies with us, also where we are killed and drop nothing.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).args(arguments).current_dir(folder);
        command.env_clear().env("HOME", folder).envs(variables.iter().copied());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let child = spawn(command)
            .unwrap_or_else(|error| panic!("setpriv: {error}: run tests/peers/install"));
        Self { name: name.to_owned(), child, log }
    }

    /// Waits until the program does what it was started for.
    ///
    /// # Panics
    /// Where it ends before that, or takes a minute: with the end of its log.
    pub(crate) fn wait_until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < HANGS,
                "{}: {} before {what}; the end of its log:\n{}",
                self.name,
                ended.map_or_else(|| "waited in vain".to_owned(), |status| status.to_string()),
                self.end_of_log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let start = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < HANGS, "{} does not end: {}", self.name, self.end_of_log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets it stand still (SIGSTOP): its connections stay open, and nothing answers. Waits until each of its
    /// threads does.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let threads = format!("/proc/{}/task", self.child.id());
        eventually("it stands still", || {
            let threads = fs::read_dir(&threads).unwrap();
            threads.map(|thread| thread.unwrap().path().join("status")).all(|status| {
                fs::read_to_string(status).is_ok_and(|status| status.contains("State:\tT"))
            })
        });
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        let id = Pid::from_raw(id).unwrap();
        kill_process(id, signal).unwrap();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The program of a peer: named by `variable`, or one of `names` on the path, or what `tests/peers/install`
/// built of the peer's module, whose `go.mod` this is.
pub(crate) fn program(
    variable: &str,
    names: &[&str],
    (peer, go_mod, module): (&str, &str, &str),
) -> PathBuf {
    if let Some(named) = std::env::var_os(variable) {
        let named = PathBuf::from(named);
        assert!(named.is_file(), "{variable} is {}, which is no file", named.display());
        return named;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let on_path = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let version = go_mod.lines().find_map(|line| {
        let (found, rest) = line.trim().split_once(" v")?;
        (found == module).then(|| rest.split(' ').next().unwrap())
    });
    let built = format!("saddlebag-tests/{peer}-{}/{}", version.unwrap(), names[0]);
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let built = cache.or_else(home).map(|cache| cache.join(built));
    on_path
        .chain(built)
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{} is missing: run tests/peers/install", names[0]))
}

/// Waits for what must come. The time is no promise, it only ends a test that would hang.
pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < HANGS, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Starts a child from a thread that lives as long as this process. The kernel sends the signal of a parent's
/// death when the *thread* that started the child ends, and a test is a thread: what several tests share would
/// die with the first of them.
fn spawn(command: Command) -> io::Result<Child> {
    type Request = (Command, Sender<io::Result<Child>>);
    static PARENT: LazyLock<Sender<Request>> = LazyLock::new(|| {
        let (send, receive) = channel::<Request>();
        std::thread::spawn(move || {
            for (mut command, answer) in receive {
                let _ = answer.send(command.spawn());
            }
        });
        send
    });
    let (send, receive) = channel();
    PARENT.send((command, send)).unwrap();
    receive.recv().unwrap()
}

const HANGS: Duration = Duration::from_secs(60);
