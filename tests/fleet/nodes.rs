//! Five nodes, three Vaults, two rotators, and what befalls them.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use saddlebag::keys::UnixTime;
use serde_json::Value;
use tempfile::TempDir;

use crate::faketime::Clock;
use crate::load::Load;
use crate::peers::{Fault, FaultProxy, RaftCluster, When};
use crate::support::{Caller, Server, eventually, saddlebag};
use crate::{PATIENCE, Scale};

pub const PLACE: &str = "vault:secret/shop/ring";
const NODES: usize = 5;
/// The node that loses its way to Vault.
pub const CUT_OFF: usize = 4;

/// Where the nodes are just now; none while one is down.
pub type Addresses = Arc<Mutex<Vec<Option<Caller>>>>;

pub struct Fleet {
    scale: Scale,
    vault: RaftCluster,
    /// In front of Vault, for the node that will be cut off.
    way: FaultProxy,
    nodes: Vec<Option<Server>>,
    clocks: Vec<Clock>,
    folders: Vec<TempDir>,
    rotators: Vec<Child>,
    reader: String,
    rotator: String,
    pub credential: String,
    pub addresses: Addresses,
    killed: u64,
    first_generation: u64,
}

impl Fleet {
    pub fn start(scale: Scale) -> Self {
        let vault = RaftCluster::start(3);
        let leader = vault.node(vault.leader()).clone();
        leader.mount_kv("secret", 2);
        leader.policy("reader", include_str!("../../deploy/vault/reader.hcl"));
        leader.policy("rotator", include_str!("../../deploy/vault/rotator.hcl"));
        let reader = leader.token(&["reader"], "24h", true);
        let rotator = leader.token(&["rotator"], "24h", true);
        let way = FaultProxy::start(leader.address());
        let folders: Vec<_> = (0..NODES).map(|_| tempfile::tempdir().unwrap()).collect();
        let clocks = folders.iter().map(|folder| Clock::new(folder.path())).collect::<Vec<_>>();
        // As far apart as the policy allows, and no further.
        let half = i64::try_from(scale.skew / 2).unwrap();
        for (clock, offset) in clocks.iter().zip([0, half, -half, half, -half]) {
            clock.set(offset);
        }
        let mut fleet = Self {
            scale,
            vault,
            way,
            nodes: (0..NODES).map(|_| None).collect(),
            clocks,
            folders,
            rotators: Vec::new(),
            reader,
            rotator,
            credential: String::new(),
            addresses: Arc::new(Mutex::new(vec![None; NODES])),
            killed: 0,
            first_generation: 0,
        };
        let seconds = |seconds: u64| format!("{seconds}s");
        fleet.verb(&[
            "keys",
            "init",
            "--name",
            "fleet",
            "--rotate-every",
            &seconds(scale.publish_ahead),
            "--publish-ahead",
            &seconds(scale.publish_ahead),
            "--max-token-lifetime",
            &seconds(scale.lifetime),
            "--clock-skew",
            &seconds(scale.skew),
        ]);
        // Callers are not what is tested: their credentials are of a ring that stays as it is.
        let apart = fleet.credentials();
        let arguments = ["init", "--ring", &apart, "--name", "callers"];
        fleet.verb(&[&["keys"], &arguments[..]].concat());
        let roles = ["--role", "issue", "--role", "verify", "--role", "admin"];
        let issue =
            [&["credential", "issue", "--ring", &apart, "--lifetime", "1d"], &roles[..]].concat();
        fleet.credential = fleet.verb(&issue).trim_end().to_owned();
        for node in 0..NODES {
            fleet.start_node(node);
        }
        fleet.first_generation = fleet.generation();
        for _ in 0..2 {
            let mut command = saddlebag();
            command.args(["keys", "watch", "--ring", PLACE]);
            fleet.to_vault(&mut command, &fleet.rotator);
            let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            fleet.rotators.push(child.unwrap());
        }
        fleet
    }

    fn credentials(&self) -> String {
        format!("file:{}", self.folders[0].path().join("callers.json").display())
    }

    fn to_vault(&self, command: &mut Command, token: &str) {
        let addresses = self.vault.addresses();
        command.env("VAULT_ADDR", &addresses[0]).env("VAULT_TOKEN", token);
        command
            .env("SADDLEBAG_VAULT_ALSO", addresses.join(","))
            .env("VAULT_CLIENT_TIMEOUT", PATIENCE.to_string());
    }

    /// Runs a verb on the ring, until it is done: Vault may be without a leader just now.
    fn verb(&self, arguments: &[&str]) -> String {
        let mut printed = None;
        eventually(&arguments.join(" "), || {
            let mut command = saddlebag();
            command.args(arguments);
            if !arguments.contains(&"--ring") {
                command.args(["--ring", PLACE]);
            }
            self.to_vault(&mut command, &self.rotator);
            let output = command.output().unwrap();
            let done = output.status.success();
            printed = done.then(|| String::from_utf8(output.stdout).unwrap());
            done
        });
        printed.unwrap()
    }

