//! Replacing a file that holds secrets: whole or not at all, and never readable by anybody else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;

/// Takes the advisory lock of writers; dropping the file lets go of it, and so does death.
pub(super) fn lock(folder: &Path, name: &Path) -> io::Result<File> {
    let path = folder.join(format!(".{}.lock", name.display()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.custom_flags(no_follow()).open(path)?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    let reason = "another writer has held its lock for 10 s";
    Err(io::Error::new(io::ErrorKind::TimedOut, reason))
}

/// Writes `text` beside the file and renames it there; the caller holds the lock. With `only_new`, a
/// file that exists is an error of the kind `AlreadyExists`.
pub(super) fn replace(folder: &Path, name: &Path, text: &[u8], only_new: bool) -> io::Result<()> {
    remove_leftovers(folder, name);
    let mut number = [0; 8];
    SysRng
        .try_fill_bytes(&mut number)
        .map_err(io::Error::other)?;
    let unique = u64::from_le_bytes(number);
    let temporary = Temporary(folder.join(format!("{}{unique:016x}", temporary_prefix(name))));
    let target = folder.join(name);

    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.custom_flags(no_follow()).open(&temporary.0)?;
    file.write_all(text)?;
    if let Ok(previous) = fs::metadata(&target) {
        keep_owner(&file, &previous)?;
    }
    file.sync_all()?;
    if only_new {
        // Unlike a rename, a link never replaces what somebody without our lock has put there.
        fs::hard_link(&temporary.0, &target)?;
    } else {
        fs::rename(&temporary.0, &target)?;
    }
    File::open(folder)?.sync_all()
}

/// A rotation run by root must leave the file readable to the service that owns it.
fn keep_owner(file: &File, previous: &fs::Metadata) -> io::Result<()> {
    let written = file.metadata()?;
    if (written.uid(), written.gid()) != (previous.uid(), previous.gid()) {
        std::os::unix::fs::fchown(file, Some(previous.uid()), Some(previous.gid()))?;
    }
    let mode = previous.mode() & 0o640;
    if mode != 0o600 {
        file.set_permissions(fs::Permissions::from_mode(mode | 0o600))?;
    }
    Ok(())
}

/// What a writer that was killed left behind. Under the lock nobody else is writing one.
fn remove_leftovers(folder: &Path, name: &Path) {
    let prefix = temporary_prefix(name);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            // Secrets of a generation that never was: nothing depends on their removal.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn temporary_prefix(name: &Path) -> String {
    format!(".{}.tmp-", name.display())
}

fn no_follow() -> i32 {
    // Bits of open(2) are few and small.
    i32::try_from((rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC).bits()).unwrap_or(0)
}

/// A name that is gone when its owner is, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const LOCK_TRIES: u32 = 1_000;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
