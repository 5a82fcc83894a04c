//! What verbs read besides the ring: a token or a state, from a file or standard input and never from
//! an argument.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::console::Console;
use super::failure::Failure;

/// The token on standard input, without the one line feed that ends it.
pub(super) fn token(console: &mut Console) -> Result<String, Failure> {
    let input = console.read_input("the token", LONGEST_TOKEN)?;
    let input = input.strip_suffix(b"\n").unwrap_or(&input);
    if input.is_empty() {
        return Err(Failure::usage(
            "there is no token on standard input",
            "send it there: saddlebag token verify < FILE",
        ));
    }
    // Not UTF-8 is not a token either; which byte it was is told by whoever looks at it.
    Ok(String::from_utf8_lossy(input).into_owned())
}

/// A JSON state from a file, or from standard input where it is called `-`.
pub(super) fn state(console: &mut Console, file: &Path) -> Result<Vec<u8>, Failure> {
    let input = read(console, file, "the state", "--state", LONGEST_STATE)?;
    if input.len() > LONGEST_STATE {
        return Err(Failure::usage(
            format!("the state has more than {LONGEST_STATE} bytes"),
            "keep less in it: an id instead of what it names",
        ));
    }
    Ok(input)
}

/// A sample of JSON states from a file, or from standard input where it is called `-`.
pub(super) fn sample(console: &mut Console, file: &Path) -> Result<Vec<u8>, Failure> {
    let input = read(console, file, "the sample", "FILE", LONGEST_SAMPLE)?;
    if input.len() > LONGEST_SAMPLE {
        return Err(Failure::usage(
            format!("the sample has more than {LONGEST_SAMPLE} bytes"),
            "give fewer states: some thousands, drawn at random, tell as much",
        ));
    }
    Ok(input)
}

/// The text of a file that a flag names.
pub(super) fn text_of_file(file: &Path, flag: &str) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        let error = format!("{flag} {}: {error}", file.display());
        Failure::usage(error, "give a text file that this user can read")
    })
}

/// A file, or standard input; at most `limit` bytes and the one more that tells it is too long.
fn read(
    console: &mut Console,
    file: &Path,
    what: &str,
    argument: &str,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    if file.as_os_str() == "-" {
        return console.read_input(what, limit);
    }
    let name = file.to_string_lossy();
    // Somebody took the argument for the state itself: it is not to be repeated.
    let shown = match name.trim_start().starts_with(['{', '[', '"']) {
        true => format!("{argument} takes a file, not the state itself"),
        false => format!("{argument} {name}"),
    };
    let help = "give a file that holds JSON, or - for standard input";
    let mut input = Vec::new();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = File::open(file).and_then(|file| file.take(limit).read_to_end(&mut input));
    match read {
        Ok(_) => Ok(input),
        Err(error) => Err(Failure::usage(format!("{shown}: {error}"), help)),
    }
}

/// The most that any verifier looks at (format, section 1), and the line feed.
const LONGEST_TOKEN: usize = 65_537;
/// Far above what fits a token, so that the answer names what weighs.
const LONGEST_STATE: usize = 1 << 20;
/// Some ten thousand states.
const LONGEST_SAMPLE: usize = 1 << 24;
