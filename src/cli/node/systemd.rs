//! What systemd is told: ready, alive, ending (sd_notify(3)). Elsewhere, nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The node serves.
pub(in crate::cli) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// The node waits for its ring, and is not ready.
pub(in crate::cli) fn waiting() {
    tell(&[NotifyState::Status("waiting for the key ring: see the log")]);
}

/// The node ends.
pub(in crate::cli) fn ending() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ending: finishing what is under way")]);
}

/// Says again and again that the runtime still runs, where `WatchdogSec=` asks for it; never ends.
pub(in crate::cli) async fn watchdog() {
    let Some(within) = sd_notify::watchdog_enabled() else {
        return;
    };
    // Half of it, as sd_watchdog_enabled(3) advises.
    let mut often = tokio::time::interval(
        within.checked_div(2).unwrap_or(within).max(Duration::from_millis(1)),
    );
    loop {
        often.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
