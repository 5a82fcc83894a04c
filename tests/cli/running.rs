//! A verb that goes on until it is told to end; ended with the test, whatever becomes of that.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::program::Place;

pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Running {
    pub(crate) fn start(place: &Place, args: &[&str]) -> Self {
        let mut child = place.command(args).spawn().unwrap();
        let lines = read(child.stdout.take().unwrap());
        let notes = read(child.stderr.take().unwrap());
        Self { child, lines, notes }
    }

    /// Waits for a line on standard output that holds `part`.
    pub(crate) fn line(&self, part: &str) -> String {
        find(&self.lines, part)
    }

    /// Waits for a line on standard error that holds `part`.
    pub(crate) fn note(&self, part: &str) -> String {
        find(&self.notes, part)
    }

    /// Ends it as systemd does; its exit code, and what it said since it was last listened to.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>, Vec<String>) {
        let pid = self.child.id().to_string();
        let told = std::process::Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(told.unwrap().success());
        let code = self.child.wait().unwrap().code();
        let rest = |lines: &Receiver<String>| lines.iter().collect();
        (code, rest(&self.lines), rest(&self.notes))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn find(lines: &Receiver<String>, part: &str) -> String {
    loop {
        match lines.recv_timeout(Duration::from_secs(60)) {
            Ok(line) if line.contains(part) => return line,
            Ok(_) => {}
            Err(_) => panic!("no line with {part:?}"),
        }
    }
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("never: {what}");
}
