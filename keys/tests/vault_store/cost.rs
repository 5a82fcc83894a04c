//! What a fleet costs Vault: measured with some nodes, reckoned for many.
//!
//! `SADDLEBAG_LONG_TESTS=1` writes docs/benchmarks/vault-load.md.

use std::fmt::Write;
use std::time::Instant;

use saddlebag_keys::{UnixTime, Watch, WatchOptions};

use super::*;
use crate::common::ring;
use crate::peers::{DevVault, FaultProxy, eventually};

const NODES: usize = 50;
const VERSIONS: u64 = 10;

#[test]
fn a_node_costs_vault_one_small_request_a_look() {
    let vault = DevVault::start();
    let proxy = FaultProxy::start(vault.address());
    let writer = store(vault.address(), vault.root_token());
    // As many versions as Vault keeps unless told otherwise: its metadata list them all.
    for generation in 1..=VERSIONS {
        writer.save(&ring(generation), (generation > 1).then(|| generation - 1)).unwrap();
    }
    let reader = store(&proxy.address(), vault.root_token());
    reader.look().unwrap();
    proxy.forget();
    reader.look().unwrap();
    eventually("the bytes are counted", || proxy.seen().iter().all(|seen| seen.sent > 0));
    let look: Vec<_> = proxy.seen();
    assert_eq!(look.len(), 1, "one request a look: {look:?}");
    let (asked, answered) = (look[0].received, look[0].sent);
    assert!(look[0].target.starts_with("/v1/secret/metadata/"));
    assert!(asked + answered < 4_096, "{asked} and {answered} bytes");
    proxy.forget();
    writer.save(&ring(VERSIONS + 1), Some(VERSIONS)).unwrap();
    reader.look().unwrap();
    eventually("the bytes are counted", || proxy.seen().iter().all(|seen| seen.sent > 0));
    let change: u64 = proxy.seen().iter().map(|seen| seen.received + seen.sent).sum();
    assert_eq!(proxy.seen().len(), 2, "metadata and secret");

    let refresh = Duration::from_secs(2);
    let options = || WatchOptions { refresh_every: refresh, ..WatchOptions::default() };
    let begin = Instant::now();
    let nodes: Vec<_> = (0..NODES)
        .map(|_| {
            Watch::new(store(&proxy.address(), vault.root_token()), options()).start().unwrap()
        })
        .collect();
    let started = begin.elapsed();
    proxy.forget();
    let begin = Instant::now();
    std::thread::sleep(refresh * 5);
    let requests = proxy.requests("GET", "/v1/*");
    let rate = f64::from(u32::try_from(requests).unwrap()) / begin.elapsed().as_secs_f64();
    let reckoned = f64::from(u32::try_from(NODES).unwrap()) / refresh.as_secs_f64();
    // A pause is as long on average as it is said to be, and the looks take time as well.
    assert!(rate < reckoned * 1.2, "{rate} requests a second, {reckoned} reckoned");
    let begin = Instant::now();
    writer.save(&ring(VERSIONS + 2), Some(VERSIONS + 1)).unwrap();
    let knows = |node: &saddlebag_keys::KeyRingHandle| {
        node.freshness(UnixTime::now()).generation == Some(VERSIONS + 2)
    };
    eventually("all nodes know", || nodes.iter().all(knows));
    let all_know = begin.elapsed();

    let mut text = String::new();
    writeln!(text, "# What a fleet costs Vault\n").unwrap();
    writeln!(
        text,
        "{}, Vault 1.21 in memory behind a counting proxy. Made by `SADDLEBAG_LONG_TESTS=1 cargo test -p saddlebag-keys \
         --features vault --test vault_store cost`. Bytes are those of HTTP, without TLS and TCP.\n",
        UnixTime::now()
    )
    .unwrap();
    writeln!(text, "Measured: a look asks {asked} bytes and is answered {answered} (metadata of {VERSIONS} versions); a change costs {change} bytes a node, the ring of two keys included.").unwrap();
    writeln!(
        text,
        "{NODES} nodes that look every {} s started in {:.1} s, asked {rate:.1} requests a second ({reckoned:.1} reckoned), and all knew a change {:.1} s after it was begun.\n",
        refresh.as_secs(), started.as_secs_f64(), all_know.as_secs_f64()
    )
    .unwrap();
    writeln!(text, "Reckoned from that, with the default of 60 s, a fifth more or less:\n")
        .unwrap();
    writeln!(text, "| nodes | requests a second | KB a second | GB a month | MB a change | all know after, at most |").unwrap();
    writeln!(text, "|---:|---:|---:|---:|---:|---:|").unwrap();
    for nodes in [10_u32, 100, 1_000, 10_000] {
        let rate = f64::from(nodes) / 60.0;
        let bytes = rate * (asked + answered) as f64;
        writeln!(
            text,
            "| {nodes} | {rate:.1} | {:.1} | {:.1} | {:.2} | 72 s and a look |",
            bytes / 1e3,
            bytes * 2_592_000.0 / 1e9,
            f64::from(nodes) * change as f64 / 1e6
        )
        .unwrap();
    }
    writeln!(
        text,
        "\nForged tokens of unknown keys make a node look once more in 10 s at most: six times as much, for as long as every node gets them."
    )
    .unwrap();
    println!("{text}");
    if std::env::var_os("SADDLEBAG_LONG_TESTS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/benchmarks/vault-load.md");
        std::fs::write(path, text).unwrap();
    }
}
