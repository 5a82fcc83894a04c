//! The only way in and out of a verb: standard input, an answer for standard output, notes for
//! standard error, and the clock.
//!
//! The answer is gathered and written once, at the end: a reader that has gone (`| head`) then changes
//! neither what was done nor the exit code.

use std::fmt::Display;
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::process::ExitCode;

use saddlebag_keys::UnixTime;
use serde::Serialize;

use super::End;
use super::failure::{Exit, Failure};
use super::shown::Shown;

/// What a verb reads from and writes to.
pub(super) struct Console {
    answer: Vec<u8>,
    /// What is read and what was told, in place of this process's streams.
    #[cfg(fuzzing)]
    given: Option<(Vec<u8>, String)>,
}

impl Console {
    /// The console of this process.
    pub(super) fn of_process() -> Self {
        Self {
            answer: Vec::new(),
            #[cfg(fuzzing)]
            given: None,
        }
    }

    /// A console that reads `input`.
    #[cfg(fuzzing)]
    pub(super) fn given(input: &[u8]) -> Self {
        Self { answer: Vec::new(), given: Some((input.to_vec(), String::new())) }
    }

    /// Ends a console that was given its input: the exit code, the answer and what was told.
    #[cfg(fuzzing)]
    pub(super) fn taken(mut self, end: End) -> (u8, Vec<u8>, String) {
        let exit = end.unwrap_or_else(|failure| {
            self.tell(&failure);
            failure.exit()
        });
        let (_, told) = self.given.unwrap_or_default();
        (exit as u8, self.answer, told)
    }

    /// The machine's time.
    pub(super) fn now(&self) -> UnixTime {
        UnixTime::now()
    }

    /// Adds a line to the answer.
    pub(super) fn line(&mut self, line: impl Display) {
        // Memory takes everything.
        let _ = writeln!(self.answer, "{line}");
    }

    /// Adds a line of JSON to the answer.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.answer, value).map_err(|error| {
            Failure::bug(format!("the answer cannot be written as JSON: {error}"))
        })?;
        self.answer.push(b'\n');
        Ok(())
    }

    /// Adds bytes to the answer as they are.
    pub(super) fn raw(&mut self) -> &mut Vec<u8> {
        &mut self.answer
    }

    /// Writes what there is of the answer at once, for verbs that go on. Nobody who reads it is no reason
    /// to stop.
    pub(super) fn flush(&mut self) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(&self.answer).and_then(|()| stdout.flush());
        self.answer.clear();
    }

    /// Tells the person at the terminal something, at once. What cannot be told is no failure.
    pub(super) fn note(&mut self, line: impl Display) {
        #[cfg(fuzzing)]
        if let Some((_, told)) = &mut self.given {
            told.push_str(&format!("{}\n", Shown(&line.to_string())));
            return;
        }
        let _ = writeln!(io::stderr().lock(), "{}", Shown(&line.to_string()));
    }

    /// Asks the person at the terminal, and gives their line. `None` where nobody is there.
    pub(super) fn ask(&mut self, question: &str) -> Option<String> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let mut stderr = io::stderr().lock();
        write!(stderr, "{question} ").and_then(|()| stderr.flush()).ok()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Standard input to its end, at most `limit` bytes and the one more that tells it is too long.
    pub(super) fn read_input(&mut self, what: &str, limit: usize) -> Result<Vec<u8>, Failure> {
        #[cfg(fuzzing)]
        if let Some((input, _)) = &self.given {
            return Ok(input.iter().copied().take(limit.saturating_add(1)).collect());
        }
        if io::stdin().is_terminal() {
            self.note(format_args!("reading {what} from standard input; end it with Ctrl-D"));
        }
        // Room for all of it at once: a buffer that grows leaves copies of secrets behind.
        let mut input = Vec::with_capacity(limit.saturating_add(64));
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        io::stdin().lock().take(limit).read_to_end(&mut input).map_err(|error| {
            Failure::usage(
                format!("{what} cannot be read from standard input: {error}"),
                "send it through a pipe or from a file: `saddlebag … < FILE`",
            )
        })?;
        Ok(input)
    }

    /// Writes the answer and what there is to tell of a failure, and gives the code to end with.
    pub(super) fn close(mut self, end: End) -> ExitCode {
        let exit = match end {
            Ok(exit) => exit,
            Err(failure) => {
                self.tell(&failure);
                failure.exit()
            }
        };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&self.answer).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.tell(&Failure::unavailable(
                    format!("standard output cannot be written: {error}"),
                    "what was to be done is done, only its answer is lost: see `saddlebag keys show`",
                ));
                if exit == Exit::Done { Exit::Unavailable } else { exit }
            }
            _ => exit,
        }
        .into()
    }

    /// Tells of a failure, its error and its remedy.
    pub(super) fn tell(&mut self, failure: &Failure) {
        self.note(format_args!("error: {}", failure.error()));
        self.note(format_args!("help: {}", failure.help()));
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}
