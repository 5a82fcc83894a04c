//! What this process leaves behind for others: no core, no memory for a debugger of the same user, and no
//! message of a panic that could quote a secret.

use std::io::{self, Write};
use std::panic::PanicHookInfo;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Closes this process's memory to core files and to other processes of its user. Root still gets in.
pub(super) fn close_memory() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A core that is piped to a program is made whatever the limit; this is heeded there, too.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    Ok(())
}

/// Tells of panics where they happened, and what only where that was written before anything was read.
pub(super) fn tell_panics_by_their_place() {
    std::panic::set_hook(Box::new(|panic| {
        let (place, what) = told(panic);
        if tracing::dispatcher::has_been_set() {
            tracing::error!(place, "a bug: {what}");
        } else {
            // Nobody is left to tell where even this fails.
            let _ = writeln!(io::stderr().lock(), "error: a bug at {place}: {what}");
        }
    }));
}

fn told<'a>(panic: &'a PanicHookInfo<'_>) -> (String, &'a str) {
    let place = panic.location().map_or_else(|| "a place unknown".to_owned(), ToString::to_string);
    // Texts that were put together have values in them: a slice of a token, the `Debug` of who knows what.
    let written = panic.payload().downcast_ref::<&'static str>().copied();
    (place, written.unwrap_or("its message is not shown, since it may quote what was read"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// T64: the message of a panic quotes what it was given.
    #[test]
    #[allow(clippy::string_slice, clippy::panic, clippy::unwrap_used)]
    fn a_panic_is_told_by_its_place_and_quotes_nothing() {
        static TOLD: Mutex<Vec<(std::thread::ThreadId, String, String)>> = Mutex::new(Vec::new());
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let (place, what) = told(panic);
            let thread = std::thread::current().id();
            TOLD.lock().unwrap().push((thread, place, what.to_owned()));
            // Other tests may fail meanwhile, and want to be read.
            if thread != TOLD.lock().unwrap()[0].0 {
                usual(panic);
            }
        }));
        let token = "sb1eécanary".to_owned();
        let thread = std::thread::spawn(move || {
            let quoting: [fn(&str); 3] = [
                |token| drop(token[..5].to_owned()),
                |token| assert_eq!(token.parse::<u8>().map_err(|_| token).unwrap(), 0),
                |token| panic!("no token: {token}"),
            ];
            for panicking in quoting {
                let panicked = std::panic::catch_unwind(|| panicking(&token)).unwrap_err();
                let message = panicked.downcast_ref::<String>().unwrap();
                assert!(message.contains("canary"), "the message itself quotes: {message}");
            }
            let plain = std::panic::catch_unwind(|| panic!("written before"));
            assert!(plain.is_err());
            std::thread::current().id()
        });
        let thread = thread.join().unwrap();
        let told = TOLD.lock().unwrap();
        let told: Vec<_> = told.iter().filter(|(id, ..)| *id == thread).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        for (_, place, what) in &told {
            assert!(place.contains("src/cli/closed.rs:"), "{place}");
            assert!(!what.contains("canary") && !what.contains("sb1e"), "{what}");
        }
        assert_eq!(told[3].2, "written before");
    }
}
