//! A wall clock for one process alone, by libfaketime; its other clock runs on, as it does in truth.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A clock that others set.
pub struct Clock(PathBuf);

impl Clock {
    /// A true one, kept in `folder`.
    pub fn new(folder: &Path) -> Self {
        let clock = Self(folder.join("clock"));
        clock.set(0);
        clock
    }

    /// Sets it so many seconds ahead of the true one.
    pub fn set(&self, ahead: i64) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, format!("{ahead:+}\n")).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }

    /// Makes it the clock of a process.
    pub fn of(&self, command: &mut Command) {
        let libraries = std::fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
        let mut libraries = libraries.map(|path| path.join("faketime/libfaketimeMT.so.1"));
        let library =
            libraries.find(|path| path.exists()).expect("faketime: see tests/peers/install");
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.0);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command.env("DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
    }
}
