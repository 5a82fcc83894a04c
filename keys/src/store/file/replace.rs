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
    let lock = open_lock(&path, &folder.join(name)).map_err(|error| named(&path, &error))?;
    for _ in 0..LOCK_TRIES {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(named(&path, &error)),
        }
    }
    let reason = "another writer has held the lock for 10 s";
    let error = io::Error::new(io::ErrorKind::TimedOut, reason);
    Err(named(&path, &error))
}

/// Opens the lock, or makes it for whoever owns the ring: a rotation run by root must not lock out the
/// service that owns it. Only a lock made here is given away: another may be a link to anything.
fn open_lock(path: &Path, ring: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600).custom_flags(careful());
    match options.clone().create_new(true).open(path) {
        Ok(lock) => {
            if let Ok(ring) = fs::symlink_metadata(ring)
                && ring.uid() != lock.metadata()?.uid()
            {
                // Root alone can, and anybody else needs no more than the lock itself.
                let _ = std::os::unix::fs::fchown(&lock, Some(ring.uid()), Some(ring.gid()));
            }
            Ok(lock)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// Writes `text` beside the file and renames it there; the caller holds the lock. With `only_new`, a
/// file that exists is an error of the kind `AlreadyExists`.
pub(super) fn replace(folder: &Path, name: &Path, text: &[u8], only_new: bool) -> io::Result<()> {
    remove_leftovers(folder, name);
    let mut number = [0; 8];
    SysRng.try_fill_bytes(&mut number).map_err(io::Error::other)?;
    let unique = u64::from_le_bytes(number);
    let temporary = Temporary(folder.join(format!("{}{unique:016x}", temporary_prefix(name))));
    let target = folder.join(name);

    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.custom_flags(careful()).open(&temporary.0)?;
    file.write_all(text)?;
    if let Ok(previous) = fs::symlink_metadata(&target) {
        keep_owner(&file, &previous)?;
    }
    file.sync_all()?;
    if only_new {
        publish_new(&temporary.0, &target)?;
    } else {
        fs::rename(&temporary.0, &target)?;
    }
    sync(folder)
}

/// Unlike a rename, neither way replaces what somebody without our lock has put there.
fn publish_new(temporary: &Path, target: &Path) -> io::Result<()> {
    use io::ErrorKind::{PermissionDenied, Unsupported};

    match fs::hard_link(temporary, target) {
        // A file system without links (FAT, some network and FUSE ones).
        #[cfg(target_os = "linux")]
        Err(error) if matches!(error.kind(), PermissionDenied | Unsupported) => {
            use rustix::fs::{CWD, RenameFlags};
            use rustix::io::Errno;

            rustix::fs::renameat_with(CWD, temporary, CWD, target, RenameFlags::NOREPLACE).map_err(
                |again| match again {
                    Errno::EXIST => again.into(),
                    _ => error,
                },
            )
        }
        done => done,
    }
}

/// Makes the new name last. The new ring is there already, and an error has to say so.
fn sync(folder: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, Unsupported};

    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Not every file system syncs a folder, and one that cannot has nothing to lose by it.
        Err(error) if matches!(error.kind(), InvalidInput | Unsupported) => Ok(()),
        Err(error) => {
            let reason = format!(
                "the new ring is in place, but a power cut may bring the old one back: {}: {error}",
                folder.display()
            );
            Err(io::Error::new(error.kind(), reason))
        }
        Ok(()) => Ok(()),
    }
}

/// A rotation run by root must leave the file readable to the service that owns it.
fn keep_owner(file: &File, previous: &fs::Metadata) -> io::Result<()> {
    let written = file.metadata()?;
    if (written.uid(), written.gid()) != (previous.uid(), previous.gid()) {
        let (uid, gid) = (previous.uid(), previous.gid());
        std::os::unix::fs::fchown(file, Some(uid), Some(gid)).map_err(|error| {
            let reason = format!("it cannot be given to its owner, {uid}:{gid}: {error}");
            io::Error::new(error.kind(), reason)
        })?;
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

/// Follows no link, and waits for no reader of a FIFO.
fn careful() -> i32 {
    use rustix::fs::OFlags;

    // Bits of open(2) are few and small.
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or(0)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
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
