//! T63: what of this process's memory is left for others: no core, and nothing for a debugger of its user.
//!
//! Root reads any process's memory, so the tests make another user of themselves, which takes root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::support::{Ring, Server, eventually, saddlebag};

/// Somebody without rights.
const NOBODY: u32 = 65_534;

/// Runs a command where a core may be as large as it likes, in this folder.
fn with_cores(command: &mut Command, folder: &Path) {
    let mut allowing = Command::new("sh");
    allowing.args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"]);
    allowing.arg(command.get_program()).args(command.get_args());
    allowing.env_remove("SADDLEBAG_RING").current_dir(folder);
    *command = allowing;
}

fn cores(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("core")).collect()
}

fn limit_of_cores(process: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_whitespace().skip(4).take(2).collect::<Vec<_>>().join(" ")
}

/// Crashes a process, again where its own handler let it live.
fn crash(child: &mut Child) -> ExitStatus {
    let mut ended = None;
    eventually("it crashes", || {
        let id = child.id().to_string();
        let _ = Command::new("kill").args(["-s", "SEGV", &id]).stderr(Stdio::null()).status();
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    ended.unwrap()
}

/// T63.
#[test]
fn a_crash_leaves_no_core() {
    let folder = tempfile::tempdir().unwrap();
    let mut plain = Command::new("sleep");
    plain.arg("600");
    with_cores(&mut plain, folder.path());
    let mut plain = plain.stdin(Stdio::null()).spawn().unwrap();
    eventually("it may leave one", || limit_of_cores(plain.id()) == "unlimited unlimited");
    let ended = crash(&mut plain);
    assert_eq!(ended.signal(), Some(11));
    assert!(ended.core_dumped(), "here others leave cores, or this test shows nothing");
    for name in cores(folder.path()) {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }

    let ring = Ring::new();
    let mut server = Server::start(&["--ring", &ring.place()], |command| {
        with_cores(command, folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    })
    .ready();
    assert_eq!(limit_of_cores(server.process()), "0 0");
    let ended = crash(&mut server.take());
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(11), false));

    let mut verb = saddlebag();
    verb.args(["token", "verify", "--ring", &ring.place()]);
    with_cores(&mut verb, folder.path());
    let mut verb = verb.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    eventually("it reads", || limit_of_cores(verb.id()) == "0 0");
    let ended = crash(&mut verb);
    assert_eq!((ended.signal(), ended.core_dumped()), (Some(11), false));
    assert_eq!(cores(folder.path()), Vec::<String>::new());
}

/// Dumps a process's memory as another process of this user; what came of it.
fn gcore(process: u32, folder: &Path) -> (bool, String) {
    let mut gcore = Command::new("gcore");
    gcore.arg("-o").arg(folder.join("dump")).arg(process.to_string());
    let output = gcore.uid(NOBODY).gid(NOBODY).current_dir(folder).output().unwrap();
    let dumped = folder.join(format!("dump.{process}")).exists();
    let told = [output.stdout, output.stderr].concat();
    (dumped, String::from_utf8_lossy(&told).into_owned())
}

fn environment(process: u32) -> bool {
    let mut cat = Command::new("cat");
    cat.arg(format!("/proc/{process}/environ")).stdout(Stdio::null()).stderr(Stdio::null());
    cat.uid(NOBODY).gid(NOBODY).status().unwrap().success()
}

/// T63.
#[test]
fn another_process_of_the_same_user_does_not_get_at_its_memory() {
    let ring = Ring::new();
    let own = std::fs::metadata(ring.path()).unwrap().uid();
    assert_eq!(own, 0, "only root becomes another user: run it as root, in a container, say");
    let folder = ring.folder.path();
    // The program may be built where this user cannot go.
    let program = folder.join("saddlebag");
    std::fs::copy(env!("CARGO_BIN_EXE_saddlebag"), &program).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    for path in [folder.to_owned(), ring.path()] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }

    let mut plain = Command::new("sleep");
    let mut plain = plain.arg("600").uid(NOBODY).gid(NOBODY).spawn().unwrap();
    let (dumped, told) = gcore(plain.id(), folder);
    let readable = environment(plain.id());
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert!(dumped && readable, "here users dump their processes, or this shows nothing: {told}");

    let server = Server::start(&["--ring", &ring.place()], |command| {
        let mut other = Command::new(&program);
        other.args(command.get_args()).env_remove("SADDLEBAG_RING").current_dir(folder);
        other.uid(NOBODY).gid(NOBODY).stdin(Stdio::null());
        *command = other;
        command.stdout(Stdio::piped()).stderr(Stdio::null());
    })
    .ready();
    let (dumped, told) = gcore(server.process(), folder);
    assert!(!dumped, "{told}");
    assert!(told.contains("not permitted"), "{told}");
    assert!(!environment(server.process()), "what is in its environment is closed, too");
    // It still counts its own files, which it finds in /proc.
    let metrics = server.admin().get("/metrics").text;
    let files = metrics.lines().find(|line| line.starts_with("process_open_fds "));
    let files: f64 = files.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(files > 5.0, "{metrics}");
}
