//! What every store promises, asked of each.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod common;
#[cfg(feature = "vault")]
mod peers;

use std::sync::{Arc, Barrier};
use std::thread;

use common::{ring, ring_of};
use saddlebag_keys::{FileStore, MemoryStore, Store, StoreErrorKind};

/// Runs the suite against stores that `empty` makes; what it keeps alive beside them is its own.
macro_rules! contract {
    ($store:ident, $empty:expr) => {
        mod $store {
            use super::*;

            #[test]
            fn an_empty_store_has_no_ring() {
                let (_keep, store) = $empty;
                super::an_empty_store_has_no_ring(&store);
            }

            #[test]
            fn what_was_saved_is_loaded() {
                let (_keep, store) = $empty;
                super::what_was_saved_is_loaded(&store);
            }

            #[test]
            fn a_ring_is_created_only_where_there_is_none() {
                let (_keep, store) = $empty;
                super::a_ring_is_created_only_where_there_is_none(&store);
            }

            #[test]
            fn a_save_over_another_generation_is_a_conflict_that_names_it() {
                let (_keep, store) = $empty;
                super::a_save_over_another_generation_is_a_conflict_that_names_it(&store);
            }

            /// T59.
            #[test]
            fn of_50_writers_that_read_one_generation_one_wins_and_the_others_are_told() {
                let (_keep, store) = $empty;
                super::of_50_writers_that_read_one_generation_one_wins(Arc::new(store));
            }

            #[test]
            fn generations_gained_are_saves_reported() {
                let (_keep, store) = $empty;
                super::generations_gained_are_saves_reported(Arc::new(store));
            }
        }
    };
}

contract!(file, {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("ring.json"));
    (folder, store)
});

contract!(memory, ((), MemoryStore::new()));

#[cfg(feature = "vault")]
contract!(vault, {
    let vault = peers::DevVault::start();
    let login = saddlebag_keys::VaultLogin::Token(vault.root_token().to_owned().into());
    let settings = saddlebag_keys::VaultSettings::new(vault.address(), login).unwrap();
    let place = "secret/shop/ring".parse().unwrap();
    (vault, saddlebag_keys::VaultStore::new(place, settings).unwrap())
});

fn an_empty_store_has_no_ring(store: &impl Store) {
    let error = store.load().unwrap_err();
    assert!(matches!(error.kind(), StoreErrorKind::NotFound), "{error}");
    assert_eq!(error.to_string(), format!("{}: there is no ring", store.location()));
    assert_eq!(error.conflict(), None);
}

fn what_was_saved_is_loaded(store: &impl Store) {
    store.save(&ring(1), None).unwrap();
    assert_eq!(store.load().unwrap(), ring(1));
    store.save(&ring_of("other", 2), Some(1)).unwrap();
    assert_eq!(store.load().unwrap(), ring_of("other", 2));
    assert_eq!(store.load().unwrap(), ring_of("other", 2));
}

fn a_ring_is_created_only_where_there_is_none(store: &impl Store) {
    store.save(&ring(4), None).unwrap();
    let conflict = store.save(&ring_of("other", 5), None).unwrap_err();
    assert_eq!(conflict.conflict(), Some(Some(4)));
    assert_eq!(
        conflict.to_string(),
        format!("{}: somebody else wrote first: generation 4 is there", store.location())
    );
    assert_eq!(store.load().unwrap(), ring(4));
}

fn a_save_over_another_generation_is_a_conflict_that_names_it(store: &impl Store) {
    let gone = store.save(&ring(2), Some(1)).unwrap_err();
    assert_eq!(gone.conflict(), Some(None), "{gone}");
    assert!(store.load().is_err(), "a refused save must save nothing");

    store.save(&ring(3), None).unwrap();
    for expected in [1, 2, 4] {
        let conflict = store.save(&ring(5), Some(expected)).unwrap_err();
        assert_eq!(conflict.conflict(), Some(Some(3)));
        assert_eq!(store.load().unwrap(), ring(3));
    }
}

fn of_50_writers_that_read_one_generation_one_wins(store: Arc<impl Store>) {
    // The first ring of all is a race too.
    for expected in [None, Some(1)] {
        let next = expected.map_or(1, |expected: u64| expected + 1);
        let start = Arc::new(Barrier::new(WRITERS));
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (store, start) = (Arc::clone(&store), Arc::clone(&start));
                thread::spawn(move || {
                    let mine = ring_of(&format!("writer {n}"), next);
                    start.wait();
                    (store.save(&mine, expected), mine)
                })
            })
            .collect();
        let results: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let (won, lost): (Vec<_>, Vec<_>) = results.iter().partition(|(saved, _)| saved.is_ok());
        assert_eq!(won.len(), 1);
        assert_eq!(store.load().unwrap(), won[0].1);
        for (saved, _) in lost {
            let error = saved.as_ref().unwrap_err();
            assert_eq!(error.conflict(), Some(Some(next)), "{error}");
        }
    }
}

fn generations_gained_are_saves_reported(store: Arc<impl Store>) {
    store.save(&ring(1), None).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                let mut saves = 0;
                for _ in 0..4 {
                    let read = store.load().unwrap().generation();
                    match store.save(&ring_of(&format!("{n}"), read + 1), Some(read)) {
                        Ok(()) => saves += 1,
                        Err(error) => {
                            let winner = error.conflict().flatten().expect("a conflict");
                            assert!(winner > read, "{winner} did not win over {read}");
                            assert!(winner <= store.load().unwrap().generation());
                        }
                    }
                }
                saves
            })
        })
        .collect();
    let saves: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert_eq!(store.load().unwrap().generation(), 1 + saves);
    assert!(saves > 0);
}

const WRITERS: usize = 50;
