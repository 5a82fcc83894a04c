//! `keys publish --watch`: a task a place, so that one which hangs holds up no other.

use std::sync::Arc;
use std::time::Duration;

use saddlebag_keys::{Audience, KeyRing, KeyRingHandle, Store, Watch, WatchError, WatchOptions};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{Publish, put};
use crate::cli::End;
use crate::cli::console::Console;
use crate::cli::failure::Failure;
use crate::cli::keys::export;
use crate::cli::keys::placed::{self, Placed};
use crate::cli::ring::RingLocation;
use crate::cli::until_told::{backoff, until_told};

/// The root ring, and the places that are kept in step with it.
pub(super) struct InStep {
    publish: Publish,
    root: KeyRingHandle,
}

/// What came of bringing the scoped ring to a place.
struct Brought {
    place: RingLocation,
    /// The ring that is there now, and whether it was saved by this.
    there: Result<(KeyRing, bool), Failure>,
}

impl InStep {
    pub(super) fn run(publish: Publish, console: &mut Console) -> End {
        let store = publish.ring.store()?;
        let refresh_every = publish.ring.location.usual_refresh();
        let options = WatchOptions { refresh_every, ..WatchOptions::default() };
        let (root, first) = Watch::new(store, options).start_waiting();
        if let Err(WatchError::Store(error)) = &first {
            console.tell(&Failure::store(error, &publish.ring.location));
        }
        if let Some(ring) = root.ring() {
            // What can never be is told at once, and not at each place.
            export::scoped(&ring, &publish.audience)?;
        }
        let failed = root.freshness(console.now()).last_error;
        until_told(Self { publish, root }.keep(console, failed))
    }

    async fn keep(self, console: &mut Console, mut failed: Option<String>) -> End {
        let (tell, mut told) = unbounded_channel();
        for place in &self.publish.to {
            let kept = Kept {
                store: Arc::from(place.open(self.publish.opening())?),
                place: place.clone(),
                audience: self.publish.audience.clone(),
                root: self.root.clone(),
            };
            tokio::spawn(kept.keep(tell.clone()));
        }
        loop {
            tokio::select! {
                Some(brought) = told.recv() => self.tell(console, &brought)?,
                () = tokio::time::sleep(Duration::from_secs(1)) => {
                    let error = self.root.freshness(console.now()).last_error;
                    if error != failed {
                        self.tell_of_root(console, error.as_deref());
                        failed = error;
                    }
                }
            }
        }
    }

    fn tell(&self, console: &mut Console, brought: &Brought) -> Result<(), Failure> {
        match &brought.there {
            Ok((scoped, written)) => {
                let end = Placed { written: *written, dry_run: false, json: self.publish.json };
                placed::report(console, scoped, &brought.place, &end)?;
                console.flush();
            }
            Err(failure) => console.tell(failure),
        }
        Ok(())
    }

    fn tell_of_root(&self, console: &mut Console, error: Option<&str>) {
        match error {
            Some(error) => console.tell(&Failure::unavailable(
                error,
                "what is published stays as it is until the root ring can be read",
            )),
            None => console.note(format_args!("{} can be read again", self.publish.ring.location)),
        }
    }
}

/// One place.
struct Kept {
    place: RingLocation,
    store: Arc<dyn Store>,
    audience: Audience,
    root: KeyRingHandle,
}

impl Kept {
    /// Brings each change, and looks from time to time whether it is still there. Tells what is news.
    async fn keep(self, tell: UnboundedSender<Brought>) {
        let (mut failures, mut said): (u32, Option<String>) = (0, None);
        let mut begun = false;
        loop {
            let version = self.root.version();
            let mut pause = LOOK_AGAIN;
            if let Some(brought) = self.bring().await {
                let news = match &brought.there {
                    Ok((_, written)) => {
                        failures = 0;
                        // The first look, a save, and a place that is mended.
                        let news = *written || said.take().is_some() || !begun;
                        begun = true;
                        news
                    }
                    Err(failure) => {
                        failures = failures.saturating_add(1);
                        pause = backoff(failures);
                        let error = Some(failure.error().to_owned());
                        let news = said != error;
                        said = error;
                        news
                    }
                };
                if news && tell.send(brought).is_err() {
                    return;
                }
            }
            self.pause(version, pause).await;
        }
    }

    /// Puts the ring of now there; nothing where there is no root ring yet.
    async fn bring(&self) -> Option<Brought> {
        let root = self.root.ring()?;
        let (place, store) = (self.place.clone(), Arc::clone(&self.store));
        let audience = self.audience.clone();
        let brought = tokio::task::spawn_blocking(move || {
            let there = export::scoped(&root, &audience).and_then(|scoped| {
                let written = put(&scoped, &*store, &place, false)?;
                Ok((scoped, written))
            });
            Brought { place, there }
        });
        // A panic was told of by its place; this task tries again.
        brought.await.ok()
    }

    /// Waits, for no longer than until the root ring changes.
    async fn pause(&self, version: u64, longest: Duration) {
        let changed = async {
            while self.root.version() == version {
                tokio::time::sleep(NOTICE).await;
            }
        };
        let _ = tokio::time::timeout(longest, changed).await;
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(30);
const NOTICE: Duration = Duration::from_millis(100);
