//! Reading a file that holds secrets: which ones are safe to trust, decided on the open file itself.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use zeroize::Zeroizing;

use crate::document::MAX_LEN;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Failed {
    /// It must not be.
    Unsafe(String),
    /// It could not be.
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads `name` in `folder`, at most [`MAX_LEN`] bytes and the one more that tells it is too long.
pub(super) fn read(
    folder: &Path,
    name: &Path,
    group_may_read: bool,
) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let mut file = open(folder, name)?;
    // On the open file: what is checked is what is read, whatever happens to its name meanwhile.
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(Failed::Unsafe("it is not a regular file".to_owned()));
    }
    if facts.len() > MAX_LEN as u64 {
        let reason = format!("it has {} bytes, more than the {MAX_LEN} of a ring", facts.len());
        return Err(Failed::Unsafe(reason));
    }
    check_owner(facts.uid(), facts.mode(), group_may_read).map_err(Failed::Unsafe)?;
    // Room for all of it at once: a buffer that grows leaves copies of secrets behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN.saturating_add(64)));
    let limit = (MAX_LEN as u64).saturating_add(1);
    Read::by_ref(&mut file).take(limit).read_to_end(&mut text)?;
    Ok(text)
}

/// Who may have written the file, and who may read it.
fn check_owner(owner: u32, mode: u32, group_may_read: bool) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    let access = mode & 0o777;
    if owner != ROOT && owner != me {
        return Err(format!("it belongs to user {owner}, neither to root nor to user {me}"));
    }
    if access & 0o007 != 0 {
        return Err(format!("mode {access:03o} gives others access: chmod o-rwx"));
    }
    if access & 0o020 != 0 {
        return Err(format!("mode {access:03o} lets the group write: chmod g-w"));
    }
    if access & 0o040 != 0 && owner != ROOT && !group_may_read {
        return Err(format!(
            "mode {access:03o} lets the group read: chmod g-r, or say --allow-group-read"
        ));
    }
    Ok(())
}

/// Opens without waiting (a FIFO would), and without leaving the folder through a symbolic link.
#[cfg(target_os = "linux")]
fn open(folder: &Path, name: &Path) -> Result<File, Failed> {
    use rustix::fs::ResolveFlags;
    use rustix::io::Errno;

    let folder = rustix::fs::openat(
        CWD,
        folder,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(io::Error::from)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..LOOK_UPS {
        return match rustix::fs::openat2(&folder, name, READ, Mode::empty(), resolve) {
            Ok(file) => Ok(file.into()),
            // A rename raced with the look-up, or somebody holds a lease: ask again.
            Err(Errno::AGAIN) => {
                std::thread::sleep(LOOK_UP_PAUSE);
                continue;
            }
            Err(Errno::XDEV) => Err(leaves_folder()),
            Err(Errno::LOOP) => {
                Err(Failed::Unsafe("its symbolic links go round in a circle".to_owned()))
            }
            // A FIFO without a writer, a socket.
            Err(Errno::NXIO) => Err(Failed::Unsafe("it is not a regular file".to_owned())),
            // A kernel before 5.6, or a sandbox that does not know the call, or forbids what it does
            // not know (Docker before 20.10).
            Err(Errno::NOSYS | Errno::PERM) => return open_resolved(&folder_path(&folder)?, name),
            Err(error) => Err(Failed::Io(error.into())),
        };
    }
    Err(Failed::Io(Errno::AGAIN.into()))
}

#[cfg(target_os = "linux")]
fn folder_path(folder: &impl std::os::fd::AsRawFd) -> io::Result<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}

#[cfg(not(target_os = "linux"))]
fn open(folder: &Path, name: &Path) -> Result<File, Failed> {
    open_resolved(folder, name)
}

/// The same in two steps where the kernel has no single one: resolve, compare, open without following.
fn open_resolved(folder: &Path, name: &Path) -> Result<File, Failed> {
    let folder = folder.canonicalize()?;
    let target = folder.join(name).canonicalize()?;
    if !target.starts_with(&folder) {
        return Err(leaves_folder());
    }
    let file = rustix::fs::openat(CWD, &target, READ | OFlags::NOFOLLOW, Mode::empty());
    Ok(file.map_err(io::Error::from)?.into())
}

fn leaves_folder() -> Failed {
    Failed::Unsafe("it is a symbolic link out of its folder".to_owned())
}

const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);
const ROOT: u32 = 0;
#[cfg(target_os = "linux")]
const LOOK_UPS: u32 = 1_000;
#[cfg(target_os = "linux")]
const LOOK_UP_PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_and_mode_decide_who_may_have_written_it() {
        let me = rustix::process::geteuid().as_raw();
        let other = me + 4_242;
        for (owner, mode, allowed, taken) in [
            (me, 0o100_600, false, true),
            (me, 0o100_400, false, true),
            (me, 0o100_604, false, false),
            (me, 0o100_602, true, false),
            (me, 0o100_620, true, false),
            (me, 0o100_640, false, me == ROOT),
            (me, 0o100_640, true, true),
            (ROOT, 0o100_640, false, true),
            (ROOT, 0o100_644, true, false),
            (other, 0o100_600, true, false),
        ] {
            assert_eq!(check_owner(owner, mode, allowed).is_ok(), taken, "{owner} {mode:o}");
        }
    }

    #[test]
    fn the_two_step_way_follows_the_same_rules() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("inside");
        std::fs::create_dir_all(inside.join("..v1")).unwrap();
        std::fs::write(inside.join("..v1/ring.json"), "x").unwrap();
        std::os::unix::fs::symlink("..v1", inside.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/ring.json", inside.join("ring.json")).unwrap();
        std::fs::write(dir.path().join("outside"), "x").unwrap();
        std::os::unix::fs::symlink("../outside", inside.join("escape")).unwrap();
        for open in [open, open_resolved] {
            assert!(open(&inside, Path::new("ring.json")).is_ok());
            let escaped = open(&inside, Path::new("escape"));
            assert!(matches!(escaped, Err(Failed::Unsafe(_))), "{escaped:?}");
        }
    }
}
