//! Verbs that go on until they are told to end, by SIGTERM or SIGINT; and how long they wait between looks.

use std::future::Future;
use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::End;
use super::failure::{Exit, Failure};

/// Runs `work`, which goes on by itself, until somebody ends it: that is a good end.
pub(super) fn until_told(work: impl Future<Output = End>) -> End {
    let runtime = runtime()?;
    let end = runtime.block_on(async {
        let told = told()?;
        tokio::select! {
            end = work => end,
            () = told => Ok(Exit::Done),
        }
    });
    // Whoever still looks at files on a disk that hangs is not waited for: a save is whole or none.
    runtime.shutdown_background();
    end
}

/// What a verb waits with.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| {
        Failure::unavailable(
            format!("no threads to wait with: {error}"),
            "this user's limits on processes and memory must allow a few",
        )
    })
}

/// Resolves at the first SIGTERM or SIGINT.
pub(super) fn told() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| {
        signal(kind).map_err(|error| {
            Failure::refused(format!("signals cannot be taken: {error}"), "start it again")
        })
    };
    let (mut terminate, mut interrupt) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// How long to wait after the n-th failure in a row, from 1: twice as long each time, a minute at most, and
/// less by up to a half, so that many do not come back together.
pub(super) fn backoff(failures: u32) -> Duration {
    let longest = Duration::from_secs(1)
        .saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)))
        .min(Duration::from_secs(60));
    longest.saturating_sub(up_to(longest.checked_div(2).unwrap_or(longest)))
}

/// A random duration, in whole milliseconds.
pub(super) fn up_to(longest: Duration) -> Duration {
    let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    // Without random numbers they come together, which is no fault.
    let random = SysRng.try_next_u64().unwrap_or(0);
    Duration::from_millis(random.checked_rem(longest.saturating_add(1)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_again_waits_longer_and_a_minute_at_most() {
        let mut all = (1..100).chain([u32::MAX]).map(|failures| (failures, backoff(failures)));
        for (failures, longest) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (50, 60)] {
            let (_, pause) = all.find(|(n, _)| *n == failures).unwrap();
            let longest = Duration::from_secs(longest);
            assert!(longest / 2 <= pause && pause <= longest, "{failures}: {pause:?}");
        }
        assert!(all.all(|(_, pause)| pause >= Duration::from_secs(30)));
    }
}
