//! Three Vaults that keep their data in common (Raft), of which one can fail.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Client;
use super::dev_vault::unseal;
use super::file_vault::{configure, initialise, start};
use super::ports::Port;
use super::process::{Process, eventually};

/// A cluster, all of whose nodes vote.
pub(crate) struct RaftCluster {
    nodes: Vec<Node>,
    unseal_key: String,
}

struct Node {
    process: Option<Process>,
    client: Client,
    folder: TempDir,
    _port: Port,
}

impl RaftCluster {
    pub(crate) fn start(count: usize) -> Self {
        let mut nodes: Vec<Node> = (0..count).map(Node::start).collect();
        let (unseal_key, root_token) = initialise(&nodes[0].client);
        for node in &mut nodes {
            node.client = Client::new(node.client.address(), &root_token);
        }
        unseal(&nodes[0].client, &unseal_key);
        // A node votes only after so long in the cluster; ten seconds are the default.
        let sooner = json!({ "server_stabilization_time": "1s" });
        let autopilot = "sys/storage/raft/autopilot/configuration";
        nodes[0].client.must("POST", autopilot, Some(sooner));
        let first = nodes[0].client.clone();
        for node in &mut nodes[1..] {
            let leader = json!({ "leader_api_addr": first.address() });
            node.client.must("POST", "sys/storage/raft/join", Some(leader));
            node.unseal(&unseal_key);
        }
        nodes[0].process().wait_until("every node votes", || voters(&first) == count);
        Self { nodes, unseal_key }
    }

    /// Of the nodes, in order; those of nodes that do not run are kept.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.client.address().to_owned()).collect()
    }

    pub(crate) fn node(&self, index: usize) -> &Client {
        &self.nodes[index].client
    }

    /// The node that leads; waits where an election is on.
    pub(crate) fn leader(&self) -> usize {
        self.wait_for_leader()
    }

    /// Waits until a running node leads and serves.
    pub(crate) fn wait_for_leader(&self) -> usize {
        let mut leader = None;
        eventually("a node leads", || {
            leader = self
                .nodes
                .iter()
                .position(|node| node.process.is_some() && node.client.health() == Some(200));
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Ends a node as a power cut does.
    pub(crate) fn kill(&mut self, index: usize) {
        self.nodes[index].process.take().expect("it runs").kill();
    }

    /// Starts a node again, with the data that it had, and unseals it. It answers 500 until it has found the
    /// leader, or has become it.
    pub(crate) fn restart(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        assert!(node.process.is_none(), "it still runs");
        node.process = Some(start(node.folder.path(), &node.client));
        node.unseal(&self.unseal_key);
    }

    /// A node stands still, its connections open.
    pub(crate) fn freeze(&mut self, index: usize) {
        self.nodes[index].process().freeze();
    }

    pub(crate) fn thaw(&mut self, index: usize) {
        self.nodes[index].process().thaw();
    }
}

impl Node {
    fn start(index: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::free();
        let address = format!("http://{}", port.address());
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let tcp = json!({ "address": port.address(), "tls_disable": true });
        let raft = json!({
            "path": data,
            "node_id": format!("node-{index}"),
            // Of 1 to 10, with 5 the default: a new leader sooner, and yet none where a machine is busy.
            "performance_multiplier": 2,
        });
        let configuration = json!({
            "api_addr": address,
            "cluster_addr": format!("https://{}", port.cluster_address()),
            "listener": [{ "tcp": tcp }],
            "storage": { "raft": raft },
            "disable_mlock": true,
        });
        configure(folder.path(), &configuration);
        let client = Client::new(&address, "");
        let process = start(folder.path(), &client);
        Self { process: Some(process), client, folder, _port: port }
    }

    /// A node that joins takes its key share only once it has heard from the leader.
    fn unseal(&mut self, key: &str) {
        let client = self.client.clone();
        self.process().wait_until("it is unsealed", || {
            if matches!(client.health(), Some(200 | 429)) {
                return true;
            }
            let _ = client.api("PUT", "sys/unseal", Some(json!({ "key": key })));
            false
        });
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }
}

fn voters(leader: &Client) -> usize {
    let (_, answer) = leader.api("GET", "sys/storage/raft/configuration", None);
    let servers = answer["data"]["config"]["servers"].as_array().cloned().unwrap_or_default();
    servers.iter().filter(|server| server["voter"] == Value::Bool(true)).count()
}
