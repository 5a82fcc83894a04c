//! `serve --rotate`: nodes that keep their ring going, and nodes that never write it.

use std::os::unix::fs::MetadataExt;

use saddlebag::keys::{FileStore, Store};

use crate::support::{Ring, Server, eventually, run};

/// A ring that is rotated every two seconds.
fn hasty() -> Ring {
    Ring::with(&[
        "--rotate-every",
        "2s",
        "--publish-ahead",
        "1s",
        "--max-token-lifetime",
        "2s",
        "--clock-skew",
        "0s",
    ])
}

fn generation(ring: &Ring) -> u64 {
    FileStore::new(ring.path()).load().unwrap().generation()
}

fn sample(server: &Server, name: &str) -> Option<u64> {
    let metrics = server.admin().get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

fn rotations(server: &Server, outcome: &str) -> u64 {
    sample(server, &format!("saddlebag_rotations_total{{outcome=\"{outcome}\"}}")).unwrap()
}

#[test]
fn two_nodes_rotate_one_ring_and_each_rotation_is_done_once() {
    let ring = hasty();
    let mut nodes = [ring.serve(&["--rotate"]).ready(), ring.serve(&["--rotate"]).ready()];
    eventually("the ring is rotated many times", || generation(&ring) >= 8);
    // Between two rotations, so that both numbers are of the same moment.
    eventually("each generation is one rotation of one node", || {
        let before = generation(&ring);
        let done: u64 = nodes.iter().map(|node| rotations(node, "done")).sum();
        generation(&ring) == before && done == before - 1
    });
    for node in &nodes {
        assert_eq!(rotations(node, "failed"), 0, "{}", node.read_log());
        assert!(sample(node, "saddlebag_rotation_next_timestamp_seconds").is_some());
    }
    for node in &mut nodes {
        node.signal("TERM");
        assert_eq!(node.wait(), Some(0), "{}", node.read_log());
    }
    let log = nodes.iter().map(Server::read_log).collect::<String>();
    assert!(log.contains("ring rotated generation=8"), "{log}");
}

#[test]
fn a_node_without_rotate_never_writes_to_the_ring() {
    let ring = hasty();
    let lock = ring.folder.path().join(".ring.json.lock");
    std::fs::remove_file(&lock).unwrap();
    let facts = || {
        let facts = std::fs::metadata(ring.path()).unwrap();
        (facts.ino(), facts.mtime(), facts.mtime_nsec(), std::fs::read(ring.path()).unwrap())
    };
    let before = facts();
    let node = ring.serve(&[]).ready();
    let overdue = r#"saddlebag_ring_next_rotation_seconds{ring="sessions"} -3"#;
    eventually("a rotation is overdue", || node.admin().get("/metrics").text.contains(overdue));
    assert_eq!(facts(), before);
    assert!(!lock.exists(), "it has not even begun to write");
    assert!(!node.admin().get("/metrics").text.contains("saddlebag_rotation"));
    let names = std::fs::read_dir(ring.folder.path()).unwrap().count();
    assert_eq!(names, 1, "nothing else was made there");
}

#[test]
fn a_node_that_cannot_rotate_counts_and_says_it_once_and_serves_on() {
    let ring = Ring::missing();
    let mut node = ring.serve(&["--rotate"]);
    eventually("it has tried twice", || rotations(&node, "failed") >= 2);
    assert_eq!(sample(&node, "saddlebag_rotation_next_timestamp_seconds"), None);
    let (code, _, told) = run(&["keys", "init", "--ring", &ring.place()], "");
    assert_eq!(code, 0, "{told}");
    node.line("ready");
    let next = || sample(&node, "saddlebag_rotation_next_timestamp_seconds");
    eventually("it knows when to rotate", || next().is_some());
    let log = node.read_log();
    assert_eq!(log.matches("the ring was not rotated").count(), 1, "{log}");
    assert_eq!(log.matches("nothing to rotate yet").count(), 1, "{log}");
}

#[test]
fn a_scoped_ring_is_rotated_at_its_root_alone() {
    let ring = Ring::new();
    let scoped = Ring::missing();
    let out = scoped.path().display().to_string();
    let place = ring.place();
    let export = ["keys", "export", "--ring", &place, "--audience", "shop", "--out", &out];
    assert_eq!(run(&export, "").0, 0);
    let scoped = scoped.place();
    let serve = ["serve", "--ring", &scoped, "--audience", "shop", "--credential-ring", &place];
    let serve = [&serve[..], &["--rotate", "--listen", "127.0.0.1:0"]].concat();
    let (code, _, told) = run(&[&serve[..], &["--admin-listen", "127.0.0.1:0"]].concat(), "");
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("error: --rotate: the ring is scoped to shop"), "{told}");
    let (code, shown, _) = run(&[&serve[..], &["--check"]].concat(), "");
    assert_eq!(code, 1);
    assert!(shown.contains("problem: --rotate: the ring is scoped to shop"), "{shown}");
}
