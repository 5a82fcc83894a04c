//! A file that holds a secret: closed to everybody else from its first byte, and replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::token::format;
use crate::token::random::draw;

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
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "it does not name a file");
    let name = file.file_name().ok_or_else(no_name)?;
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if fs::symlink_metadata(file).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let unique: [u8; 12] = draw().map_err(io::Error::other)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".tmp-{}", format::encode(&unique)));
    let temporary = Temporary(folder.join(hidden));
    let mut options = OpenOptions::new();
    let mut written = options.write(true).create_new(true).mode(0o600).open(&temporary.0)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&temporary.0, file)?;
    File::open(folder)?.sync_all()
}

/// A name that is gone when its owner is, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