    fn start_node(&mut self, index: usize) {
        let folder = self.folders[index].path().to_owned();
        let (state, copy) = (folder.join("state"), folder.join("copy.json"));
        let refresh = format!("{}s", self.scale.refresh);
        let credentials = self.credentials();
        let arguments = [
            "--ring",
            PLACE,
            "--audience",
            "shop",
            "--refresh-every",
            &refresh,
            "--state-dir",
            state.to_str().unwrap(),
            "--ring-cache",
            copy.to_str().unwrap(),
            "--credential-ring",
            &credentials,
            "--drain",
            "0s",
        ];
        let server = Server::start(&arguments, |command| {
            self.to_vault(command, &self.reader);
            if index == CUT_OFF {
                command.env("VAULT_ADDR", self.way.address()).env_remove("SADDLEBAG_VAULT_ALSO");
            }
            self.clocks[index].of(command);
        })
        .ready();
        self.addresses.lock().unwrap()[index] = Some(server.caller(&self.credential));
        self.nodes[index] = Some(server);
    }

    /// Kills a node with -9, and starts it again, over and over; never the one that is cut off.
    pub fn kill_nodes_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            std::thread::sleep(time.min(Duration::from_secs(self.scale.publish_ahead / 3)));
            let index = usize::try_from(self.killed).unwrap() % CUT_OFF;
            self.addresses.lock().unwrap()[index] = None;
            drop(self.nodes[index].take());
            self.killed += 1;
            self.start_node(index);
        }
    }

    /// From now on a node hears nothing of Vault; the keys that it was told of until then are the load's to know.
    pub fn cut_one_off(&mut self, load: &Load) {
        self.way.fault(When::always(), Fault::HangUp);
        eprintln!("{}: node {CUT_OFF} is cut off", now());
        // A look that is under way may still bring something.
        std::thread::sleep(Duration::from_secs(4));
        load.knows(self.keys_of(CUT_OFF));
    }

    fn keys_of(&self, index: usize) -> BTreeSet<String> {
        let ids = |answer: &Value| {
            let keys = answer["keys"].as_array().unwrap();
            keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect()
        };
        ids(&self.ring_of(index))
    }

    fn ring_of(&self, index: usize) -> Value {
        let caller = self.addresses.lock().unwrap()[index].clone().unwrap();
        caller.get("/v1/keys").json()
    }

    /// Seals whichever Vault leads, and says which that was. Another takes over where enough are left.
    pub fn seal_the_leader(&mut self) -> usize {
        let leader = self.vault.leader();
        eprintln!("{}: Vault {leader} leads, and is sealed", now());
        self.vault.node(leader).seal();
        leader
    }

    pub fn kill_the_leader(&mut self) -> usize {
        let leader = self.vault.leader();
        eprintln!("{}: Vault {leader} leads, and is killed", now());
        self.vault.kill(leader);
        leader
    }

    pub fn restart_vault(&mut self, index: usize) {
        if self.vault.node(index).health().is_some() {
            self.vault.kill(index);
        }
        self.vault.restart(index);
        eprintln!("{}: Vault {index} serves again", now());
    }

    fn generation(&self) -> u64 {
        let shown: Value = serde_json::from_str(&self.verb(&["keys", "show", "--json"])).unwrap();
        shown["generation"].as_u64().unwrap()
    }

    /// Every generation since the start is a rotation.
    pub fn rotations(&self) -> u64 {
        self.generation() - self.first_generation
    }

    pub fn killed(&self) -> u64 {
        self.killed
    }

    /// Revokes a key, and gives the generation in which it is.
    pub fn revoke(&self, key: &str) -> u64 {
        // An id may begin with a dash.
        self.verb(&["keys", "revoke", "--yes", "--ring", PLACE, "--", key]);
        self.generation()
    }

    /// Until every node that reaches Vault has it; how long that took.
    pub fn wait_until_all_know(&self, generation: u64) -> Duration {
        let begin = Instant::now();
        eventually("every node has the ring in which the key is revoked", || {
            (0..CUT_OFF).all(|index| self.ring_of(index)["generation"].as_u64() >= Some(generation))
        });
        begin.elapsed()
    }

    pub fn all_fresh(&self) -> bool {
        (0..CUT_OFF).all(|index| self.ring_of(index)["last_error"].is_null())
            && !self.ring_of(CUT_OFF)["last_error"].is_null()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for child in &mut self.rotators {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn now() -> u64 {
    UnixTime::now().as_secs()
}
