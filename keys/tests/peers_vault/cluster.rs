//! A cluster that loses its leader, and what its standbys answer meanwhile.

use serde_json::{Value, json};

use crate::peers::{Client, RaftCluster, eventually};

const RING: &str = "secret/data/ring";

fn write(node: &Client, cas: u64) -> (u16, Value) {
    node.api("POST", RING, Some(json!({ "options": { "cas": cas }, "data": { "x": cas } })))
}

fn version(node: &Client) -> Value {
    node.must("GET", RING, None)["data"]["metadata"]["version"].clone()
}

#[test]
fn a_cluster_whose_leader_is_killed_elects_another_and_keeps_what_was_written() {
    let mut cluster = RaftCluster::start(3);
    let first = cluster.leader();
    let standbys: Vec<usize> = (0..3).filter(|node| *node != first).collect();
    cluster.node(first).mount_kv("secret", 2);
    assert_eq!(write(cluster.node(first), 0).0, 200);

    // Standbys pass requests on, writes too, and there is one order of them.
    let standby = cluster.node(standbys[0]).clone();
    assert_eq!(standby.health(), Some(429));
    assert_eq!(version(&standby), 1);
    assert_eq!(write(&standby, 1).0, 200);
    assert_eq!(write(cluster.node(first), 1).0, 400);

    // Where a standby must not pass a request on, it names the leader's URL.
    let headers =
        [("x-vault-token", standby.root_token()), ("x-vault-no-request-forwarding", "true")];
    assert_eq!(standby.try_api(&headers, "GET", RING, None).unwrap(), (307, Value::Null));
    let answer = standby.must("GET", "sys/leader", None);
    assert_eq!(answer["leader_address"], cluster.node(first).address());

    // Until the others have elected one, they name the leader that is gone.
    cluster.kill(first);
    assert_eq!(standby.api("GET", RING, None), (307, Value::Null));
    let second = cluster.wait_for_leader();
    assert!(standbys.contains(&second));
    assert_eq!(version(cluster.node(second)), 2);
    assert_eq!(write(cluster.node(second), 2).0, 200);
    for standby in standbys {
        eventually("the other node knows the new leader", || {
            cluster.node(standby).api("GET", RING, None).0 == 200
        });
    }

    // One that comes back is a standby, and says 500 until it has found the leader.
    cluster.restart(first);
    let back = cluster.node(first);
    let mut answers = Vec::new();
    eventually("the first node knows the leader", || {
        answers.push(back.api("GET", RING, None));
        answers.last().unwrap().0 == 200
    });
    answers.dedup();
    let unknown = "local node not active but active cluster node not found";
    for (status, answer) in &answers[..answers.len() - 1] {
        assert_eq!((*status, &answer["errors"]), (500, &json!([unknown])));
    }
    assert_eq!(version(back), 3);
    assert_eq!(cluster.leader(), second);

    // One alone of three is no cluster: it serves nothing.
    cluster.kill(second);
    cluster.kill(cluster.addresses().len() - first - second);
    assert_ne!(cluster.node(first).api("GET", RING, None).0, 200);
    cluster.restart(second);
    let third = cluster.wait_for_leader();
    assert_eq!(version(cluster.node(third)), 3);
}
