//! How many connections each listener has room for: each is an open file, and those of a process are counted. Pure but
//! for what is asked of the system, so that the division can be read and tested by itself.

use std::io::stdin;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::limits;

/// Files that the system's table is made for at once, which is 1 MiB of it: who allows more has it grow.
const MOST_AT_ONCE: u64 = 1 << 17;

/// What wants files.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Wanted {
    /// Connections that each listener is to have.
    pub(in crate::service) connections: usize,
    /// Listeners that anybody may reach.
    pub(in crate::service) outer: u64,
    /// Listeners for operators and local programs, which have at most [`limits::INNER_CONNECTIONS`].
    pub(in crate::service) inner: u64,
    /// Connections to the service behind a sidecar.
    pub(in crate::service) upstream: usize,
}

/// Connections at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Room {
    /// Of each outer listener.
    pub(in crate::service) outer: usize,
    /// Of each inner one.
    pub(in crate::service) inner: usize,
}

impl Room {
    /// Room in all the files that this process may have, which it asks for: whoever connects, it keeps enough of
    /// them to read its ring.
    pub(in crate::service) fn of_this_process(wanted: Wanted) -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Refused where somebody forbids it; what then holds is asked for below.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let room = Self::in_files(files, wanted);
        grow_table(room.files(wanted).min(files));
        room
    }

    /// Files that are open where all of it is taken.
    fn files(self, wanted: Wanted) -> u64 {
        let all = |each, listeners: u64| {
            u64::try_from(each).unwrap_or(u64::MAX).saturating_mul(listeners)
        };
        all(self.outer, wanted.outer)
            .saturating_add(all(self.inner, wanted.inner))
            .saturating_add(all(wanted.upstream, 1))
            .saturating_add(limits::OTHER_FILES)
    }

    /// Room in so many files. Outer listeners share what the others leave, which is an equal share at least.
    fn in_files(files: u64, wanted: Wanted) -> Self {
        let files = files.saturating_sub(limits::OTHER_FILES);
        // Where files are few, connections to the service have half of them at most.
        let kept = u64::try_from(wanted.upstream).unwrap_or(u64::MAX).min(files / 2);
        let files = files.saturating_sub(kept);
        let equal = files.checked_div(wanted.outer.saturating_add(wanted.inner)).unwrap_or(files);
        let connections = u64::try_from(wanted.connections).unwrap_or(u64::MAX);
        let inner = connections.min(limits::INNER_CONNECTIONS).min(equal);
        let left = files.saturating_sub(inner.saturating_mul(wanted.inner));
        let outer = connections.min(left.checked_div(wanted.outer).unwrap_or(left));
        let told = |connections| usize::try_from(connections).unwrap_or(usize::MAX).max(1);
        Self { outer: told(outer), inner: told(inner) }
    }
}

/// Lets Linux make its table of this process's open files as large as it will have to be (8 bytes a file). It doubles a
/// table that is full, and each time `accept` waits until all processors have left the old one, 5 to 25 ms, and the
/// thread's other requests with it. A table never becomes smaller.
fn grow_table(files: u64) {
    let last = i32::try_from(files.min(MOST_AT_ONCE).saturating_sub(1)).unwrap_or(i32::MAX);
    // Where it is refused, the table grows when it has to.
    let _ = fcntl_dupfd_cloexec(stdin(), last);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDECAR: Wanted = Wanted { connections: 4_096, outer: 1, inner: 2, upstream: 1_024 };

    #[test]
    fn who_has_files_enough_has_what_is_wanted() {
        assert_eq!(Room::in_files(16_384, SIDECAR), Room { outer: 4_096, inner: 1_024 });
        let wanted = Wanted { connections: 100, ..SIDECAR };
        assert_eq!(Room::in_files(16_384, wanted), Room { outer: 100, inner: 100 });
    }

    /// T44: as many slow clients as a file limit of 20,000 is to bear.
    #[test]
    fn clients_have_what_others_leave() {
        let wanted = Wanted { connections: 100_000, ..SIDECAR };
        assert_eq!(Room::in_files(20_000, wanted), Room { outer: 16_672, inner: 1_024 });
        let wanted = Wanted { connections: 100_000, outer: 2, inner: 1, upstream: 0 };
        assert_eq!(Room::in_files(20_000, wanted), Room { outer: 9_360, inner: 1_024 });
    }

    #[test]
    fn where_files_are_few_all_have_an_equal_share() {
        assert_eq!(Room::in_files(1_024, SIDECAR), Room { outer: 128, inner: 128 });
        assert_eq!(Room::in_files(100, SIDECAR), Room { outer: 1, inner: 1 });
    }

    /// T44: thousands of clients had let others wait, each time that the table was made anew.
    #[test]
    #[cfg(target_os = "linux")]
    fn clients_do_not_wait_for_a_larger_table_of_files() {
        let room = Room::of_this_process(SIDECAR);
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).unwrap();
        let may = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!(
            size.trim().parse::<u64>().unwrap() >= room.files(SIDECAR).min(may),
            "{size} {room:?}"
        );
    }

    #[test]
    fn all_files_are_clients_services_and_others() {
        assert_eq!(Room::in_files(16_384, SIDECAR).files(SIDECAR), 4_096 + 2 * 1_024 + 1_024 + 256);
        let wanted = Wanted { connections: 4_096, outer: 2, inner: 1, upstream: 0 };
        assert_eq!(Room::in_files(u64::MAX, wanted).files(wanted), 2 * 4_096 + 1_024 + 256);
    }

    #[test]
    fn no_division_takes_more_than_there_is() {
        for files in (0..40_000).step_by(97) {
            for connections in [1, 1_024, 4_096, 100_000] {
                for (outer, inner) in [(1, 1), (2, 1), (1, 2), (2, 2)] {
                    let Room { outer: each, inner: other } =
                        Room::in_files(files, Wanted { connections, outer, inner, ..SIDECAR });
                    let files = files.saturating_sub(limits::OTHER_FILES);
                    let upstream = (SIDECAR.upstream as u64).min(files / 2);
                    let taken = each as u64 * outer + other as u64 * inner + upstream;
                    assert!(taken <= files.max(outer + inner), "{files}");
                }
            }
        }
    }
}
