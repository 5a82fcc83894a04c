//! A file that holds a secret: closed to everybody else from its first byte, and replaced whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::failure::Failure;

/// Writes `text` to `file` with mode 0600, by a rename within its folder.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    write(file, text).map_err(|error| {
        Failure::unavailable(
            format!("--out {}: {error}", file.display()),
            "nothing was written; this user must be able to make files in that folder",
        )
    })
}

fn write(file: &Path, text: &str) -> io::Result<()> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidInput, reason);
    if file.file_name().is_none() {
        return Err(invalid("it does not name a file"));
    }
    if fs::symlink_metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(invalid("it is not a regular file"));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Of mode 0600 from its first moment, and gone unless it gets its name.
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(text.as_bytes())?;
    written.as_file().sync_all()?;
    written.persist(file)?;
    File::open(folder)?.sync_all()
}
