//! T62: what happens to bytes between a node and Vault, by Toxiproxy, at the start and later; each with recovery.

use serde_json::{Value, json};

use super::*;
use crate::common::ring;
use crate::peers::{DevVault, Stream, Toxiproxy};

#[test]
fn every_toxin_is_told_or_borne_and_passes() {
    let vault = DevVault::start();
    let toxiproxy = Toxiproxy::start();
    let proxy = toxiproxy.proxy(vault.address());
    store(vault.address(), vault.root_token()).save(&ring(1), None).unwrap();
    let patient = || store(&format!("http://{}", proxy.address()), vault.root_token());
    let hasty = || {
        let settings = settings(&format!("http://{}", proxy.address()), vault.root_token());
        VaultStore::new(PLACE.parse().unwrap(), settings.timeout(Duration::from_secs(1))).unwrap()
    };
    let running = hasty();
    assert_eq!(running.look().unwrap(), Some(ring(1)));

    // What is slow and comes in time is no failure.
    let borne: [(&str, Value); 4] = [
        ("latency", json!({"latency": 150, "jitter": 50})),
        ("slicer", json!({"average_size": 16, "size_variation": 8, "delay": 500})),
        ("bandwidth", json!({"rate": 16})),
        ("slow_close", json!({"delay": 1_000})),
    ];
    for (toxin, attributes) in borne {
        proxy.add_toxic(toxin, &attributes, Stream::Down);
        let slow = patient();
        assert_eq!(slow.look().unwrap(), Some(ring(1)), "{toxin}");
        assert_eq!(slow.look().unwrap(), Some(ring(1)), "{toxin}");
        proxy.clear();
    }

    // What never comes, or comes in pieces, is told, and over when it is over.
    let told: [(&str, Value, Stream); 5] = [
        ("timeout", json!({"timeout": 0}), Stream::Down),
        ("timeout", json!({"timeout": 0}), Stream::Up),
        ("reset_peer", json!({"timeout": 0}), Stream::Down),
        ("limit_data", json!({"bytes": 100}), Stream::Down),
        ("latency", json!({"latency": 60_000}), Stream::Down),
    ];
    for (toxin, attributes, stream) in told {
        proxy.add_toxic(toxin, &attributes, stream);
        refused(running.look(), unavailable);
        let starting = hasty();
        let words = refused(starting.look(), unavailable);
        assert!(!words.contains(vault.root_token()), "{words}");
        proxy.clear();
        assert_eq!(running.look().unwrap(), Some(ring(1)), "{toxin}");
        assert_eq!(starting.look().unwrap(), Some(ring(1)), "{toxin}");
    }

    // Nobody there at all.
    proxy.disable();
    refused(running.look(), unavailable);
    refused(hasty().look(), unavailable);
    proxy.enable();
    assert_eq!(running.look().unwrap(), Some(ring(1)));
}

/// A save under each of them happens once or not at all, and the writer knows which.
#[test]
fn a_save_through_toxins_happens_once_or_not_at_all() {
    let vault = DevVault::start();
    let toxiproxy = Toxiproxy::start();
    let proxy = toxiproxy.proxy(vault.address());
    let observer = store(vault.address(), vault.root_token());
    observer.save(&ring(1), None).unwrap();
    let writer = store(&format!("http://{}", proxy.address()), vault.root_token());
    let mut there = 1;
    let toxins = [
        ("timeout", json!({"timeout": 0}), Stream::Down),
        ("timeout", json!({"timeout": 0}), Stream::Up),
        ("reset_peer", json!({"timeout": 0}), Stream::Down),
        ("limit_data", json!({"bytes": 40}), Stream::Down),
    ];
    for (toxin, attributes, stream) in toxins {
        assert_eq!(writer.load().unwrap().generation(), there);
        proxy.add_toxic(toxin, &attributes, stream);
        let saved = writer.save(&ring(there + 1), Some(there));
        proxy.clear();
        let now = observer.load().unwrap().generation();
        match saved {
            Ok(()) => assert_eq!(now, there + 1, "{toxin}"),
            // Where neither the answer nor the ring came back, the writer cannot know, and says so.
            Err(error) => {
                assert!(unavailable(error.kind()), "{toxin}: {error}");
                assert!(
                    now == there || error.to_string().contains("nor could it be read back"),
                    "{error}"
                );
            }
        }
        assert!(now <= there + 1, "{toxin}: saved twice");
        there = now;
    }
}
