//! A ring document put where another may be already: what `export` and `import` have in common.

use saddlebag_keys::{KeyRing, Store, StoreErrorKind, document};
use serde::Serialize;

use crate::cli::console::Console;
use crate::cli::failure::{Exit, Failure};
use crate::cli::ring::RingLocation;
use crate::cli::shown::Shown;

/// Saves `ring` in the store at `location`, over nothing but an older generation of the same ring and scope.
/// Gives whether there was anything to do.
pub(super) fn place(
    ring: &KeyRing,
    store: &dyn Store,
    location: &RingLocation,
    dry_run: bool,
) -> Result<bool, Failure> {
    let found = match store.load() {
        Ok(found) => Some(found),
        Err(error) if matches!(error.kind(), StoreErrorKind::NotFound) => None,
        Err(error) => return Err(Failure::store(&error, location)),
    };
    if let Some(found) = &found
        && is_there(ring, found, location)?
    {
        return Ok(false);
    }
    if !dry_run {
        let expected = found.as_ref().map(KeyRing::generation);
        store.save(ring, expected).map_err(|error| Failure::store(&error, location))?;
    }
    Ok(true)
}

/// Whether what is there is the same already; refuses what must not be replaced.
fn is_there(ring: &KeyRing, found: &KeyRing, location: &RingLocation) -> Result<bool, Failure> {
    if (found.name(), found.scope()) != (ring.name(), ring.scope()) {
        return Err(Failure::refused(
            format!("{location}: holds {}, not {}", told(found), told(ring)),
            "a ring is replaced by its own next generations alone: choose another file",
        ));
    }
    let (old, new) = (found.generation(), ring.generation());
    if old > new {
        return Err(Failure::conflict(
            format!("{location}: generation {old} is there, and {new} is older"),
            "a ring never goes back: bring the newest generation",
        ));
    }
    if old == new && document::digest(found) != document::digest(ring) {
        return Err(Failure::conflict(
            format!("{location}: generation {old} is there with another content"),
            "two rings have grown apart: keep the one that the nodes use, and make its next generation there",
        ));
    }
    Ok(old == new)
}

fn told(ring: &KeyRing) -> String {
    match ring.scope() {
        Some(audience) => format!("{}, scoped to {audience}", ring.name()),
        None => format!("{}, a root ring", ring.name()),
    }
}

/// Tells where a ring was put.
pub(super) fn report(
    console: &mut Console,
    ring: &KeyRing,
    location: &RingLocation,
    end: &Placed,
) -> Result<Exit, Failure> {
    let saved = end.written && !end.dry_run;
    if end.json {
        console.json(&PlacedAnswer {
            ring: location.to_string(),
            name: ring.name(),
            audience: ring.scope().map(saddlebag_keys::Audience::as_str),
            generation: ring.generation(),
            saved,
        })?;
        return Ok(Exit::Done);
    }
    let done = match (end.written, end.dry_run) {
        (false, _) => "is there already",
        (true, true) => "would be saved (dry run: nothing was)",
        (true, false) => "is saved",
    };
    console.line(format_args!(
        "{}: generation {} of {} {done}",
        Shown(&location.to_string()),
        ring.generation(),
        Shown(&told(ring)),
    ));
    Ok(Exit::Done)
}

/// How placing went, and how to tell it.
pub(super) struct Placed {
    pub(super) written: bool,
    pub(super) dry_run: bool,
    pub(super) json: bool,
}

#[derive(Serialize)]
struct PlacedAnswer<'a> {
    ring: String,
    name: &'a str,
    audience: Option<&'a str>,
    generation: u64,
    saved: bool,
}
